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
        }
        for each in found
    ]


def _griffin_lim(results: Results) -> Iterator[Target]:
    for load, least in (("1 x 1 s", 20), ("1 x 10 s", 20), ("32 x 10 s", 8)):
        row = _row(results, "kernels.griffin_lim", load)
        eager = [row.get("implementations", {}).get("torch", {}), *row.get("torch loops", {}).values()]
        slow = min((each["ms"] for each in eager if "ms" in each), default=None)
        fast = row.get("implementations", {}).get(row.get("serves", ""), {}).get("ms")
        yield _ratio(
            f"griffin_lim, {load}: the fastest torch loop ÷ ours",
            least,
            slow,
            fast,
            results,
            "kernels.griffin_lim",
        )
        compiled = _row(results, "compiled.griffin_lim", load).get("ms")
        name = f"griffin_lim, {load}: torch.compile and a CUDA graph ÷ ours"
        yield _ratio(name, 1, compiled, fast, results, "compiled.griffin_lim")


def _generator(results: Results) -> Iterator[Target]:
    for load, least in (("1 x 1 s", 5), ("32 x 10 s", 1.8)):
        ours = _row(results, "generator", f"{load}, kalakan").get("ms")
        eager = _row(results, "generator", f"{load}, torch").get("ms")
        yield _ratio(
            f"HiFi-GAN V1 fp16, {load}: torch eager ÷ ours", least, eager, ours, results, "generator"
        )
        for section, who, bound in (("compiled", "torch.compile", 1.2), ("tensorrt", "TensorRT", 0.9)):
            name = f"generator.{section}"
            other = _row(results, name, load).get("ms")
            yield _ratio(f"HiFi-GAN V1 fp16, {load}: {who} ÷ ours", bound, other, ours, results, name)


def _end_to_end(results: Results) -> Iterator[Target]:
    missing = _why(results, "end_to_end")
    for load, most in (("1 x 10 s", 0.002), ("32 x 10 s", 0.0002)):
        row = _row(results, "end_to_end", f"{load}, mixed precision")
        yield Target(f"end to end, {load}: RTF", most, False, row.get("rtf"), missing)
        yield Target(f"end to end, {load}: MB of the GPU", 2000, False, row.get("reserved_mb"), missing)


def _row(results: Results, section: str, case: str) -> dict[str, Any]:
    rows = results.get(section, {}).get("rows", [])
    return next((row for row in rows if row["case"] == case), {})


def _ratio(
    name: str, least: float, slow: float | None, fast: float | None, results: Results, section: str
) -> Target:
    value = slow / fast if slow is not None and fast is not None and fast > 0 else None
    return Target(name, least, True, value, _why(results, section))


def _why(results: Results, section: str) -> str:
    outcome = results.get(section)
    if outcome is None:
        return f"section {section} was not asked for"
    reasons = [row["unavailable"] for row in outcome["rows"] if "unavailable" in row]
    lines = str(outcome.get("why", "")).strip().splitlines()
    said = [*reasons, *lines[-1:], "it has no such figure"]
    return f"section {section} is {outcome['state']}: {said[0]}"
