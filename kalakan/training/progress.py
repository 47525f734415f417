"""Terminal output of a run: a progress bar with the time left, a line per validation, and whether data loading or
compute is the bottleneck."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any, TypeVar

from kalakan.training.batches import NumberedBatch
from kalakan.training.tasks.contract import BatchSource

Item = TypeVar("Item")


class Progress:
    """Progress on standard error; only warnings when `quiet`, and nothing in a process that is not the first."""

    def __init__(self, max_steps: int, quiet: bool, is_first: bool = True) -> None:
        self.max_steps = max_steps
        self.quiet = quiet or not is_first
        self.is_first = is_first
        self._bar: Any = None

    def prepare(self, *sources: BatchSource, workers: int = 0) -> None:
        """Computes missing features in `workers` processes before the first step, with a bar."""
        for source in sources:
            bar = self._make("features", len(source.utterances))
            source.prepare(lambda done, _, bar=bar: bar.update(done - bar.n), workers)  # type: ignore[misc]
            bar.close()

    def watch(self, name: str, items: Sequence[Item]) -> Iterator[Item]:
        """Yields the same items, with a bar."""
        bar = self._make(name, len(items))
        for item in items:
            yield item
            bar.update(1)
        bar.close()

    def start(self, step: int) -> None:
        """Opens the bar at a step."""
        self._bar = self._make("steps", self.max_steps, step)

    def advance(self, scores: dict[str, float]) -> None:
        """Advances the bar by one step."""
        self._bar.set_postfix({"loss": f"{scores['loss']:.3f}"}, refresh=False)
        self._bar.update(1)

    def note(self, step: int, scores: dict[str, float]) -> None:
        """Prints the scores of a validation."""
        if not self.quiet:
            text = " ".join(f"{name} {value:.4f}" for name, value in scores.items())
            self._bar.write(f"step {step}: {text}", file=sys.stderr)

    def say(self, text: str) -> None:
        """Prints a line without disturbing the bar."""
        if not self.quiet:
            self.answer(text)

    def warn(self, text: str) -> None:
        """Prints a line about what the user may not have meant, in quiet runs too."""
        if self.is_first:
            self.answer(text)

    @staticmethod
    def answer(text: str) -> None:
        """Prints a line that the user requested, in quiet runs too."""
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)

    def close(self) -> None:
        """Closes the bar."""
        self._bar.close()

    def _make(self, name: str, total: int, initial: int = 0) -> Any:
        from tqdm import tqdm

        return tqdm(
            total=total,
            initial=initial,
            desc=name,
            disable=self.quiet or not sys.stderr.isatty(),  # no bar in a log file
            file=sys.stderr,
            mininterval=1.0,
            unit="",
        )


class Profile:
    """Measures how long a loop waits for data and how long it computes."""

    def __init__(self) -> None:
        self.waited = self.computed = 0.0
        self.items = self.steps = 0
        self._lap = (0.0, 0.0, time.process_time(), 0)

    def watch(self, groups: Iterator[list[NumberedBatch]]) -> Generator[list[NumberedBatch], None, None]:
        """Yields the same groups; the time until the next one is requested counts as compute."""
        while True:
            begin = time.perf_counter()
            group = next(groups)
            received = time.perf_counter()
            self.waited += received - begin
            try:
                yield group
            finally:  # also when the loop closes this generator after its last step
                self.computed += time.perf_counter() - received
                self.steps += 1
                self.items += _size(group)

    def lap(self) -> dict[str, float]:
        """Seconds waited and computed, CPU seconds of this process and items since the last call; empty where no step
        has ended since then."""
        now = (self.waited, self.computed, time.process_time(), self.items)
        waited, computed, cpu, items = (after - before for before, after in zip(self._lap, now, strict=True))
        if not items:
            return {}
        self._lap = now
        return {"waited_s": waited, "computed_s": computed, "cpu_s": cpu, "items": items}

    def report(self) -> str:
        """The measurements so far, in one line."""
        total = self.waited + self.computed
        if not self.steps:
            return "profile: no step was taken"
        alone = f"{self.items / self.waited:.0f}" if self.waited else "any number of"
        return (
            f"profile: {self.steps} steps, {self.steps / total:.2f} steps/s, {self.items / total:.1f} items/s; "
            f"waited for data {self.waited / total:.1%} of the time, which could bring {alone} items/s; "
            "training.workers above 0 prepares data beside the steps"
        )


def _size(group: Sequence[NumberedBatch]) -> int:
    return sum(len(batch.indices) for batch in group)
