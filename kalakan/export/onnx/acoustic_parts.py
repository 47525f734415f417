"""Exports an acoustic model as two graphs for streaming within a sentence.

`acoustic_encoder.onnx` has the inputs of `acoustic.onnx` and outputs the decoder's input instead of the mel;
`acoustic_decoder.onnx` decodes any window of it to mel. Both read the weights of `acoustic.safetensors`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from kalakan.errors import ExportError
from kalakan.export.onnx.acoustic import (
    INPUTS,
    TOLERANCE,
    add_defaults,
    control_axes,
    distance,
    example_inputs,
    inference_with,
    is_exact_file,
    speaker_weights,
)
from kalakan.export.onnx.optional_inputs import serialized
from kalakan.export.onnx.quantize import CONTEXT
from kalakan.export.onnx.shared_weights import share_weights
from kalakan.export.onnx.trace import trace_module
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.voices.files import DECODER, ENCODER

_FRAMES = ("frames", "durations", "mel_lengths", "pitch_output", "energy_output")


class _Encoder(nn.Module):
    def __init__(self, model: FastSpeech2) -> None:
        super().__init__()
        self.model = model

    def forward(self, phonemes: Tensor, speaker: Tensor, *controls: Tensor) -> tuple[Tensor, ...]:
        weights = speaker_weights(self.model, speaker, controls[-1])
        return self.model.infer_frames(phonemes, weights.expand(phonemes.shape[0], -1), *controls[:-1])


class _Decoder(nn.Module):
    def __init__(self, model: FastSpeech2) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor) -> Tensor:
        return self.model.decode_frames(frames)


def export_parts(model: FastSpeech2, weights: bytes, file_name: str) -> dict[str, bytes]:
    """Both files by name, for a model that decodes windows; empty for one whose decoder needs the whole sentence.

    `weights` are the bytes of `file_name`, the safetensors file in the same folder that they read.
    """
    if model.context_frames is None:
        return {}
    encoder, decoder = _trace_encoder(model), _trace_decoder(model)
    decoder.metadata_props.add(key=CONTEXT, value=str(model.context_frames))
    for graph in (encoder, decoder):
        share_weights(graph, "model.", weights, file_name)
    return {ENCODER: serialized(encoder), DECODER: serialized(decoder)}


def check_parts(model: FastSpeech2, folder: Path, tolerance: float = TOLERANCE) -> float:
    """Maximum difference of mel values between torch and the two files in `folder`, decoded in two windows.

    Raises `ExportError` if it exceeds `tolerance`, or if any length differs, as `check_acoustic` does.
    """
    from kalakan.onnx_runtime import checking_session

    is_exact = is_exact_file(str(folder / ENCODER))
    encoder, decoder = (checking_session(str(folder / name)) for name in (ENCODER, DECODER))
    ids = np.random.default_rng(0).integers(24, 77, (1, 63))
    frames, durations = encoder.run(["frames", "durations"], {"phonemes": ids})
    mel, _ = inference_with(model, {"phonemes": ids}, durations, is_exact=is_exact)
    cut, context = frames.shape[1] // 3, cast(int, model.context_frames)
    left = decoder.run(None, {"frames": frames[:, : cut + context]})[0][:, :, :cut]
    before = min(cut, context)
    right = decoder.run(None, {"frames": frames[:, cut - before :]})[0][:, :, before:]
    worst = distance(np.concatenate([left, right], axis=2), mel.numpy(), is_exact)
    if not worst <= tolerance:
        raise ExportError(
            f"the exported acoustic parts differ from torch by {worst:.2e}; the limit is {tolerance:.0e}"
        )
    return worst


def _trace_encoder(model: FastSpeech2) -> Any:
    axes = control_axes() | {
        "mel_lengths": {0: "batch"},
        "frames": {0: "batch", 1: "frames"},
        "pitch_output": {0: "batch", 1: "frames"},
        "energy_output": {0: "batch", 1: "frames"},
    }
    graph = trace_module(_Encoder(model.eval()), example_inputs(model), INPUTS, _FRAMES, axes)
    add_defaults(graph, model)
    return graph


def _trace_decoder(model: FastSpeech2) -> Any:
    axes = {"frames": {0: "batch", 1: "frames"}, "mel_output": {0: "batch", 2: "frames"}}
    example = (torch.zeros(1, 9, model.width),)
    return trace_module(_Decoder(model.eval()), example, ["frames"], ["mel_output"], axes)
