"""A first run on a GPU, in one process: steps in the order of what must be known first, each within its seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gpu_bench import first_generator, first_kernels, first_speech
from gpu_bench.attempts import Attempts
from gpu_bench.settings import Row, Settings

PLANNED_S = 270.0
"""Of the whole run, this process's start included."""
START_S = 20.0
"""For importing torch and waking the device."""


class Wrong(Exception):
    """A result that makes all figures worthless."""


@dataclass(frozen=True)
class Step:
    """One part of the run."""

    name: str
    seconds: float
    """What it is planned to take; where less is left it is skipped."""
    rows: Callable[[Settings, Attempts], Iterator[Row]]
    is_needed: bool = False
    """Whether a failure ends the run."""


STEPS = (
    Step("right", 50, first_kernels.right, is_needed=True),
    Step("generator", 40, first_generator.generator),
    Step("speech", 30, first_speech.speech),
    Step("griffin_lim", 25, first_kernels.griffin_lim),
    Step("stages", 40, first_generator.stages),
    Step("sanitize", 60, first_kernels.sanitize),
    Step(
        "compiled", 60, first_generator.max_autotune
    ),  # where others left time: it is cut at the section's limit
)


def rows(settings: Settings, _: str) -> Iterator[Row]:
    """The rows of all steps, each with the step's name and the seconds since the start. Raises `AssertionError` at the
    end if anything failed, at once if a kernel is wrong."""
    attempts, start = Attempts(), time.monotonic() - START_S
    for step in STEPS:
        left = min(PLANNED_S, settings.limit_s) - (time.monotonic() - start)
        if left < step.seconds and not settings.is_dry:
            yield {"case": step.name, "skipped": f"{left:.0f} s were left, {step.seconds:.0f} are planned"}
            continue
        try:
            for row in step.rows(settings, attempts):
                yield {
                    **row,
                    "case": f"{step.name}: {row['case']}",
                    "at_s": round(time.monotonic() - start, 1),
                }
        except Exception as error:  # it belongs to this step; the others are measured
            attempts.failed.append(f"{step.name}: {type(error).__name__}: {error}")
            yield {"case": step.name, "failed": f"{type(error).__name__}: {error}"}
        if step.is_needed and attempts.failed:
            break
    attempts.finish()
