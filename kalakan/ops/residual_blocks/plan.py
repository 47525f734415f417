"""How a residual block is split into launches and the signal into tiles."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

SLACK = 16
"""Rows past a tile's last one that may be read: as in csrc/convolution.cuh."""
MOST_CONVOLUTIONS = 16
"""Maximum number of convolutions per launch."""
LEAST_ROWS = 32
"""Minimum rows of a tile, even where that leaves multiprocessors idle: fewer would take as long."""


@dataclass(frozen=True)
class Device:
    """Device limits on a tile."""

    shared: int
    """Bytes of shared memory that a block may use."""
    resident: int
    """Blocks of that size that run concurrently."""


@dataclass(frozen=True)
class Block:
    """Sizes of a residual block and its input."""

    items: int
    frames: int
    width: int
    """Padded channels."""
    element: int
    """Bytes per activation value."""
    kernel: int
    dilations: tuple[int, ...]
    """Dilation of each convolution."""
    layer: int
    """Convolutions per layer."""


@dataclass(frozen=True)
class Part:
    """The convolutions of one launch."""

    first: int
    """Index of the first one."""
    dilations: tuple[int, ...]
    """Dilation of each."""
    halo: int
    """Halo: rows that they reach on each side."""
    rows: int
    """Rows of a tile, without the halo."""
    shared: int
    """Bytes of shared memory of a tile."""


@functools.lru_cache(maxsize=4096)
def plan(block: Block, device: Device) -> tuple[Part, ...] | None:
    """Launches that compute `block`: all layers in one, or one layer each, whichever is faster; None: neither fits.

    All in one reads and writes x once, but recomputes the halos of tiles: with kernel 11 and dilations 1, 3 and 5 in
    pairs 60 rows on each side of a tile, on average of its six convolutions 29. A layer alone shares 5 at most.
    """
    count, layer = len(block.dilations), block.layer
    ways = [_parts(block, device, size) for size in sorted({count, layer}, reverse=True)]
    able = [parts for parts in ways if parts is not None]
    return min(able, key=lambda parts: _cost(block, device, parts)) if able else None


def tile_bytes(block: Block, rows: int) -> int:
    """Bytes of the two tiles of `rows` rows, halo and slack included."""
    return 2 * rows * (block.width * block.element + 16)


def _parts(block: Block, device: Device, size: int) -> tuple[Part, ...] | None:
    """Launches of `size` convolutions each."""
    parts = [
        _part(block, device, first, block.dilations[first : first + size])
        for first in range(0, len(block.dilations), size)
    ]
    fitting = tuple(part for part in parts if part is not None)
    return fitting if len(fitting) == len(parts) and size <= MOST_CONVOLUTIONS else None


def _part(block: Block, device: Device, first: int, dilations: tuple[int, ...]) -> Part | None:
    """The largest tiles that fit, then reduced as far as balances the multiprocessors at no extra time."""
    halo = block.kernel // 2 * sum(dilations)
    largest = device.shared // tile_bytes(block, 1) - 2 * halo - SLACK
    if largest < 1:
        return None
    waves = math.ceil(block.items * math.ceil(block.frames / largest) / device.resident)
    tiles = max(1, waves * device.resident // block.items)
    rows = min(max(math.ceil(block.frames / tiles), LEAST_ROWS), largest, block.frames)
    return Part(first, dilations, halo, rows, tile_bytes(block, rows + 2 * halo + SLACK))


BALANCE = {2: 80.0, 4: 12.0}
"""Assumed operations of a multiprocessor in the time of one byte of global memory, by bytes per number."""
LAUNCH_BYTES = 100_000.0
"""Assumed bytes of global memory that a multiprocessor moves in the time of a launch."""


def _cost(block: Block, device: Device, parts: tuple[Part, ...]) -> float:
    """Time of the launches, in operations of a multiprocessor. A rough estimate: affects the plan, not the result."""
    total = 0.0
    for part in parts:
        waves = math.ceil(block.items * math.ceil(block.frames / part.rows) / device.resident)
        multiplied, reach = 0, part.halo
        for dilation in part.dilations:
            reach -= block.kernel // 2 * dilation
            multiplied += math.ceil((part.rows + 2 * reach) / 128) * 128
        moved = 2 * (part.rows + part.halo) * block.width * block.element
        work = 2.0 * multiplied * block.kernel * block.width**2
        total += waves * (work + BALANCE[block.element] * moved) + BALANCE[block.element] * LAUNCH_BYTES
    return total
