"""Exports the models of a trained voice for inference without torch."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kalakan.export.onnx.acoustic import TOLERANCE, check_acoustic, check_exportable, rounded, trace_acoustic
from kalakan.export.onnx.acoustic_parts import check_parts, export_parts
from kalakan.export.onnx.optional_inputs import serialized
from kalakan.export.onnx.shared_weights import halve, share_weights
from kalakan.export.onnx.vocoder import TOLERANCE as SAMPLE_TOLERANCE
from kalakan.export.onnx.vocoder import check_filters, check_vocoder, filters_graph, trace_vocoder
from kalakan.models.interfaces import takes_f0
from kalakan.voices.files import (
    ACOUSTIC,
    ACOUSTIC_WEIGHTS,
    DECODER,
    ENCODER,
    FILTERS,
    VOCODER,
    VOCODER_WEIGHTS,
)
from kalakan.voices.package import Voice, load_voice, save_voice
from kalakan.voices.save import with_vocoder
from kalakan.voices.weights import LoadedModel, float32_state, load_acoustic, load_vocoder_of

if TYPE_CHECKING:
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2


def add_onnx(source: str | Path, target: str | Path | None = None, *, half_weights: bool = False) -> Voice:
    """Adds ONNX files of its acoustic model to the voice in `source`, written to `target` (default: in place).

    The ONNX files hold graphs and read the weights from `acoustic.safetensors` in the same folder; an encoder and a
    decoder (see `acoustic_parts`) are included if the model can decode a sentence in windows. `half_weights`
    rounds the matrices to 16 bits for both engines and halves the size of the voice.
    Raises `VoiceError` for a broken voice and `ExportError` if the exported model differs from torch's or cannot be
    exported to ONNX.
    """
    from safetensors.torch import save

    voice = load_voice(source)
    check_exportable(voice.manifest.acoustic.type)
    files: dict[str, bytes | Path] = {name: voice.file(name).read_bytes() for name in voice.manifest.files}
    model = cast("FastSpeech2", load_acoustic(voice))
    if half_weights:
        model = rounded(model)
    state = float32_state(model)
    weights = save(halve(state) if half_weights else state)
    graph = trace_acoustic(model, fold=False)
    share_weights(graph, "model.", weights, ACOUSTIC_WEIGHTS)
    files[ACOUSTIC_WEIGHTS], files[ACOUSTIC] = weights, serialized(graph)
    parts = export_parts(model, weights, ACOUSTIC_WEIGHTS)
    files = {name: content for name, content in files.items() if name not in (ENCODER, DECODER)}
    files.update(parts)
    with tempfile.TemporaryDirectory() as folder:
        for name in (ACOUSTIC_WEIGHTS, ACOUSTIC, *parts):
            Path(folder, name).write_bytes(cast(bytes, files[name]))
        check_acoustic(model, str(Path(folder, ACOUSTIC)), TOLERANCE)
        if parts:
            check_parts(model, Path(folder))
    return save_voice(target if target is not None else voice.path, voice.manifest, files)


def with_acoustic(voice: Voice, model: LoadedModel, target: str | Path) -> Voice:
    """Writes `voice` with another acoustic model of its kind, and with weights in 16 bits, to `target`; the graphs are
    traced again and all other files stay. Raises as `add_onnx`."""
    from safetensors.torch import save

    files: dict[str, bytes | Path] = {
        name: voice.file(name).read_bytes()
        for name in voice.manifest.files
        if not (name.startswith("acoustic") and name.endswith((".onnx", ".safetensors")))
    }
    files[ACOUSTIC_WEIGHTS] = save(float32_state(model.module))
    save_voice(target, replace(voice.manifest, acoustic=model.record), files)
    return add_onnx(target, half_weights=True)


def add_vocoder(
    voice: str | Path, weights: str | Path, target: str | Path | None = None, *, half_weights: bool = False
) -> Voice:
    """Adds the vocoder of `weights` (`vocoder_model.pt`, or a voice) to the voice in folder `voice`.

    Written to `target` (default: in place). The ONNX files read their weights from `vocoder.safetensors` in the same
    folder; `half_weights` rounds the matrices to 16 bits for both engines. Raises `VoiceError` for files that do not
    match and `ExportError` if the exported model differs from torch's.
    """
    from safetensors.torch import save

    loaded = load_vocoder_of(weights)
    model = loaded.module
    state = float32_state(model)
    if half_weights:
        state = halve(state)
        model.load_state_dict({name: value.float() for name, value in state.items()})
    content = save(state)
    graph = trace_vocoder(model, fold=False)
    share_weights(graph, "model.", content, VOCODER_WEIGHTS)
    files = {VOCODER_WEIGHTS: content, VOCODER: serialized(graph)}
    if takes_f0(model):
        files[FILTERS] = serialized(filters_graph(graph))
    with tempfile.TemporaryDirectory() as folder:
        for name, value in files.items():
            Path(folder, name).write_bytes(value)
        check_vocoder(model, str(Path(folder, VOCODER)), SAMPLE_TOLERANCE)
        if FILTERS in files:
            check_filters(Path(folder))
    return with_vocoder(load_voice(voice), loaded.record, loaded.audio, files, target)
