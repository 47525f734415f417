"""Gradient checkpointing: the same gradients from fewer bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kalakan.models import registry
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.gradient_checkpointing import checkpoint_blocks
from kalakan.training.trainer import Trainer

IDS = torch.tensor([[1, 29, 48, 32, 4, 69, 57, 33, 7]])
DURATIONS = torch.tensor([[2, 9, 7, 9, 0, 8, 9, 9, 4]])


def gradients_and_bytes(model: torch.nn.Module) -> tuple[dict[str, Tensor], int]:
    """Gradients of one pass, and the bytes that it kept for them."""
    kept = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    frames = int(DURATIONS.sum())
    torch.manual_seed(3)
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        pitch, energy = torch.full((1, frames), 150.0), torch.zeros(1, frames)
        prediction = model.train()(IDS, DURATIONS, pitch, energy, torch.zeros(1, dtype=torch.long))
    prediction.mel.square().mean().backward()
    return {name: value.grad for name, value in model.named_parameters() if value.grad is not None}, kept


@pytest.mark.parametrize("kind", ["fastspeech2", "fastspeech2_small"])
def test_gradients_stay_the_same_and_need_less_memory(kind: str) -> None:
    torch.manual_seed(0)
    model = registry.create_acoustic(kind)
    plain, much = gradients_and_bytes(model)
    model.zero_grad()
    assert checkpoint_blocks(model) >= model.config.encoder_layers + model.config.decoder_layers  # type: ignore[union-attr, operator]
    again, little = gradients_and_bytes(model)
    assert plain.keys() == again.keys()
    for name, value in plain.items():
        torch.testing.assert_close(again[name], value, rtol=0, atol=0, msg=name)
    assert little < 0.7 * much


def test_run_with_checkpointing_equals_one_without(
    tiny_config: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 2}
    Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "plain", quiet=True)
    tiny_config["training"] |= {"gradient_checkpointing": True}
    Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "sparing", quiet=True)
    plain, sparing = (load_checkpoint(tmp_path / name / "last.pt") for name in ("plain", "sparing"))
    for name, value in plain["modules"].items():
        torch.testing.assert_close(sparing["modules"][name], value, rtol=0, atol=0, msg=name)


def test_blocks_that_keep_statistics_are_left_alone() -> None:
    model = registry.create_acoustic("tacotron2")
    forwards = {name: part.forward for name, part in model.named_modules()}
    checkpoint_blocks(model)
    changed = {name for name, part in model.named_modules() if part.forward != forwards[name]}
    normed = {
        name
        for name, part in model.named_modules()
        for inner in part.modules()
        if isinstance(inner, torch.nn.BatchNorm1d)
    }
    assert normed
    assert not changed & normed
