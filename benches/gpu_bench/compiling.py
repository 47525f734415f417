"""torch.compile as a baseline: its best mode on a GPU, its front end alone where a dry run walks through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

WITH_GRAPHS, WITHOUT_GRAPHS = "max-autotune", "max-autotune-no-cudagraphs"


def compiled(call: Callable[..., Any], device: str, mode: str = WITH_GRAPHS) -> Callable[..., Any]:
    """`call` compiled for the shapes that it will be given."""
    torch.compiler.reset()
    if device != "cuda":
        return torch.compile(call, backend="eager", dynamic=False)
    return torch.compile(call, mode=mode, dynamic=False)
