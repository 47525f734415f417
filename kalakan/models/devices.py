"""Torch devices by name."""

from __future__ import annotations

import torch

from kalakan.errors import ConfigError


def check_device(name: str) -> torch.device:
    """The torch device of that name; raises `ConfigError` if this machine has none."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device {name!r} is not a torch device; use 'cpu' or 'cuda:0'") from error
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        raise ConfigError(f"device {name!r} was asked for and torch finds no CUDA device; use device='cpu'")
    if (device.index or 0) >= (count := torch.cuda.device_count()):
        raise ConfigError(f"device {name!r} was asked for and the last CUDA device is 'cuda:{count - 1}'")
    return device
