"""Gradient checkpointing (T. Chen et al., "Training deep nets with sublinear memory cost", arXiv 1604.06174)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


def checkpoint_blocks(module: nn.Module) -> int:
    """Makes every block of `module` recompute its activations in the backward pass; returns the number of blocks.

    A block is an item of an `nn.ModuleList` that has submodules, none of them a batch norm, whose statistics would be
    updated twice. Gradients are bit-identical, dropout included. Not for a module that is copied or
    scripted afterwards.
    """
    blocks = [
        item
        for part in module.modules()
        if isinstance(part, nn.ModuleList)
        for item in part
        if any(True for _ in item.children())
        and not any(isinstance(inner, nn.BatchNorm1d | nn.BatchNorm2d) for inner in item.modules())
    ]
    # Only the outermost: nested blocks are recomputed with it.
    inner = {id(part) for block in blocks for part in block.modules() if part is not block}
    outermost = [block for block in blocks if id(block) not in inner]
    for block in outermost:
        block.forward = _twice(block, block.forward)
    return len(outermost)


def _twice(block: nn.Module, forward: Any) -> Any:
    def run(*inputs: Any) -> Any:
        if block.training and torch.is_grad_enabled():
            return checkpoint(forward, *inputs, use_reentrant=False)
        return forward(*inputs)

    return run
