"""Prunes voices: applies `kalakan.export.prune` to the models of a voice folder and reports the changes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalakan.errors import ExportError
from kalakan.export.onnx.shared_weights import halve
from kalakan.export.prune import changed_settings, cut_channels, zero_share, zero_weights
from kalakan.export.voice import add_vocoder, with_acoustic
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import Voice, load_voice
from kalakan.voices.weights import LoadedModel, float32_state, load_acoustic, load_vocoder, save_pt

METHODS = {"channels": cut_channels, "weights": zero_weights}
"""Pruning methods."""
PARTS = ("acoustic", "vocoder")
"""Models of a voice."""


@dataclass(frozen=True)
class Change:
    """Effect of pruning on one model of a voice."""

    part: str
    """"acoustic" or "vocoder"."""
    model_type: str
    """Its type."""
    parameters: tuple[int, int]
    """Number of its parameters before and after."""
    bytes: tuple[int, int]
    """Size of its weights in 16 bits, before and after."""
    zeros: tuple[float, float]
    """Share of its weights that are zero, before and after."""
    settings: dict[str, Any]
    """Settings of section `model` required to continue training it."""


def prune_voice(
    source: str | Path, target: str | Path, *, amount: float, method: str = "channels", part: str = "both"
) -> list[Change]:
    """Writes the voice in `source`, pruned and with weights in 16 bits, to `target`; returns the changes of each model.

    `amount` is a share between 0 and 1, `method` "channels" or "weights", `part` "acoustic", "vocoder" or "both".
    Raises `ExportError` for a model that cannot be pruned, `VoiceError` for a broken voice or a target in use.
    """
    if method not in METHODS:
        raise ExportError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    if part not in (*PARTS, "both"):
        raise ExportError(f"part is {part!r}; choose one of {', '.join(PARTS)}, both")
    voice = load_voice(source)
    changes: list[Change] = []
    parts = PARTS if part == "both" else (part,)
    for name in parts:  # before anything is written
        if not voice.has(f"{name}.safetensors"):
            kind = getattr(voice.manifest, name).type
            raise ExportError(
                f"{voice.path}: its {name} is {kind}, which has no weights to prune; name another part"
            )
    for name in parts:
        voice, change = _prune(voice, Path(target), name, amount, method)
        changes.append(change)
    return changes


def _prune(voice: Voice, target: Path, part: str, amount: float, method: str) -> tuple[Voice, Change]:
    record: ModelRecord = getattr(voice.manifest, part)
    load = load_acoustic if part == "acoustic" else load_vocoder
    before = LoadedModel(load(voice), record, voice.manifest.audio)
    known = (_numbers(before), _bytes(before), zero_share(before.module))
    after = METHODS[method](before, amount)
    pruned = (
        with_acoustic(voice, after, target) if part == "acoustic" else _with_vocoder(voice, after, target)
    )
    change = Change(
        part,
        record.type,
        (known[0], _numbers(after)),
        (known[1], _bytes(after)),
        (known[2], zero_share(after.module)),
        {} if after is before else changed_settings(before, after),
    )
    return pruned, change


def _with_vocoder(voice: Voice, model: LoadedModel, target: Path) -> Voice:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vocoder_model.pt")
        save_pt(path, model.module, model.record, model.audio)
        return add_vocoder(voice.path, path, target, half_weights=True)


def _numbers(model: LoadedModel) -> int:
    return sum(value.numel() for value in model.module.state_dict().values())


def _bytes(model: LoadedModel) -> int:
    from safetensors.torch import save

    return len(save(halve(float32_state(model.module))))
