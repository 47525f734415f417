"""Whether Triton can run here, and how it compiles."""

from __future__ import annotations

import importlib.util
import os
import shutil

import torch

# Allows fused multiply-adds in the kernels, as when their errors were measured: without it Triton 3.9
# warns, and later versions do not fuse. Takes effect when a kernel is compiled.
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")


def unavailable() -> str | None:
    """Why no Triton kernel can run on this machine; None: they can."""
    if not torch.cuda.is_available():
        return "no CUDA device"
    if importlib.util.find_spec("triton") is None:
        return "not installed; pip install triton"
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        return "there is no C compiler, which triton needs; install gcc"
    return None
