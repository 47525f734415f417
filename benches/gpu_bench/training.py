"""Training of one model on synthetic data by the Trainer itself: steps a second and memory, in three ways.

Steps are timed by the lines that the run leaves in its `metrics.jsonl`: whole steps, with what they wait for.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gpu_bench.attempts import Attempts
from gpu_bench.corpus import write_corpus
from gpu_bench.settings import Row, Settings
from gpu_bench.timing import peak_memory_mb, reset_memory
from kalakan.config.schema import AudioConfig
from kalakan.training.trainer import Trainer

WAYS = {
    "single precision": (False, False),
    "mixed precision": (True, False),
    "mixed precision, compiled": (True, True),
}
"""Whether `training.mixed_precision` is on, and whether the modules are compiled."""
CLIPS, SECONDS = 192, 4.0
STEPS = {"tacotron2": 20, "fastspeech2_small": 200, "hifigan_v2": 100}
PARTS = {"tacotron2": ("decoder", "postnet")}
"""What is compiled of a model that cannot be compiled whole: its decoder's step, not the loop of hundreds of them."""
DRY_PART = "duration_predictor"
WARM_UP = 0.4
"""Share of the steps before the clock starts: compilers, cuDNN's choice and the scaler's search are over by then."""
BATCH = 16


def rows(settings: Settings, model: str) -> Iterator[Row]:
    """Each way, and what mixed precision and the compiler gain, as ratios of steps a second."""
    attempts = Attempts()
    with tempfile.TemporaryDirectory() as work:
        clips, seconds = (4, 1.0) if settings.is_dry else (CLIPS, SECONDS)
        corpus = write_corpus(Path(work) / "corpus", clips, seconds, AudioConfig())
        rates: dict[str, float] = {}
        for way in ways(model, settings):
            row = attempts.row(way, partial(train, model, way, corpus, Path(work), settings))
            if "steps_per_s" in row:
                rates[way] = row["steps_per_s"]
            yield row
            yield {"case": "gains", **gains(rates)}
    attempts.finish()


def ways(model: str, settings: Settings) -> list[str]:
    """All; in a dry run the last one, which alone goes through everything, but for models that take long to trace."""
    if settings.is_dry:
        return [list(WAYS)[-1 if model == "fastspeech2_small" else 1]]
    return list(WAYS)


def train(model: str, way: str, corpus: Path, work: Path, settings: Settings) -> dict[str, Any]:
    """One run of the Trainer: steps a second after the warm-up, memory, the share of time that steps wait for data."""
    mixed, is_compiled = WAYS[way]
    steps = 2 if settings.is_dry else STEPS[model]
    trainer = Trainer(model, options(model, steps, mixed, settings), settings.device)
    if is_compiled:
        compile_modules(trainer, settings)
    output, said = work / way.replace(" ", "-").replace(",", ""), io.StringIO()
    reset_memory(settings.device)
    start = time.perf_counter()
    with redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train(corpus, output, features=work / "features", profile=True)
    waited = re.search(r"waited for data ([\d.]+%)", said.getvalue())
    return {
        "steps_per_s": steps_per_s(output / "metrics.jsonl", steps),
        "steps": steps,
        "batch": BATCH if not settings.is_dry else 2,
        **peak_memory_mb(settings.device),
        "waited_for_data": waited[1] if waited else None,
        "whole_run_s": round(time.perf_counter() - start, 1),
    }


def options(model: str, steps: int, mixed: bool, settings: Settings) -> dict[str, Any]:
    """The settings of a run: the model's own, but for what a measurement needs."""
    training: dict[str, Any] = {
        "max_steps": steps,
        "batch_size": 2 if settings.is_dry else BATCH,
        "mixed_precision": mixed,
        "log_every": 1,
        "validate_every": 10 * steps,
        "picture_every": 10 * steps,
        "checkpoint_every": 10 * steps,
        "validation_utterances": 1,
    }
    tiny = {"model": TINY[model], "segments": {"frames": 16, "validation_frames": 16}}
    return {"training": training} | (tiny if settings.is_dry else {})


TINY: dict[str, dict[str, Any]] = {
    "fastspeech2_small": {"encoder_layers": 1, "decoder_layers": 1, "predictor_layers": 1},
    "hifigan_v2": {"channels": 16, "discriminator_width": 4},
    "tacotron2": {"decoder_width": 32, "encoder_width": 32, "postnet_width": 16, "frames_per_step": 8},
}
"""Sizes for a dry run."""


def compile_modules(trainer: Trainer, settings: Settings) -> None:
    """Has the task's modules compiled in place, as the Trainer will build them: their weights keep their names."""
    build = trainer.task.build

    def build_compiled(given: Any) -> nn.ModuleDict:
        modules = build(given)
        for part in parts(modules, trainer.model_type, settings):
            part.compile(backend="inductor" if settings.device == "cuda" else "eager")
        return modules

    torch.compiler.reset()
    trainer.task.build = build_compiled  # type: ignore[method-assign, assignment]


def parts(modules: nn.ModuleDict, model: str, settings: Settings) -> list[nn.Module]:
    """The modules to compile; a small one in a dry run."""
    names = (DRY_PART,) if settings.is_dry else PARTS.get(model, ("",))
    return [module.get_submodule(name) for module in modules.values() for name in names]


def steps_per_s(path: Path, steps: int) -> float:
    """Of the steps after the warm-up, by the times of their lines."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    times = {record["step"]: record["time"] for record in records if record["group"] == "train"}
    first = max(1, round(WARM_UP * steps))
    return float(round((steps - first) / max(times[steps] - times[first], 1e-3), 3))


def gains(rates: dict[str, float]) -> dict[str, float]:
    """Ratios of steps a second of what was measured."""
    pairs = {
        "mixed_precision": ("mixed precision", "single precision"),
        "compiled": ("mixed precision, compiled", "mixed precision"),
    }
    return {
        name: round(rates[numerator] / rates[denominator], 3)
        for name, (numerator, denominator) in pairs.items()
        if numerator in rates and denominator in rates
    }
