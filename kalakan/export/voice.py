"""Gives a trained voice the form that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from kalakan.export.onnx import export_acoustic
from kalakan.voices.package import MANIFEST, Voice, load_voice, save_voice
from kalakan.voices.weights import load_acoustic

if TYPE_CHECKING:
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2


def add_onnx(source: str | Path, target: str | Path | None = None, *, half_weights: bool = False) -> Voice:
    """The voice in `source` with `acoustic.onnx`, written to `target` (default: in its place).

    Raises `VoiceError` for a broken voice and `ExportError` if the exported model differs from torch's.
    """
    voice = load_voice(source)
    model = cast("FastSpeech2", load_acoustic(voice))
    files: dict[str, bytes | Path] = {name: voice.file(name).read_bytes() for name in voice.manifest.files}
    files.pop(MANIFEST, None)
    files["acoustic.onnx"] = export_acoustic(model, half_weights=half_weights)
    return save_voice(target if target is not None else voice.path, voice.manifest, files)
