"""Whether the kernels are right on this GPU, and Griffin-Lim's time."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from gpu_bench import griffin_lim_baselines
from gpu_bench.attempts import Attempts, Found
from gpu_bench.cases import Case, agreement_cases, find_op, timed_cases
from gpu_bench.generator import TOLERANCE, build_generator, half_type, make_mels
from gpu_bench.kernels import beyond_cache, exact
from gpu_bench.machine import build, facts
from gpu_bench.sanitize import TOOLS, check, find_tool, make_calls
from gpu_bench.settings import Row, Settings
from gpu_bench.timing import poison, relative_error, time_ms
from kalakan.config.environment import OPS
from kalakan.models.vocoders.gpu.graph_cache import cuda_graphs
from kalakan.ops import extension, use
from kalakan.ops.griffin_lim import cuda as griffin_lim_cuda
from kalakan.ops.launch import Launch

CALLS = 3
"""Of each op, from its smallest to its largest."""
SANITIZED_CALLS, SANITIZE_S = 4, 28.0
"""Of each op under compute-sanitizer, and the seconds that each of its tools may take."""


def right(settings: Settings, attempts: Attempts) -> Iterator[Row]:
    """Facts, the build, calls of each kernel against float64, and two ways to the same samples."""
    torch.backends.cudnn.allow_tf32 = False  # single precision is compared in full
    yield facts(settings.device)
    yield attempts.row("build", partial(build, settings))
    with torch.no_grad():
        for name in OPS:
            cases = list(agreement_cases(name, settings))
            for case in cases[:: max(1, len(cases) // (CALLS - 1) - 1)][:CALLS]:
                yield attempts.row(f"{name}, {case.title}", partial(compared, name, case, settings, attempts))
        yield attempts.row(
            "griffin_lim, all in one launch and each in one", partial(launches, settings, attempts)
        )
        yield attempts.row("generator, with and without a CUDA graph", partial(graphs, settings, attempts))


def serving(settings: Settings) -> str:
    """The implementation that is measured: the reference in a dry run, whose kernels are none."""
    return "cuda" if settings.device == "cuda" else "torch"


def compared(name: str, case: Case, settings: Settings, attempts: Attempts) -> Found:
    """Error of one call against float64, memory poisoned before."""
    op, call = find_op(name)
    arguments = case.compared(case.make())
    wanted = exact(op, case, arguments)
    poison(settings.device)
    with use(**{name: serving(settings)}):
        error = relative_error(call(*arguments)[-len(wanted) :], wanted)
    return {"error": error, **attempts.wrong(f"{name}, {case.title}", error, case.tolerance)}


class Each:
    """A launcher on whose device no blocks may wait for each other."""

    def __init__(self, launcher: Any) -> None:
        self._launcher = launcher

    def __getattr__(self, name: str) -> Any:
        return getattr(self._launcher, name)

    def resident(self, launch: Launch, device: torch.device) -> int:
        """None at once, so that each iteration is a launch of its own."""
        return 0


def launches(settings: Settings, attempts: Attempts) -> Found:
    """Griffin-Lim's persistent kernel against one launch an iteration."""
    if settings.device != "cuda":
        return {"skipped": "no CUDA device"}
    magnitude = torch.rand(2, 601, 40, device="cuda")
    launcher = extension.launcher(magnitude.device)
    audios = [
        griffin_lim_cuda.run(each, magnitude, 1200, 1200, 300, 4, 0.99, 0)
        for each in (launcher, Each(launcher))
    ]
    error = relative_error(audios[0], audios[1])
    return {"error": error, **attempts.wrong("one launch", error, 1e-5)}


def graphs(settings: Settings, attempts: Attempts) -> Found:
    """A replay, twice, against the same work queued call by call."""
    half = copy.deepcopy(build_generator(settings)).to(half_type(settings))
    mel = make_mels(1, 2 if settings.is_dry else 80, settings)[0]
    with cuda_graphs(False):
        wanted = half.inference(mel)
    half.inference(mel)
    error = relative_error(half.inference(mel), wanted)
    return {"error": error, **attempts.wrong("a replayed graph", error, TOLERANCE)}


def griffin_lim(settings: Settings, attempts: Attempts) -> Iterator[Row]:
    """Each load: the kernels, and torch's loops."""
    _, call = find_op("griffin_lim")
    for case in timed_cases("griffin_lim", settings):

        def found(case: Case = case) -> Found:
            inputs = beyond_cache(case, settings.device)
            with use(griffin_lim=serving(settings)):
                ours = time_ms(lambda given: call(*given), inputs, settings.rounds, settings.device)
            return {"kalakan": ours, "torch loops": griffin_lim_baselines.times(inputs, settings)}

        with torch.no_grad():
            yield attempts.row(case.title, found)


def sanitize(settings: Settings, attempts: Attempts) -> Iterator[Row]:
    """Wrong addresses, and races in shared memory, of a few calls."""
    if settings.is_dry:
        yield {"case": "calls", "made": make_calls("cpu", SANITIZED_CALLS, "torch")}
        return
    tool = find_tool()
    if tool is None:
        yield {"case": "compute-sanitizer", "unavailable": "compute-sanitizer is not on the PATH"}
        return
    for name in TOOLS:
        options = (str(SANITIZED_CALLS), "--sanitized-only", "cuda")
        row = check(tool, name, SANITIZE_S, *options)
        attempts.failed += [str(row["wrong"])] if "wrong" in row else []
        yield row
