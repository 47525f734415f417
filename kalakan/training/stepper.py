"""One optimizer step: learning rate, phases, accumulation, mixed precision, gradient averaging and clipping."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from kalakan.config.schema import TrainingConfig
from kalakan.data.collate import Batch
from kalakan.training.distributed import Group
from kalakan.training.tasks.contract import Phase, Task

ADVERSARIAL_BETAS = (0.8, 0.99)
"""AdamW's betas for adversarial training (J. Kong et al., "HiFi-GAN", 2020, section 3)."""

_ITEMS = ""
"""Stands for every loss that is a mean over the items of a batch."""


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Warm-up, plateau, linear decay to zero: the rate of optimizer step `step`, counted from 0."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    tail = config.decay_fraction * config.max_steps
    left = config.max_steps - step
    return config.learning_rate * warm * (min(1.0, left / tail) if tail else 1.0)


class Stepper:
    """Takes optimizer steps for a task's modules, each with its own AdamW."""

    def __init__(self, task: Task, modules: nn.ModuleDict, config: TrainingConfig, group: Group) -> None:
        self.task, self.modules, self.config, self.group = task, modules, config, group
        self.optimizers = {
            name: torch.optim.AdamW(
                module.parameters(),
                lr=config.learning_rate,
                weight_decay=config.weight_decay,
                betas=ADVERSARIAL_BETAS if len(modules) > 1 else (0.9, 0.999),
            )
            for name, module in modules.items()
        }
        fp16 = config.mixed_precision and group.device.type == "cuda"
        self.scaler = torch.amp.grad_scaler.GradScaler(group.device.type, enabled=fp16)

    def step(self, batches: Sequence[Batch], number: int) -> tuple[dict[str, float], bool]:
        """Takes step `number` over a group of batches; returns mean losses, and whether all were finite.

        If a loss or gradient is not finite in any process, the step is aborted and its gradients are discarded.
        """
        self.modules.train()
        scores: dict[str, float] = {}
        norms: dict[str, float] = {}
        moved = [self._moved(batch) for batch in batches]
        shares = self._shares(moved)
        turns = [self.task.phases(self.modules, batch, number) for batch in moved]
        finite = True
        while finite and (names := self._gather(turns, shares, scores)):
            finite = not self.group.any(not all(map(math.isfinite, scores.values())))
            if finite:
                norms |= {self._norm_name(name): self._update(name, number) for name in names}
                # In fp16, gradients occasionally overflow: the scaler then skips the step and lowers its scale.
                finite = self.scaler.is_enabled() or all(map(math.isfinite, norms.values()))
        scores["loss"] = sum(scores.values())
        scores["learning_rate"] = learning_rate(number, self.config)
        if finite:
            self.scaler.update()
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        return scores | norms, finite

    def autocast(self) -> Any:
        """fp16 on CUDA, bf16 on the CPU, where `training.mixed_precision` is on."""
        if not self.config.mixed_precision:
            return nullcontext()
        dtype = torch.float16 if self.group.device.type == "cuda" else torch.bfloat16
        return torch.autocast(self.group.device.type, dtype=dtype)

    def state(self) -> dict[str, Any]:
        """State to store in a checkpoint."""
        optimizers = {key: value.state_dict() for key, value in self.optimizers.items()}
        return {"optimizers": optimizers, "scaler": self.scaler.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        for key, value in state["optimizers"].items():
            self.optimizers[key].load_state_dict(value)
        self.scaler.load_state_dict(state["scaler"])

    def _shares(self, batches: Sequence[Batch]) -> list[dict[str, float]]:
        """Weight of each batch in the mean of each loss, over the batches of all processes.

        A loss is a mean over the frames (or sounds) of its batch; weighted by their numbers, the batches of a step have
        the gradient of one large batch. The mean of the processes' gradients divides by their number, which is
        therefore a factor here.
        """
        if len(batches) == 1 and self.group.world_size == 1:
            return [{}]
        own = [self.task.sizes(self.modules, batch) for batch in batches]
        names = [*own[0], _ITEMS]
        items = [torch.tensor(len(next(iter(batch.values())))) for batch in batches]
        rows = [
            torch.stack([*(sizes[name].detach().double().cpu() for name in own[0]), count.double()])
            for sizes, count in zip(own, items, strict=True)
        ]
        summed = torch.stack(rows).sum(dim=0)
        total = self.group.total(summed.float().to(self.group.device)).cpu().double().clamp(min=1e-9)
        return [dict(zip(names, (self.group.world_size * row / total).tolist(), strict=True)) for row in rows]

    def _gather(
        self, turns: Sequence[Iterator[Phase]], shares: Sequence[dict[str, float]], scores: dict[str, float]
    ) -> list[str]:
        """Accumulates gradients of every batch's next phase; returns module names, none after the last phase."""
        names: dict[str, None] = {}  # an ordered set: the order must be the same in all processes
        for turn, share in zip(turns, shares, strict=True):
            with self.autocast():
                phase = next(turn, None)
                if phase is None:
                    continue
                weights = {name: share.get(name, share.get(_ITEMS, 1.0)) for name in phase.losses}
                loss = torch.stack([weights[name] * value for name, value in phase.losses.items()]).sum()
            names[phase.name] = None
            for name, value in phase.losses.items():
                scores[name] = scores.get(name, 0.0) + float(value.detach()) * weights[name]
            if bool(torch.isfinite(loss)):
                torch.autograd.backward(self.scaler.scale(loss))
        return list(names)

    def _update(self, name: str, number: int) -> float:
        """Steps a module's optimizer; returns the gradient norm."""
        optimizer, module = self.optimizers[name], self.modules[name]
        for settings in optimizer.param_groups:
            settings["lr"] = learning_rate(number, self.config)
        self.group.average(module.parameters())
        self.scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(module.parameters(), self.config.grad_clip)
        if self.scaler.is_enabled() or bool(torch.isfinite(norm)):
            self.scaler.step(optimizer)
        optimizer.zero_grad(set_to_none=True)
        return float(norm)

    def _norm_name(self, module: str) -> str:
        return "gradient_norm" if len(self.optimizers) == 1 else f"gradient_norm_{module}"

    def _moved(self, batch: Batch) -> Batch:
        return {key: value.to(self.group.device, non_blocking=True) for key, value in batch.items()}
