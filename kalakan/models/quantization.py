"""Dynamic 8-bit quantization of torch modules: which layers change, and which torch leaves unchanged."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from dataclasses import dataclass

import torch
from torch import nn

from kalakan.errors import QuantizationWarning

QUANTIZED = (nn.Linear, nn.LSTM, nn.LSTMCell)
"""Layers for which torch has dynamic 8-bit versions; it silently leaves convolutions unchanged."""
_DYNAMIC = "torch.ao.nn.quantized"
"""Start of the name of torch's modules with 8-bit layers."""
_WITH_WEIGHTS = (nn.Linear, nn.LSTM, nn.LSTMCell, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.Embedding)


@dataclass(frozen=True)
class Quantized:
    """A quantized module, and what was quantized."""

    module: nn.Module
    """A copy of the module with 8-bit layers; on the CPU, where torch has them."""
    changed: int
    """Number of weights in 8 bits."""
    untouched: dict[str, int]
    """Number of unquantized weights by kind of layer."""

    def summary(self) -> str:
        """A one-line summary."""
        kept = ", ".join(f"{name} ({count / 1e6:.2f} M)" for name, count in sorted(self.untouched.items()))
        return f"{self.changed / 1e6:.2f} M weights in 8 bits; untouched: {kept or 'nothing'}"


def quantize_module(module: nn.Module) -> Quantized:
    """A copy of the module that computes its linear and recurrent layers in 8 bits, with scales computed in each
    call."""
    engine = torch.backends.quantized.engine
    if engine == "none":
        torch.backends.quantized.engine = torch.backends.quantized.supported_engines[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch moves quantization to another package
        made = torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
            copy.deepcopy(module).cpu().eval(), set(QUANTIZED), dtype=torch.qint8
        )
    return Quantized(made, *left_out(module, made))


def warn_untouched(module: nn.Module) -> None:
    """Warns `QuantizationWarning` about the layers of a quantized module that are not in 8 bits; nothing for others."""
    layers = list(module.modules()) if isinstance(module, nn.Module) else []
    if not any(type(layer).__module__.startswith(_DYNAMIC) for layer in layers):
        return
    counts = Counter[str]()
    for layer in layers:
        if isinstance(layer, _WITH_WEIGHTS) and not type(layer).__module__.startswith(_DYNAMIC):
            size = sum(value.numel() for key, value in layer.named_parameters() if "weight" in key)
            counts[type(layer).__name__] += size
    if counts:
        kept = ", ".join(f"{name} ({count / 1e6:.2f} M weights)" for name, count in sorted(counts.items()))
        warnings.warn(
            f"{type(module).__name__} is quantized in part: torch has no dynamic 8-bit form of {kept}, which "
            "still compute in floats; kalakan export --format onnx --quantize has one",
            QuantizationWarning,
            stacklevel=5,
        )


def left_out(before: nn.Module, after: nn.Module) -> tuple[int, dict[str, int]]:
    """Number of weights that became 8-bit, and of those that did not, by kind of layer."""
    layers = dict(after.named_modules())
    changed, untouched = 0, Counter[str]()
    for name, layer in before.named_modules():
        if not isinstance(layer, _WITH_WEIGHTS):
            continue
        size = sum(value.numel() for key, value in layer.named_parameters() if "weight" in key)
        if type(layers[name]) is type(layer):
            untouched[type(layer).__name__] += size
        else:
            changed += size
    return changed, dict(untouched)
