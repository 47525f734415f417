"""Results of `kalakan doctor --tune` for the GPUs of this machine: the fastest implementation per call, and Triton's
tiles.

One cache file has a table per GPU and versions. Without it, the first implementation that supports a call is used. A
call is identified by its shape and amount of work; the nearest measured amount decides.
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
"""Tile of Triton's upsampling: output rows, output channels and depth of a tile, warps, stages."""


@dataclass(frozen=True)
class Shape:
    """A call of an op, as a key of the table."""

    name: str
    """Type and sizes, without the length."""
    rows: int
    """Items times frames."""
    device: torch.device


@dataclass
class Table:
    """The measurements of one GPU."""

    serves: dict[str, dict[str, str]] = field(default_factory=dict)
    """The fastest implementation by op and shape, then by rows."""
    tiles: dict[str, Tiles] = field(default_factory=dict)
    """Tiles of Triton's upsampling, by shape."""

    def best(self, op: str, shape: Shape) -> str | None:
        """The fastest implementation at about this many rows; None if nothing was measured."""
        measured = self.serves.get(f"{op} {shape.name}")
        if not measured:
            return None
        wanted = math.log(shape.rows)
        return measured[min(measured, key=lambda rows: abs(math.log(int(rows)) - wanted))]


_PREFERRED: ContextVar[Mapping[str, str]] = ContextVar("kalakan_ops_preferred", default={})  # noqa: B039 - never mutated
_TILES: ContextVar[Tiles | None] = ContextVar("kalakan_ops_tiles", default=None)
_SEEN: ContextVar[list[tuple[str, Shape]] | None] = ContextVar("kalakan_ops_seen", default=None)


def preferred(op: str, shape: Shape) -> str | None:
    """The implementation to try first; None for the usual order."""
    seen = _SEEN.get()
    if seen is not None:
        seen.append((op, shape))
    forced = _PREFERRED.get().get(op)
    return forced or (table(shape.device).best(op, shape) if shape.device.type == "cuda" else None)


def are_forced() -> bool:
    """Whether `preferring` sets the tiles."""
    return _TILES.get() is not None


def tiles(shape: Shape) -> Tiles | None:
    """The measured tiles for a shape of Triton's upsampling, or None."""
    forced = _TILES.get()
    if forced is not None:
        return forced
    return table(shape.device).tiles.get(shape.name) if shape.device.type == "cuda" else None


@contextmanager
def preferring(op: str, name: str, with_tiles: Tiles | None = None) -> Iterator[None]:
    """Within the block, tries an implementation first regardless of the table, to measure it."""
    tokens = _PREFERRED.set({**_PREFERRED.get(), op: name}), _TILES.set(with_tiles)
    try:
        yield
    finally:
        _PREFERRED.reset(tokens[0])
        _TILES.reset(tokens[1])


@contextmanager
def watching() -> Iterator[list[tuple[str, Shape]]]:
    """Records the calls for which ops make a choice within the block."""
    seen: list[tuple[str, Shape]] = []
    token = _SEEN.set(seen)
    try:
        yield seen
    finally:
        _SEEN.reset(token)


def path() -> Path:
    """The file of tables, specific to the kernel sources."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kalakan" / f"tuned-{csrc_files.digest()}.json"


@functools.cache  # the file is read once, not at every call of an op
def table(device: torch.device) -> Table:
    """The measurements on a GPU with the current versions; empty without measurements, and for a broken file."""
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
    """Adds or replaces the table of a GPU in the file; used from the next call on. Returns the file."""
    tables = _read() | {machine(device): {"serves": measured.serves, "tiles": measured.tiles}}
    place = path()
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")
    partial.replace(place)
    table.cache_clear()
    return place


def machine(device: torch.device) -> str:
    """What measurements are valid for: the GPU and the versions of its libraries."""
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
