"""The ONNX graph of a vocoder with only a mel input, such as HiFi-GAN and MelGAN."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.export.onnx.trace import trace_module


class _Inference(nn.Module):
    """The input and output of `vocoder.onnx`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, mel: Tensor) -> Tensor:
        return cast(Tensor, self.model(mel))


def trace(model: nn.Module, *, fold: bool, opset: int | None = None) -> Any:
    """The graph from mel_input [B, M, T] to audio_output [B, T * hop_length].

    Without constant folding, parameters keep their torch names, prefixed with `model.`, and bytes.
    """
    import onnx

    n_mels: Any = model.n_mels
    example = (torch.full((2, n_mels, 7), -5.0),)
    axes = {"mel_input": {0: "batch", 2: "frames"}, "audio_output": {0: "batch", 1: "samples"}}
    graph = trace_module(
        _Inference(model), example, ["mel_input"], ["audio_output"], axes, fold=fold, opset=opset
    )
    onnx.checker.check_model(graph, full_check=True)
    return graph


def difference(model: nn.Module, session: Any, mel: NDArray[np.float32]) -> float:
    """Maximum sample difference between torch and an onnxruntime session for a log-mel [B, M, T]."""
    (audio,) = session.run(["audio_output"], {"mel_input": mel})
    with torch.no_grad():
        wanted = cast(Any, model).inference(torch.from_numpy(mel)).numpy()
    return float(np.abs(audio - wanted).max())
