"""One synthesizer on several devices."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kalakan.errors import ConfigError
from kalakan.synthesis.synthesizer import Synthesizer


class DeviceCopies:
    """Copies of a synthesizer's models, one on each device. Thread-safe.

    If a model of the synthesizer is replaced, it is copied again.
    """

    def __init__(self, synthesizer: Synthesizer, devices: Sequence[str | None] = (None,)) -> None:
        """None in `devices` is the synthesizer itself.

        Raises `ConfigError` for a missing device, and for a mix of GPUs and CPUs, which work differently.
        """
        self._source = synthesizer
        self._devices = tuple(devices)
        self._busy = [0] * len(self._devices)
        self._uses = [0] * len(self._devices)
        self._lock = threading.Lock()
        self._models = self._parts()
        self._copies = self._copied()
        if len({copy.stages.engine.runs_batches for copy in self._copies}) > 1:
            names = ", ".join(str(device) for device in self._devices)
            raise ConfigError(f"the devices are {names}; give GPUs or CPUs, not both")

    def __len__(self) -> int:
        return len(self._devices)

    def at(self, place: int) -> Synthesizer:
        """The copy on the device at that index."""
        if any(now is not then for now, then in zip(self._parts(), self._models, strict=True)):
            with self._lock:
                self._copies = self._copied()
                self._models = self._parts()
        return self._copies[place]

    def least_busy(self) -> int:
        """The index of the device with the least work in progress, and of several such, the least used one."""
        return min(range(len(self)), key=lambda place: (self._busy[place], self._uses[place]))

    @contextmanager
    def using(self, place: int | None = None) -> Iterator[int]:
        """Counts the block as work in progress on a device, by default the least busy one, and returns its index."""
        with self._lock:
            chosen = self.least_busy() if place is None else place
            self._busy[chosen] += 1
            self._uses[chosen] += 1
        try:
            yield chosen
        finally:
            with self._lock:
                self._busy[chosen] -= 1

    def _parts(self) -> tuple[Any, Any]:
        return self._source.acoustic_model, self._source.vocoder

    def _copied(self) -> list[Synthesizer]:
        source = self._source
        return [source if device is None else source.copied_to(device) for device in self._devices]
