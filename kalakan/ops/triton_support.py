"""Whether Triton can run here."""

from __future__ import annotations

import importlib.util
import shutil

import torch


def unavailable() -> str | None:
    """Why no Triton kernel can run on this machine; None: they can."""
    if not torch.cuda.is_available():
        return "no CUDA device"
    if importlib.util.find_spec("triton") is None:
        return "not installed; pip install triton"
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        return "there is no C compiler, which triton needs; install gcc"
    return None
