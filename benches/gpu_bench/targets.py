"""What the GPU path has to reach on an H200, and by how much it does or does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gpu_bench.running import Outcome

Results = Mapping[str, Outcome]


@dataclass(frozen=True)
class Target:
    """One promise."""

    name: str
    """What is promised."""
    bound: float
    """The least of a ratio, the most of anything else."""
    is_least: bool
    """Whether `bound` is the least."""
    value: float | None
    """What was measured; None: it was not."""
    why: str = ""
    """Why it was not."""
    floor: str = ""
    """What no run of today's code can get below, computed from its arithmetic, bytes or instructions."""

    @property
    def verdict(self) -> str:
        """ "met" or "missed", with the share by which, or why nothing was measured."""
        if self.value is None:
            return f"not measured: {self.why}"
        share = self.value / self.bound if self.is_least else self.bound / max(self.value, 1e-12)
        return f"met, {share:.2f} of what is asked" if share >= 1 else f"missed, {share:.2f} of what is asked"


def targets(results: Results) -> Iterator[Target]:
    """All promises with what `results` says of them."""
    yield from _griffin_lim(results)
    yield from _generator(results)
    yield from _end_to_end(results)


def as_rows(found: Iterator[Target]) -> list[dict[str, Any]]:
    """Targets for the file of results."""
    return [
        {
            "target": each.name,
            ("at least" if each.is_least else "below"): each.bound,
            "measured": None if each.value is None else round(each.value, 6),
            "verdict": each.verdict,
            "floor": each.floor,
        }
        for each in found
    ]


_GRIFFIN_LIM = {
    "1 x 1 s": (10, "0.052 ms: 33 times 12.4 thousand instructions of warps, four a cycle"),
    "1 x 10 s": (10, "0.103 ms: the same for two blocks on a multiprocessor"),
    "32 x 10 s": (
        5,
        "2.8 ms: 14.7 kB of memory a frame and iteration; 13.6 thousand instructions are 2.7 ms",
    ),
}
_GENERATOR = {
    "1 x 1 s": (4, "0.063 ms: 49.9 GFLOP at 788 TFLOP/s"),
    "32 x 10 s": (1.8, "20.3 ms: 16 TFLOP at 788 TFLOP/s"),
}
_END_TO_END = {
    "1 x 10 s": (0.002, "0.00006: the vocoder's arithmetic"),
    "32 x 10 s": (0.0005, "0.00006: the vocoder's arithmetic"),
}
"""Bounds, and floors on an H200 of 132 multiprocessors at 1.98 GHz, 4.3 TB/s and 788 TFLOP/s."""
_IN_FIRST = {
    "generator": "generator",
    "generator.compiled": "compiled",
    "kernels.griffin_lim": "griffin_lim",
    "end_to_end": "speech",
}
"""Sections whose rows a first run has, too, and the step that yields them there."""


def _griffin_lim(results: Results) -> Iterator[Target]:
    for load, (least, floor) in _GRIFFIN_LIM.items():
        row = _row(results, "kernels.griffin_lim", load)
        eager = [row.get("implementations", {}).get("torch", {}), *row.get("torch loops", {}).values()]
        slow = min((each["ms"] for each in eager if "ms" in each), default=None)
        ours = row.get("kalakan") or row.get("implementations", {}).get(row.get("serves", ""), {})
        fast = ours.get("ms")
        what = f"griffin_lim, {load}: the fastest torch loop ÷ ours"
        yield _ratio(what, least, slow, fast, results, "kernels.griffin_lim", floor)
        compiled = _row(results, "compiled.griffin_lim", load).get("ms")
        name = f"griffin_lim, {load}: torch.compile and a CUDA graph ÷ ours"
        yield _ratio(name, 1, compiled, fast, results, "compiled.griffin_lim", floor)


def _generator(results: Results) -> Iterator[Target]:
    for load, (least, floor) in _GENERATOR.items():
        ours = _row(results, "generator", f"{load}, kalakan").get("ms")
        eager = _row(results, "generator", f"{load}, torch").get("ms")
        what = f"HiFi-GAN V1 fp16, {load}: torch eager ÷ ours"
        yield _ratio(what, least, eager, ours, results, "generator", floor)
        for section, who, bound in (("compiled", "torch.compile", 1.1), ("tensorrt", "TensorRT", 0.5)):
            name = f"generator.{section}"
            other = _row(results, name, load).get("ms")
            what = f"HiFi-GAN V1 fp16, {load}: {who} ÷ ours"
            yield _ratio(what, bound, other, ours, results, name, floor)


def _end_to_end(results: Results) -> Iterator[Target]:
    missing = _why(results, "end_to_end")
    for load, (most, floor) in _END_TO_END.items():
        row = _row(results, "end_to_end", f"{load}, mixed precision")
        yield Target(f"end to end, {load}: RTF", most, False, row.get("rtf"), missing, floor)
        name, memory = f"end to end, {load}: MB of the GPU", row.get("reserved_mb")
        yield Target(name, 2500, False, memory, missing, "28 MB: the weights in half precision")


def _row(results: Results, section: str, case: str) -> dict[str, Any]:
    places = [(section, case), ("first", f"{_IN_FIRST.get(section, section)}: {case}")]
    for place, wanted in places:
        for row in results.get(place, {}).get("rows", []):
            if row["case"] == wanted:
                return row
    return {}


def _ratio(
    name: str,
    least: float,
    slow: float | None,
    fast: float | None,
    results: Results,
    section: str,
    floor: str,
) -> Target:
    value = slow / fast if slow is not None and fast is not None and fast > 0 else None
    return Target(name, least, True, value, _why(results, section), floor)


def _why(results: Results, section: str) -> str:
    outcome = results.get(section)
    if outcome is None:
        return f"section {section} was not asked for"
    reasons = [row["unavailable"] for row in outcome["rows"] if "unavailable" in row]
    lines = str(outcome.get("why", "")).strip().splitlines()
    said = [*reasons, *lines[-1:], "it has no such figure"]
    return f"section {section} is {outcome['state']}: {said[0]}"
