"""One op's reference through torch.compile at its best: what the kernels of that op must beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gpu_bench.cases import Arguments, Case, find_op, timed_cases
from gpu_bench.compiling import WITHOUT_GRAPHS, compiled
from gpu_bench.griffin_lim_baselines import CompiledLoop
from gpu_bench.griffin_lim_cases import FEW_ITERATIONS
from gpu_bench.kernels import beyond_cache, exact, reference
from gpu_bench.settings import Row, Settings
from gpu_bench.timing import relative_error, time_ms
from kalakan.ops.dispatch import Op

GRIFFIN_LIM_TOLERANCE, HALF_TOLERANCE = 1e-3, 1e-2
"""Relative errors of a compiled baseline above which its time would be no baseline."""


def rows(settings: Settings, op_name: str) -> Iterator[Row]:
    """Each load: error, milliseconds, and how it was compiled. Half precision only, where the op has it: each shape
    takes the compiler many seconds."""
    op, _ = find_op(op_name)
    with torch.no_grad():
        for case in timed_cases(op_name, settings):
            if op_name == "griffin_lim":
                yield _griffin_lim(op, case, settings)
            elif case.title.endswith(", float16"):
                yield _plain(op, case, settings)


def _griffin_lim(op: Op, case: Case, settings: Settings) -> Row:
    few, given = CompiledLoop(case.compared(case.make()), settings.device), case.compared(case.make())
    wanted = exact(op, case, given)
    error = relative_error(few(*given)[-len(wanted) :], wanted)
    inputs = beyond_cache(case, settings.device)
    loop = CompiledLoop(inputs[0], settings.device)
    row = {"case": case.title, "how": loop.how, "error": error, "compared iterations": FEW_ITERATIONS}
    return row | _timed(error, GRIFFIN_LIM_TOLERANCE, loop, inputs, settings)


def _plain(op: Op, case: Case, settings: Settings) -> Row:
    call = compiled(reference(op), settings.device, WITHOUT_GRAPHS)
    inputs = beyond_cache(case, settings.device)
    wanted = exact(op, case, inputs[0])
    error = relative_error(call(*inputs[0])[-len(wanted) :], wanted)
    row = {"case": case.title, "how": WITHOUT_GRAPHS, "error": error}
    return row | _timed(error, HALF_TOLERANCE, call, inputs, settings)


def _timed(
    error: float, tolerance: float, call: Callable[..., Tensor], inputs: list[Arguments], settings: Settings
) -> Row:
    if not error < tolerance:
        raise AssertionError(f"the compiled baseline has error {error:.3g}; {tolerance} may be")
    return time_ms(lambda given: call(*given), inputs, settings.rounds, settings.device)
