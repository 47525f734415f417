"""What `kalakan doctor --tune` measured on the GPUs of this machine: who serves a call best, and Triton's tiles.

A table per GPU and versions, in one file of the cache; without it the first implementation that supports a call serves
it. A call is known by its shape and its amount of work: the nearest amount that was measured decides.
"""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from kalakan.ops import csrc_files

Tiles = tuple[int, int, int, int, int]
"""Of Triton's upsampling: output rows, output channels and depth of a tile, warps, stages."""


@dataclass(frozen=True)
class Shape:
    """A call of an op as the table knows it."""

    name: str
    """Type and sizes, but not its length."""
    rows: int
    """Items times frames."""
    device: torch.device


@dataclass
class Table:
    """The measurements of one GPU."""

    serves: dict[str, dict[str, str]] = field(default_factory=dict)
    """By op and shape, then by rows: the fastest implementation."""
    tiles: dict[str, Tiles] = field(default_factory=dict)
    """Of Triton's upsampling, by shape."""

    def best(self, op: str, shape: Shape) -> str | None:
        """The implementation that was fastest at about this many rows; None: nothing was measured."""
        measured = self.serves.get(f"{op} {shape.name}")
        if not measured:
            return None
        wanted = math.log(shape.rows)
        return measured[min(measured, key=lambda rows: abs(math.log(int(rows)) - wanted))]


_PREFERRED: ContextVar[Mapping[str, str]] = ContextVar("kalakan_ops_preferred", default={})  # noqa: B039 - never mutated
_TILES: ContextVar[Tiles | None] = ContextVar("kalakan_ops_tiles", default=None)
_SEEN: ContextVar[list[tuple[str, Shape]] | None] = ContextVar("kalakan_ops_seen", default=None)


def preferred(op: str, shape: Shape) -> str | None:
    """The implementation to ask first; None: the usual order."""
    seen = _SEEN.get()
    if seen is not None:
        seen.append((op, shape))
    forced = _PREFERRED.get().get(op)
    return forced or (table(shape.device).best(op, shape) if shape.device.type == "cuda" else None)


def are_forced() -> bool:
    """Whether tiles are given by `preferring`."""
    return _TILES.get() is not None


def tiles(shape: Shape) -> Tiles | None:
    """The tiles that were measured for a shape of Triton's upsampling; None: none were."""
    forced = _TILES.get()
    if forced is not None:
        return forced
    return table(shape.device).tiles.get(shape.name) if shape.device.type == "cuda" else None


@contextmanager
def preferring(op: str, name: str, with_tiles: Tiles | None = None) -> Iterator[None]:
    """Within the block an implementation is asked first, whatever the table says; for measuring it."""
    tokens = _PREFERRED.set({**_PREFERRED.get(), op: name}), _TILES.set(with_tiles)
    try:
        yield
    finally:
        _PREFERRED.reset(tokens[0])
        _TILES.reset(tokens[1])


@contextmanager
def watching() -> Iterator[list[tuple[str, Shape]]]:
    """The calls that ops make a choice for within the block."""
    seen: list[tuple[str, Shape]] = []
    token = _SEEN.set(seen)
    try:
        yield seen
    finally:
        _SEEN.reset(token)


def path() -> Path:
    """The file of tables; another one for other kernels."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kalakan" / f"tuned-{csrc_files.digest()}.json"


@functools.cache  # the file is read once, not at every call of an op
def table(device: torch.device) -> Table:
    """What was measured on a GPU with the versions of now; empty where nothing was, and for a file that is broken."""
    fields = _read().get(machine(device), {})
    try:
        found = {name: _as_tiles(value) for name, value in fields.get("tiles", {}).items()}
        serves = {
            name: {str(int(rows)): str(best) for rows, best in measured.items()}
            for name, measured in fields.get("serves", {}).items()
        }
    except (AttributeError, TypeError, ValueError):
        return Table()
    return Table(serves, found)


def save(device: torch.device, measured: Table) -> Path:
    """Adds the table of a GPU to the file, in place of an earlier one; used from the next call on. Returns the file."""
    tables = _read() | {machine(device): {"serves": measured.serves, "tiles": measured.tiles}}
    place = path()
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")
    partial.replace(place)
    table.cache_clear()
    return place


def machine(device: torch.device) -> str:
    """What measurements hold for: the GPU, and the versions of what computes on it."""
    try:
        triton = version("triton")
    except PackageNotFoundError:
        triton = "none"
    return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}, triton {triton}"


def _read() -> dict[str, Any]:
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _as_tiles(value: Any) -> Tiles:
    rows, columns, depth, warps, stages = map(int, value)
    return rows, columns, depth, warps, stages
