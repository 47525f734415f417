"""Quantizes the graphs of an exported voice; the weights are still stored once, in the safetensors files."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import torch

from kalakan.errors import ExportError
from kalakan.export.onnx.acoustic import check_acoustic
from kalakan.export.onnx.acoustic_parts import check_parts
from kalakan.export.onnx.activation_ranges import Range, measure
from kalakan.export.onnx.calibration import acoustic_inputs, vocoder_inputs
from kalakan.export.onnx.matmuls import EXACT, LEAST_EXACT, candidates
from kalakan.export.onnx.quantize import quantize_graph
from kalakan.export.onnx.shared_weights import Slice, point_at, read_layout
from kalakan.export.onnx.vocoder import check_filters, check_vocoder
from kalakan.voices.files import ACOUSTIC, DECODER, FILTERS, VOCODER
from kalakan.voices.package import Voice, load_voice, save_voice
from kalakan.voices.weights import SCALE, load_acoustic, load_vocoder

if TYPE_CHECKING:
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2
    from kalakan.models.vocoders.harmonic_noise import HarmonicNoise

Activations = Literal["static", "dynamic"]
MEL_TOLERANCE = 0.5
"""Maximum difference of log-mel values between torch, which does not quantize activations, and the quantized graph."""
SAMPLE_TOLERANCE = 0.05
"""The same for samples of the vocoder's audio in [-1, 1]."""


@dataclass(frozen=True)
class _Shared:
    """A loaded graph of a voice, with the tensors that it reads from a safetensors file."""

    model: Any
    keys: dict[str, str]
    """Tensor name in the safetensors file for each initializer."""


def quantize_voice(
    source: str | Path,
    target: str | Path | None = None,
    *,
    activations: Activations = "dynamic",
    exact: bool = True,
) -> Voice:
    """Quantizes the graphs of the voice in `source`, written to `target` (default: in place).

    `activations` are quantized with constant scales, calibrated on `calibration.TEXTS` ("static": the voice still
    streams within sentences), or with scales computed by each call ("dynamic": it streams sentence by sentence).
    `exact` keeps every bit of durations and F0: the encoder and the predictors of both stay in floats. Without it,
    which needs constant scales, they are quantized too.

    Quantized weights are stored in the safetensors file as integers and scales, which torch multiplies at load time:
    both engines have the same weights, and the voice is smaller.
    Raises `ExportError` if the voice has no graph, if nothing in it can be quantized, if durations differ from torch's
    (without `exact`: by more than `check_acoustic` allows), or if the quantized graphs differ from torch by more than
    `MEL_TOLERANCE` or `SAMPLE_TOLERANCE`.
    """
    if not exact and activations != "static":
        raise ExportError("without exact durations and F0, scales are measured; quantize with static scales")
    voice = load_voice(source)
    kept = EXACT if exact else LEAST_EXACT
    files: dict[str, bytes | Path] = {name: voice.file(name).read_bytes() for name in voice.manifest.files}
    changed = [
        _quantize_readers(voice, name, files, activations, kept)
        for name in sorted(files)
        if name.endswith(".safetensors")
    ]
    if not any(changed):
        raise ExportError(
            f"{voice.path}: holds no graph with weights to quantize; export it first, and again if it is quantized"
        )
    with tempfile.TemporaryDirectory() as folder:
        _check(save_voice(Path(folder, "voice"), voice.manifest, files))
    return save_voice(target if target is not None else voice.path, voice.manifest, files)


def _quantize_readers(
    voice: Voice,
    weights: str,
    files: dict[str, bytes | Path],
    activations: Activations,
    exact: tuple[str, ...],
) -> bool:
    """Quantizes every graph in `files` that reads `weights`, and that file; False if there was nothing to do."""
    from safetensors.torch import load, save

    content = cast(bytes, files[weights])
    shared = {name: _open(voice, name, weights, content) for name in files if name.endswith(".onnx")}
    shared = {name: item for name, item in shared.items() if item.keys}
    chosen = _agreed(list(shared.values()), exact)
    if not chosen:
        return False
    ranges = _measure(voice, shared, chosen, exact) if activations == "static" else None
    state = load(content)
    for item in shared.values():
        names = {name: key for name, key in item.keys.items() if key in chosen}
        limits = None if ranges is None else {name: ranges[key] for name, key in names.items()}
        for found in quantize_graph(item.model, names, limits, exact):
            key = item.keys[found.source]
            state[key], state[key + SCALE] = torch.from_numpy(found.values), torch.from_numpy(found.scales)
            item.keys[f"{found.source}.int8"], item.keys[f"{found.source}.scale"] = key, key + SCALE
    content = save(state)
    layout = read_layout(content)
    for name, item in shared.items():
        _point(item, layout, weights)
        files[name] = item.model.SerializeToString()
    files[weights] = content
    return True


def _measure(
    voice: Voice, shared: dict[str, _Shared], chosen: set[str], exact: tuple[str, ...]
) -> dict[str, Range]:
    """Range and moments of the activations that are multiplied with each tensor: all graphs share them, to agree."""
    model = cast("FastSpeech2", load_acoustic(voice))
    ranges: dict[str, Range] = {}
    for name, examples in (
        (ACOUSTIC, acoustic_inputs(len(model.config.speakers))),
        (VOCODER, vocoder_inputs(model)),
    ):
        if name in shared:
            keys = {tensor: key for tensor, key in shared[name].keys.items() if key in chosen}
            found = measure(shared[name].model, keys, examples, exact)
            ranges.update({keys[tensor]: limits for tensor, limits in found.items()})
    return ranges


def _open(voice: Voice, name: str, weights: str, content: bytes) -> _Shared:
    import onnx

    keys = {place.offset: key for key, place in read_layout(content).items()}
    bare = onnx.load(voice.file(name), load_external_data=False)
    found = {}
    for tensor in bare.graph.initializer:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        if entries.get("location") == weights:
            found[tensor.name] = keys[int(entries["offset"])]
    return _Shared(onnx.load(voice.file(name)), found)


def _agreed(graphs: list[_Shared], exact: tuple[str, ...]) -> set[str]:
    """Tensors that can be quantized in every graph that reads them."""
    wanted: set[str] = set()
    refused: set[str] = set()
    for item in graphs:
        able = candidates(item.model, exact)
        for name, key in item.keys.items():
            (wanted if name in able else refused).add(key)
    return wanted - refused


def _point(item: _Shared, layout: dict[str, Slice], weights: str) -> None:
    for tensor in item.model.graph.initializer:
        if tensor.name in item.keys:
            point_at(tensor, layout[item.keys[tensor.name]], weights)


def _check(voice: Voice) -> None:
    if voice.has(ACOUSTIC):
        model = cast("FastSpeech2", load_acoustic(voice))
        check_acoustic(model, str(voice.file(ACOUSTIC)), MEL_TOLERANCE)
        if voice.has(DECODER):
            check_parts(model, voice.path, MEL_TOLERANCE)
    if voice.has(VOCODER):
        vocoder = cast("HarmonicNoise", load_vocoder(voice))
        check_vocoder(vocoder, str(voice.file(VOCODER)), SAMPLE_TOLERANCE)
        if voice.has(FILTERS):
            check_filters(voice.path)
