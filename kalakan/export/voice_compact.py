"""Makes an exported voice small: one set of graphs, and every matrix in 8 bits, stored once for both engines.

Keeps the graphs that stream inside a sentence and the part of the vocoder that Kalakan runs; removes `acoustic.onnx`
and `vocoder.onnx`, which do the same in one piece for other runtimes. Weights are rounded, but arithmetic does not
change: graphs that compute in floats still do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from kalakan.errors import ExportError
from kalakan.export.onnx.acoustic_parts import check_parts
from kalakan.export.onnx.shared_weights import HALF_FROM, point_at, read_layout
from kalakan.export.voice_quantize import MEL_TOLERANCE
from kalakan.voices.files import ACOUSTIC, DECODER, ENCODER, FILTERS, VOCODER
from kalakan.voices.package import Voice, load_voice, save_voice
from kalakan.voices.weights import MOST_LEVEL, SCALE, load_acoustic, load_vocoder

if TYPE_CHECKING:
    from torch import Tensor

    from kalakan.models.acoustic.fastspeech2 import FastSpeech2
    from kalakan.models.vocoders.harmonic_noise import HarmonicNoise

FILTER_TOLERANCE = 0.5
"""Maximum difference of log gains between torch and the graph, whose activations may be in 8 bits."""


def compact_voice(source: str | Path, target: str | Path | None = None) -> Voice:
    """Makes the voice in `source` small, written to `target` (default: in place).

    Raises `ExportError` for a voice without graphs, or whose graphs then differ from torch beyond `MEL_TOLERANCE` or
    `FILTER_TOLERANCE`.
    """
    voice = load_voice(source)
    kept = [name for name in voice.manifest.files if name not in _replaced(voice)]
    if not any(name.endswith(".onnx") for name in kept):
        raise ExportError(f"{voice.path}: holds no graph; export it first: kalakan export {voice.path}")
    files: dict[str, bytes | Path] = {name: voice.file(name).read_bytes() for name in kept}
    for name in kept:
        if name.endswith(".safetensors"):
            _round(voice, name, files)
    with tempfile.TemporaryDirectory() as folder:
        _check(save_voice(Path(folder, "voice"), voice.manifest, files))
    return save_voice(target if target is not None else voice.path, voice.manifest, files)


def _replaced(voice: Voice) -> set[str]:
    """Graphs of the voice that other graphs replace."""
    gone = set()
    if voice.has(ENCODER) and voice.has(DECODER):
        gone.add(ACOUSTIC)
    if voice.has(FILTERS):
        gone.add(VOCODER)
    return gone


def _round(voice: Voice, weights: str, files: dict[str, bytes | Path]) -> None:
    """Rounds the matrices of `weights`, and points every graph in `files` that reads them at the integers."""
    import onnx
    from safetensors.torch import load, save

    content = cast(bytes, files[weights])
    state = load(content)
    chosen = [name for name, value in state.items() if _is_rounded(name, value, state)]
    for name in chosen:
        value = state[name].float()
        peaks = value.abs().amax(dim=tuple(range(1, value.dim())), keepdim=True)
        state[name + SCALE] = torch.where(peaks > 0, peaks / MOST_LEVEL, torch.ones_like(peaks))
        state[name] = torch.round(value / state[name + SCALE]).to(torch.int8)
    old = {place.offset: key for key, place in read_layout(content).items()}
    content = save(state)
    new = read_layout(content)
    for name in files:
        if name.endswith(".onnx"):
            graph = onnx.load(voice.file(name), load_external_data=False)
            if _point(graph, weights, old, new, set(chosen)):
                files[name] = graph.SerializeToString()
    files[weights] = content


def _is_rounded(name: str, value: Tensor, state: dict[str, Tensor]) -> bool:
    is_matrix = value.dtype.is_floating_point and value.dim() >= 2 and value.numel() >= HALF_FROM
    return is_matrix and not name.endswith(SCALE) and name + SCALE not in state


def _point(graph: Any, weights: str, old: dict[int, str], new: dict[str, Any], chosen: set[str]) -> bool:
    """Points a graph's tensors at their new locations in `weights`; False for a graph that does not read that file."""
    from onnx import TensorProto, helper

    casts = {node.input[0]: node for node in graph.graph.node if node.op_type == "Cast"}
    nodes, scales, found = [], [], False
    for tensor in graph.graph.initializer:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        if entries.get("location") != weights:
            continue
        found, key = True, old[int(entries["offset"])]
        if key not in chosen:
            point_at(tensor, new[key], weights)
            continue
        name = tensor.name
        if tensor.data_type == TensorProto.FLOAT16:  # followed by the cast that the graph reads
            target = casts[name].output[0]
            graph.graph.node.remove(casts[name])
        else:
            target = name
        tensor.name = f"{target}.rounded"
        point_at(tensor, new[key], weights)
        dims = [tensor.dims[0], *[1] * (len(tensor.dims) - 1)]
        scale = TensorProto(name=f"{target}.step", dims=dims, data_type=TensorProto.FLOAT)
        point_at(scale, new[key + SCALE], weights)
        scales.append(scale)
        nodes.append(helper.make_node("Cast", [tensor.name], [f"{target}.levels"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{target}.levels", scale.name], [target]))
    graph.graph.initializer.extend(scales)
    for node in reversed(nodes):
        graph.graph.node.insert(0, node)
    return found


def _check(voice: Voice) -> None:
    if voice.has(DECODER):
        check_parts(cast("FastSpeech2", load_acoustic(voice)), voice.path, MEL_TOLERANCE)
    if voice.has(FILTERS):
        _check_filters(voice)


def _check_filters(voice: Voice) -> None:
    from kalakan.onnx_runtime import checking_session

    model = cast("HarmonicNoise", load_vocoder(voice))
    random = np.random.default_rng(0)
    mel = random.normal(-5.0, 2.0, (1, model.n_mels, 63)).astype(np.float32)
    f0 = random.uniform(80.0, 300.0, (1, 63)).astype(np.float32)
    session = checking_session(str(voice.file(FILTERS)))
    (found,) = session.run(["filters"], {"mel_input": mel, "f0": f0})
    with torch.no_grad():
        wanted = model.raw_filters(torch.from_numpy(mel), torch.from_numpy(f0), torch.ones(1, 63, 1)).numpy()
    worst = float(np.sqrt(np.square(found - wanted).mean()))
    if not worst <= FILTER_TOLERANCE:
        raise ExportError(
            f"{FILTERS} differs from torch by {worst:.2e} in the mean; the limit is {FILTER_TOLERANCE}"
        )
