"""The trained state of a run: modules, their EMA, their optimizers, and the progress."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kalakan.config.resolve import to_dict
from kalakan.config.schema import Settings
from kalakan.data.collate import Batch
from kalakan.errors import TrainingError
from kalakan.training.checkpoint import (
    Position,
    check_table,
    load_checkpoint,
    random_state,
    save_checkpoint,
    set_random_state,
)
from kalakan.training.distributed import Group
from kalakan.training.gradient_checkpointing import checkpoint_blocks
from kalakan.training.resume_checks import changes
from kalakan.training.stepper import Stepper
from kalakan.training.tasks.contract import Task
from kalakan.training.warm_start import first_weights, load_fitting, misfits, with_rows_by_name


class MovingAverage:
    """Exponential moving average (EMA) of the modules in the product, warmed up so that it quickly forgets the first
    steps. A discriminator is only used for training: `modules` has it without averaging."""

    def __init__(self, modules: nn.ModuleDict, averaged: Sequence[str], decay: float) -> None:
        copies = {name: copy.deepcopy(modules[name]).eval().requires_grad_(False) for name in averaged}
        self.averaged = nn.ModuleDict(copies)
        self.modules = nn.ModuleDict({name: copies.get(name, module) for name, module in modules.items()})
        self.decay = decay

    @torch.no_grad()
    def update(self, modules: nn.ModuleDict, step: int) -> None:
        """Updates the EMA with the weights of optimizer step `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        weights = modules.state_dict()
        for name, average in self.averaged.state_dict().items():
            if average.dtype.is_floating_point:
                average.lerp_(weights[name], 1.0 - decay)
            else:
                average.copy_(weights[name])

    def state(self) -> dict[str, Tensor]:
        """The averaged weights by name of module and tensor."""
        return self.averaged.state_dict()

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Loads what `state` returned."""
        self.averaged.load_state_dict(state)


class Learner:
    """Takes training steps; saves and restores checkpoints."""

    def __init__(self, model_type: str, task: Task, settings: Settings, group: Group) -> None:
        self.model_type, self.task, self.group = model_type, task, group
        self.modules = task.build(settings).to(group.device)
        self.settings = _as_built(settings, self.modules)
        self.average = self._average()
        self.stepper = Stepper(task, self.modules, settings.training, group)
        self.position = Position()
        self.data: dict[str, Any] = {}
        """Facts about the data that checkpoints store; see `resume_checks`."""

    def ready(self) -> None:
        """Broadcasts the first process's weights; afterwards, no weights may be loaded."""
        self.group.share(self.modules.state_dict().values())
        if self.settings.training.gradient_checkpointing:
            checkpoint_blocks(self.modules)

    def step(self, batches: Sequence[Batch]) -> tuple[dict[str, float], bool]:
        """Takes one step; returns its losses and whether all were finite. A step that is not finite is skipped."""
        scores, finite = self.stepper.step(batches, self.position.step)
        self.position.step += 1
        self.position.skipped += not finite
        self.average.update(self.modules, self.position.step)
        return scores, finite

    def save(self, path: Path, scores: dict[str, float], *, is_last: bool) -> None:
        """Writes a checkpoint in the first process; all processes call it for `last.pt`, which a run resumes from.

        Only that one includes the optimizers, which are twice as large as the weights.
        """
        states = self.group.collect(random_state()) if is_last else []
        if self.group.is_first:
            contents = {
                "model_type": self.model_type,
                "settings": to_dict(self.settings),
                "data": self.data,
                "modules": self.modules.state_dict(),
                "average": self.average.state(),
                **(self.stepper.state() if is_last else {}),
                "position": asdict(self.position),
                "random": states,
                "scores": scores,
            }
            save_checkpoint(path, contents)

    def restore(self, path: Path) -> list[str]:
        """Resumes from a checkpoint; returns lines that name what differs from the run that wrote it.

        Raises `TrainingError` for a checkpoint of another model, phoneme table or audio settings.
        """
        contents = load_checkpoint(path)
        if contents["model_type"] != self.model_type:
            raise TrainingError(
                f"{path}: is a run of {contents['model_type']} and {self.model_type} was asked for; choose another "
                "output folder"
            )
        if "optimizers" not in contents:
            raise TrainingError(
                f"{path}: has no optimizers, as a best.pt; begin a run in another folder with its weights "
                "(--start-from)"
            )
        check_table(contents, path)
        differences = changes(contents["settings"], contents["data"], self.settings, self.data, path)
        if wrong := misfits(self.modules.state_dict(), contents["modules"]):
            name, reason = next(iter(wrong.items()))
            raise TrainingError(
                f"{path}: is of a run with other sizes, parts or speakers ({len(wrong)} tensors differ; {name} {reason}"
                "); use that run's settings and corpus, or choose another output folder and start from it"
            )
        self.modules.load_state_dict(contents["modules"])
        self.average.load(contents["average"])
        self.stepper.restore(contents)
        self.position = Position(**contents["position"])
        if self.group.rank < len(contents["random"]):  # a run may resume with more processes than before
            set_random_state(contents["random"][self.group.rank])
        return differences

    def begin_with(self, source: Path) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
        """Loads the matching weights of a checkpoint or voice; returns the others by name, with the reason, and whose
        rows initialized the speakers where the source has other speakers."""
        found = first_weights(source, list(self.modules))
        speakers = getattr(self.settings.model, "speakers", ())
        weights, origins = with_rows_by_name(self.modules.state_dict(), found, speakers)
        left_out = load_fitting(self.modules, weights, source)
        self.average = self._average()
        return left_out, origins

    def product(self, path: Path, output: Path) -> Path:
        """Writes the task's product, in `output`, from the averaged weights of a checkpoint."""
        contents: dict[str, Any] = load_checkpoint(path)
        self.average.load(contents["average"])
        training = {"steps": contents["position"]["step"], "scores": contents["scores"]}
        return self.task.save_product(self.average.modules, output, training)

    def _average(self) -> MovingAverage:
        return MovingAverage(self.modules, self.task.product_modules, self.settings.training.ema_decay)


def _as_built(settings: Settings, modules: nn.ModuleDict) -> Settings:
    """Settings whose section `model` includes what the corpus determined, such as the speakers."""
    built = [getattr(module, "config", None) for module in modules.values()]
    own = next((config for config in built if type(config) is type(settings.model)), settings.model)
    return replace(settings, model=own)
