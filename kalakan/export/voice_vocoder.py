"""Puts a trained vocoder into a voice, for both engines."""

from __future__ import annotations

import tempfile
from pathlib import Path

from kalakan.errors import VoiceError
from kalakan.export.onnx.shared_weights import halve, share_weights
from kalakan.export.onnx.vocoder import TOLERANCE, check_filters, check_vocoder, filters_graph, trace_vocoder
from kalakan.models import registry
from kalakan.voices.files import FILTERS, VOCODER, VOCODER_WEIGHTS
from kalakan.voices.package import Voice, load_voice
from kalakan.voices.vocoder import with_vocoder
from kalakan.voices.weights import float32_state, load_pt


def add_vocoder(
    voice: str | Path, weights: str | Path, target: str | Path | None = None, *, half_weights: bool = False
) -> Voice:
    """The voice in folder `voice` with the vocoder of `weights` (`vocoder_model.pt`), written to `target`.

    `target` defaults to the voice's own place. The ONNX files read their weights out of `vocoder.safetensors` beside
    it; `half_weights` rounds the matrices to 16 bits for both engines. Raises `VoiceError` for files that do not
    fit and `ExportError` if the exported model differs from torch's.
    """
    from safetensors.torch import save

    loaded = load_pt(weights)
    if registry.entry(loaded.record.type).kind != "vocoder":
        raise VoiceError(f"{weights}: holds a {loaded.record.type}, which is no vocoder")
    model = loaded.module
    state = float32_state(model)
    if half_weights:
        state = halve(state)
        model.load_state_dict({name: value.float() for name, value in state.items()})
    content = save(state)
    graph = trace_vocoder(model, fold=False)
    share_weights(graph, "model.", content, VOCODER_WEIGHTS)
    files = {VOCODER_WEIGHTS: content, VOCODER: bytes(graph.SerializeToString())}
    if getattr(model, "takes_f0", False):
        files[FILTERS] = bytes(filters_graph(graph).SerializeToString())
    with tempfile.TemporaryDirectory() as folder:
        for name, value in files.items():
            Path(folder, name).write_bytes(value)
        check_vocoder(model, str(Path(folder, VOCODER)), TOLERANCE)
        if FILTERS in files:
            check_filters(Path(folder))
    return with_vocoder(load_voice(voice), loaded.record, loaded.audio, files, target)
