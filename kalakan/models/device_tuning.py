"""Implements `kalakan doctor --tune`: measures on every GPU which kernels are fastest for the vocoders, and saves the
result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from kalakan.config.schema import AudioConfig
from kalakan.errors import KernelError
from kalakan.models.registry import create_vocoder
from kalakan.models.vocoders.gpu.tuning import VOCODERS, tune
from kalakan.ops import choices


def tune_devices() -> Iterator[str]:
    """Measures and saves the tables of all CUDA devices, and yields a line after each step.

    Raises `KernelError` without a CUDA device.
    """
    if not torch.cuda.is_available():
        raise KernelError("--tune measures on a GPU, and torch finds no CUDA device here")
    for index in range(torch.cuda.device_count()):
        device = torch.device("cuda", index)
        found = choices.Table()
        with torch.cuda.device(device):
            for name in VOCODERS:
                model: Any = create_vocoder(name, AudioConfig()).eval().requires_grad_(False).to(device)
                tune(model, device, AudioConfig(), found)
                yield f"{name}: measured"
        yield f"{torch.cuda.get_device_name(device)}: kept in {choices.save(device, found)}"
