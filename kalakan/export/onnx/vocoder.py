"""Exports any vocoder to `vocoder.onnx`, checked against torch before it is saved; the source-filter one here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from kalakan.errors import ExportError
from kalakan.export.onnx import waveform
from kalakan.export.onnx.acoustic import halve_weights, with_metadata
from kalakan.export.onnx.graphs import Graph, add_constant, compute_only_if, without_output
from kalakan.export.onnx.optional_inputs import serialized
from kalakan.export.onnx.trace import trace_module
from kalakan.models.interfaces import takes_f0
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.models.vocoders.source_filter import frame_signal, overlap_add, pulse_train
from kalakan.storage import replacing
from kalakan.voices.files import FILTERS, VOCODER
from kalakan.voices.identity import to_metadata
from kalakan.voices.weights import load_vocoder_of

INPUTS = ("mel_input", "f0")
OUTPUTS = ("audio_output", "filters", "f0_output")
TOLERANCE = 2e-4
"""Maximum allowed difference of samples in [-1, 1] between torch and ONNX."""


class _Inference(nn.Module):
    """The inputs and outputs of `vocoder.onnx`, in real arithmetic: ONNX has no complex numbers."""

    def __init__(self, model: HarmonicNoise) -> None:
        super().__init__()
        self.model = model

    def forward(self, mel: Tensor, f0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        model, source = self.model, self.model.synthesis
        mask = torch.ones_like(mel[:, 0])[:, :, None]  # [B, T, 1]
        f0 = f0.expand(mel.shape[0], mel.shape[2])
        f0 = torch.where(f0 < 0, model.heard_f0(mel, mask), f0)
        raw = model.raw_filters(mel, f0, mask)
        harmonic, phase, breath = model.split_filters(raw)
        harmonic, breath = model.clear_voice(harmonic, breath, f0)
        pulses = pulse_train(f0, source.sample_rate, source.hop_length, torch.zeros_like(f0[:, 0]))
        index = torch.arange(pulses.shape[1])
        noise = (source.noise[index % source.noise.shape[0]])[None]
        cosine, sine = self._transform(mel)
        voice = frame_signal(pulses, source.n_fft, source.hop) * source.window
        air = frame_signal(noise, source.n_fft, source.hop) * source.window
        voice_re, voice_im = torch.matmul(voice, cosine), -torch.matmul(voice, sine)
        air_re, air_im = torch.matmul(air, cosine), -torch.matmul(air, sine)
        gain, breath = torch.exp(harmonic), torch.exp(breath)
        gain_re, gain_im = gain * torch.cos(phase), gain * torch.sin(phase)
        real = gain_re * voice_re - gain_im * voice_im + breath * air_re
        imaginary = gain_re * voice_im + gain_im * voice_re + breath * air_im
        ends = torch.ones_like(cosine[:1])  # [1, F]: the first and last bin have no mirror image
        weight = torch.cat([ends[:, :1], 2.0 * ends[:, 1:-1], ends[:, :1]], dim=1) / source.n_fft
        frames = torch.matmul(real * weight, cosine.t()) - torch.matmul(imaginary * weight, sine.t())
        frames = frames * source.window
        squares = (source.window * source.window).expand_as(frames[:1])
        audio = overlap_add(frames, source.hop) / overlap_add(squares, source.hop).clamp(min=1e-6)
        return audio.clamp(-1.0, 1.0), raw, f0

    def _transform(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines [n_fft, F] of the Fourier transform, computed in the graph: stored, they would take 3 MB.

        The size depends on the input so that no optimizer folds them at load time.
        """
        size = self.model.synthesis.n_fft
        time = torch.arange(size + 0 * mel.shape[2])[:, None]
        angle = (time * torch.arange(size // 2 + 1)[None, :]) % size
        angle = angle.to(torch.float32) * (2.0 * math.pi / size)
        return torch.cos(angle), torch.sin(angle)


def export_vocoder(model: nn.Module, *, half_weights: bool = False, opset: int | None = None) -> bytes:
    """Exports a vocoder to `vocoder.onnx`; returns the bytes of one self-contained file.

    Input: mel_input [B, M, T]; output: audio_output [B, T * hop_length] in [-1, 1]. A vocoder with F0 also has the
    input f0 [B, T] in Hz (0 unvoiced; negative, the default, is estimated from the mel), and the outputs
    filters [B, T, C] and f0_output [B, T], from which `kalakan.audio.harmonic_noise` synthesizes the same audio faster:
    setting the input `synthesize` (default true) to false skips synthesis in the graph, and audio_output is empty.
    `half_weights` stores matrices in 16 bits.
    Raises `ExportError` if the file's audio differs from torch's by more than `TOLERANCE`.
    """
    graph = trace_vocoder(model, fold=True, opset=opset)
    if half_weights:
        halve_weights(graph)
    content = serialized(graph)
    check_vocoder(model, content, TOLERANCE * (50 if half_weights else 1))
    return content


def write_vocoder(source: str | Path, path: Path, *, half_weights: bool = False) -> None:
    """Exports the vocoder of a `vocoder_model.pt` or a voice to an ONNX file, atomically."""
    loaded = load_vocoder_of(source)
    content = export_vocoder(loaded.module, half_weights=half_weights)
    content = with_metadata(content, to_metadata(loaded.audio))
    with replacing(path) as partial:
        partial.write_bytes(content)


def trace_vocoder(model: nn.Module, *, fold: bool, opset: int | None = None) -> Any:
    """The ONNX graph of a vocoder. Without constant folding, parameters keep their torch names and bytes."""
    if not takes_f0(model):
        return waveform.trace(model, fold=fold, opset=opset)
    return _trace_with_f0(cast(HarmonicNoise, model.eval()), fold, opset)


def _trace_with_f0(model: HarmonicNoise, fold: bool, opset: int | None) -> Any:
    import onnx
    from onnx import numpy_helper

    example = (torch.full((2, model.n_mels, 7), -5.0), torch.full((2, 7), 120.0))
    batch_frames = {0: "batch", 1: "frames"}
    axes = {
        "mel_input": {0: "batch", 2: "frames"},
        "f0": {0: "f0_batch", 1: "f0_frames"},
        "audio_output": {0: "batch", 1: "samples"},
        "filters": batch_frames,
        "f0_output": batch_frames,
    }
    graph = trace_module(_Inference(model), example, INPUTS, OUTPUTS, axes, fold=fold, opset=opset)
    graph.graph.initializer.append(numpy_helper.from_array(np.full((1, 1), -1.0, np.float32), "f0"))
    _make_hearing_optional(graph)
    _make_synthesis_optional(graph)
    onnx.checker.check_model(graph, full_check=True)
    return graph


def _make_synthesis_optional(graph: Any) -> None:
    """Makes the nodes used only for `audio_output` conditional on the input `synthesize`."""
    from onnx import TensorProto, helper, numpy_helper

    empty = numpy_helper.from_array(np.zeros((0, 0), np.float32))
    nothing = helper.make_node("Constant", [], ["audio_output.otherwise"], value=empty)
    graph.graph.input.append(helper.make_tensor_value_info("synthesize", TensorProto.BOOL, []))
    graph.graph.initializer.append(numpy_helper.from_array(np.asarray(True), "synthesize"))
    compute_only_if(graph, "synthesize", "audio_output", [nothing])


def _make_hearing_optional(graph: Any) -> None:
    """Makes F0 estimation from the mel conditional on whether any value of the given F0 is negative."""
    from onnx import helper

    index = Graph(graph)
    choice = index.makers["f0_output"]
    given = choice.input[2]
    least, asked = "f0_output.least", "f0_output.asked"
    zero = add_constant(graph, "f0_output.zero", np.asarray(0.0, np.float32))
    place = next(k for k, node in enumerate(graph.graph.node) if node.output[0] == "f0_output")
    graph.graph.node.insert(place, helper.make_node("ReduceMin", [given], [least], keepdims=0))
    graph.graph.node.insert(place + 1, helper.make_node("Less", [least, zero], [asked]))
    as_given = helper.make_node("Identity", [given], ["f0_output.otherwise"])
    compute_only_if(graph, asked, "f0_output", [as_given])


def filters_graph(graph: Any) -> Any:
    """The graph of a `vocoder.onnx` without synthesis: a third of the nodes, loaded in a third of the time."""
    return without_output(graph, "audio_output", "synthesize")


def check_filters(folder: Path) -> None:
    """Raises `ExportError` unless both graphs of a vocoder in `folder` give bit-identical filters and F0."""
    from kalakan.onnx_runtime import checking_session

    sessions = [checking_session(str(folder / name)) for name in (VOCODER, FILTERS)]
    n_mels = sessions[0].get_inputs()[0].shape[1]
    mel = np.random.default_rng(0).normal(-5.0, 2.0, (2, n_mels, 63)).astype(np.float32)
    for feeds in ({"mel_input": mel}, {"mel_input": mel, "f0": np.full((2, 63), 120.0, np.float32)}):
        whole, part = (session.run(["filters", "f0_output"], feeds) for session in sessions)
        if not all(np.array_equal(one, other) for one, other in zip(whole, part, strict=True)):
            raise ExportError(f"{FILTERS} gives other filters than {VOCODER}")


def check_vocoder(model: nn.Module, source: bytes | str, tolerance: float) -> float:
    """Maximum sample difference between torch and an ONNX file (bytes or path); F0, if any, both given and estimated.

    Raises `ExportError` if it exceeds `tolerance`.
    """
    from kalakan.onnx_runtime import checking_session

    session = checking_session(source)
    random = np.random.default_rng(0)
    n_mels: Any = model.n_mels
    reads_f0 = takes_f0(model)
    worst = 0.0
    for batch, frames in ((1, 1), (1, 63), (3, 129)):
        mel = random.normal(-5.0, 2.0, (batch, n_mels, frames)).astype(np.float32)
        if not reads_f0:
            worst = max(worst, waveform.difference(model, session, mel))
            continue
        f0 = random.uniform(80.0, 300.0, (batch, frames)).astype(np.float32)
        f0[:, frames // 3 : frames // 2] = 0.0
        for feeds in ({"mel_input": mel}, {"mel_input": mel, "f0": f0}):
            worst = max(worst, _difference(cast(HarmonicNoise, model), session, feeds))
    if not worst <= tolerance:
        raise ExportError(
            f"the exported vocoder differs from torch by {worst:.2e}; the limit is {tolerance:.0e}"
        )
    return worst


def _difference(model: HarmonicNoise, session: Any, feeds: dict[str, Any]) -> float:
    audio, f0 = session.run(["audio_output", "f0_output"], feeds)
    with torch.no_grad():
        # The F0 that was used, so that a borderline voicing decision does not count as a difference.
        wanted = model.inference(torch.from_numpy(feeds["mel_input"]), torch.from_numpy(f0)).numpy()
    return float(np.abs(audio - wanted).max())
