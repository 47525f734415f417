"""Finds copies of tensors between devices, and reads of single values that make the CPU wait for the GPU."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

SCALAR_READS = frozenset({"_local_scalar_dense", "equal", "is_nonzero", "nonzero"})
"""Operators whose result the CPU needs before it can continue."""
_PACKAGE = f"{Path(__file__).parents[2]}{os.sep}"


@dataclass(frozen=True)
class Transfer:
    """One kind of transfer at one place."""

    operator: str
    source: str
    """Device that it comes from."""
    target: str
    where: str
    """File, line and function in Kalakan, or of the caller outside of torch."""


class TransferFinder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the transfers in its `with` block, in this thread."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[Transfer] = Counter()
        self.bytes: Counter[Transfer] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs an operator, and compares the devices of its tensors before and after."""
        result = func(*args, **(kwargs or {}))
        name = str(func.__name__).partition(".")[0]
        tensors = [item for item in args if isinstance(item, Tensor)]
        if name == "copy_" and len(tensors) == 2:
            self._note(name, tensors[1].device, tensors[0].device, tensors[1])
        elif name in ("_to_copy", "_copy_from") and isinstance(result, Tensor) and tensors:
            self._note(name, tensors[0].device, result.device, tensors[0])
        elif name in SCALAR_READS and tensors:
            self._note(name, tensors[0].device, torch.device("cpu"), tensors[0])
        return result

    def _note(self, name: str, source: torch.device, target: torch.device, tensor: Tensor) -> None:
        if source == target:
            return
        found = Transfer(name, str(source), str(target), _place())
        self.counts[found] += 1
        self.bytes[found] += tensor.numel() * tensor.element_size()

    def lines(self) -> Iterator[str]:
        """The transfers found, most bytes first."""
        for found in sorted(self.counts, key=lambda item: -self.bytes[item]):
            yield (
                f"{self.counts[found]:5d} times {found.source} to {found.target}, "
                f"{self.bytes[found] / 1e6:.3f} MB in all: {found.operator} at {found.where}"
            )


def transfers(run: Callable[[], Any]) -> TransferFinder:
    """The transfers of one run, after a warm-up run."""
    run()
    found = TransferFinder()
    with found:
        run()
    return found


def _place() -> str:
    """The innermost frame in Kalakan outside of this file, otherwise outside of torch."""
    frame, outside = sys._getframe(1), ""
    while frame is not None:
        path = frame.f_code.co_filename
        where = f"{Path(path).name}:{frame.f_lineno} in {frame.f_code.co_name}"
        if path != __file__:
            if path.startswith(_PACKAGE):
                return where
            if not outside and "torch" not in Path(path).parts:
                outside = where
        frame = frame.f_back  # type: ignore[assignment]
    return outside or "torch"
