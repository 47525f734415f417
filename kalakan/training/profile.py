"""Who waits for whom: how fast data come, and how fast steps take them."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence

from kalakan.training.batches import NumberedBatch


class Profile:
    """Times what a loop waits for data and what it computes."""

    def __init__(self) -> None:
        self.waited = self.computed = 0.0
        self.items = self.steps = 0

    def watch(self, groups: Iterator[list[NumberedBatch]]) -> Generator[list[NumberedBatch], None, None]:
        """The same groups; the time between one and the wish for the next counts as computing."""
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

    def report(self) -> str:
        """What was seen so far, in one line."""
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
