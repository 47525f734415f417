"""The ONNX graph of a vocoder that takes the mel alone, such as HiFi-GAN and MelGAN."""

from __future__ import annotations

import io
import warnings
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.export.onnx import OPSET


class _Inference(nn.Module):
    """The input and output of `vocoder.onnx`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, mel: Tensor) -> Tensor:
        return cast(Tensor, self.model(mel))


def trace(model: nn.Module, *, fold: bool) -> Any:
    """The graph from mel_input [B, M, T] to audio_output [B, T * hop_length].

    Without folding its parameters keep the names and bytes they have in torch, with `model.` before them.
    """
    import onnx

    n_mels: Any = model.n_mels
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter(
            "ignore"
        )  # torch.jit and this exporter are called deprecated; the other needs onnxscript
        torch.onnx.export(
            _Inference(model).eval(),
            (torch.full((2, n_mels, 7), -5.0),),
            cast(Any, buffer),  # its type says a path; a file object is documented and works
            input_names=["mel_input"],
            output_names=["audio_output"],
            dynamic_axes={"mel_input": {0: "batch", 2: "frames"}, "audio_output": {0: "batch", 1: "samples"}},
            opset_version=OPSET,
            do_constant_folding=fold,
            dynamo=False,
        )
    graph = onnx.load_model_from_string(buffer.getvalue())
    onnx.checker.check_model(graph, full_check=True)
    return graph


def difference(model: nn.Module, session: Any, mel: NDArray[np.float32]) -> float:
    """Largest difference of a sample between torch and an onnxruntime session for a log-mel [B, M, T]."""
    (audio,) = session.run(["audio_output"], {"mel_input": mel})
    with torch.no_grad():
        wanted = cast(Any, model).inference(torch.from_numpy(mel)).numpy()
    return float(np.abs(audio - wanted).max())
