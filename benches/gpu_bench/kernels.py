"""Every implementation of one op: compared with float64, then timed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gpu_bench import griffin_lim_baselines
from gpu_bench.attempts import Attempts, Found, Purse
from gpu_bench.cases import Arguments, Case, agreement_cases, find_op, timed_cases
from gpu_bench.machine import build
from gpu_bench.settings import Row, Settings
from gpu_bench.timing import copies_beyond_cache, poison, relative_error, time_ms
from kalakan.errors import ImplementationUnavailable
from kalakan.ops import use
from kalakan.ops.dispatch import Op

COMPARED_VALUES = 1 << 22
"""Largest input that is computed in float64 whole; of a larger one the last item is."""
AGREEMENT_S, TIMED_S = 20.0, 20.0
"""Seconds that each implementation may spend on each half: one that compiles for every shape leaves cases out."""
NO_TIME = {"skipped": "its time was over"}


def rows(settings: Settings, op_name: str) -> Iterator[Row]:
    """The worst error of each implementation over the small sizes, then each load's errors and times.

    Raises `AssertionError` at the end if any result was wrong or any call failed.
    """
    torch.backends.cudnn.allow_tf32 = False  # single precision is compared, and timed, in full
    torch.seed()
    op, call = find_op(op_name)
    bench = Bench(op, call, settings)
    yield bench.attempts.row("build", partial(build, settings))
    yield {"case": "here", "implementations": bench.able()}
    with torch.no_grad():
        yield {"case": "agreement with float64", "implementations": bench.agreement()}
        purse = Purse(TIMED_S)
        for case in timed_cases(op_name, settings):
            yield bench.timed(case, purse)
    bench.attempts.finish()


class Bench:
    """The measurements of one op."""

    def __init__(self, op: Op, call: Callable[..., Tensor], settings: Settings) -> None:
        self.op, self.call, self.settings = op, call, settings
        self.attempts = Attempts()

    def able(self) -> dict[str, dict[str, str]]:
        """Which implementations this machine has, and why not the others."""
        return {
            name: {"how": "can run here"} if reason is None else {"unavailable": reason}
            for name, reason in self.op.machine().items()
        }

    def agreement(self) -> dict[str, Found]:
        """Of each implementation the case with the largest share of its tolerance, and how many were compared."""
        cases = list(agreement_cases(self.op.name, self.settings))
        random.shuffle(cases)  # where time is short, what is left out is spread
        purse = Purse(AGREEMENT_S)
        worst: dict[str, Found] = {}
        for case in cases:
            all_found = self.attempts.found(case.title, lambda case=case: self.errors(case, purse))
            if isinstance(all_found.get("failed"), str):
                break  # a kernel has broken the device's context: torch's own calls fail, too
            for name, found in all_found.items():
                before = worst.setdefault(name, {"compared": 0, "of": len(cases), "share": -1.0})
                if "failed" in found:
                    before.setdefault("failed", f"{case.title}: {found['failed']}")
                if "error" in found:
                    before["compared"] += 1
                    share = found["error"] / case.tolerance
                    if not share <= before["share"]:  # NaN is the worst
                        before |= {"share": share, "worst": case.title, **found}
        return worst

    def timed(self, case: Case, purse: Purse) -> Row:
        """A load: of each implementation error and milliseconds, and which serves when nobody asks for one."""
        op, settings = self.op, self.settings
        row: Row = {"case": case.title, "implementations": self.errors(case, purse)}
        inputs = beyond_cache(case, settings.device)
        for name, found in row["implementations"].items():
            if "error" in found and "wrong" not in found:
                with use(**{op.name: name}), purse.of(name):
                    found |= self.attempts.found(f"{name}: {case.title}", lambda: self._ms(inputs))
        row |= self.attempts.found(f"choice: {case.title}", lambda: {"serves": serving(op, inputs[0])})
        if op.name == "griffin_lim":
            what = f"torch loops: {case.title}"
            row["torch loops"] = self.attempts.found(
                what, lambda: griffin_lim_baselines.times(inputs, settings)
            )
        return row

    def errors(self, case: Case, purse: Purse) -> dict[str, Found]:
        """Of each implementation its error against float64, memory poisoned before, or why there is none."""
        arguments = case.compared(case.make())
        wanted = exact(self.op, case, arguments)
        names = [name for name, reason in self.op.machine().items() if reason is None]
        found: dict[str, Found] = {}
        for name in names:
            with purse.of(name):
                what = f"{self.op.name}={name}: {case.title}"
                found[name] = (
                    dict(NO_TIME)
                    if purse.is_empty(name)
                    else self.attempts.found(what, lambda name=name: self._error(name, arguments, wanted))
                )
            if "error" in found[name]:
                found[name] |= self.attempts.wrong(what, found[name]["error"], case.tolerance)
        return found

    def _error(self, name: str, arguments: Arguments, wanted: Tensor) -> Found:
        with use(**{self.op.name: name}):
            try:
                poison(self.settings.device)
                return {"error": relative_error(self.call(*arguments)[-len(wanted) :], wanted)}
            except ImplementationUnavailable as error:
                return {"unavailable": str(error)}

    def _ms(self, inputs: list[Arguments]) -> Found:
        return time_ms(lambda given: self.call(*given), inputs, self.settings.rounds, self.settings.device)


def exact(op: Op, case: Case, arguments: Arguments) -> Tensor:
    """The last items of a call, all if it is small, by the reference in float64."""
    x = arguments[0] if arguments[0].numel() <= COMPARED_VALUES else arguments[0][-1:]
    return reference(op)(*case.wide((x, *arguments[1:])))


def beyond_cache(case: Case, device: str) -> list[Arguments]:
    """Calls to rotate through, more than the cache holds."""
    first = case.make()
    size = sum(value.nbytes for value in first if isinstance(value, Tensor))
    return [first, *(case.make() for _ in range(copies_beyond_cache(size, device) - 1))]


def reference(op: Op) -> Callable[..., Tensor]:
    """The implementation that defines correct."""
    return next(each.call for each in op.implementations if each.name == "torch")


def serving(op: Op, arguments: Arguments) -> str:
    """Name of the implementation that serves a call when nobody asks for one."""
    chosen: Any = op.choose(*arguments)
    return next(each.name for each in op.implementations if each.call is chosen)
