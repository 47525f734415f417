"""Measures which implementation is fastest for each stage of the upsampling vocoders, for `kalakan.ops.choices`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from kalakan.config.schema import AudioConfig
from kalakan.models.vocoders.gpu import packed
from kalakan.models.vocoders.gpu.channels_last import ChannelsLast, Layer
from kalakan.ops import choices
from kalakan.ops.choices import Shape, Table
from kalakan.ops.dispatch import Op
from kalakan.ops.residual_blocks import RESIDUAL_BLOCKS
from kalakan.ops.upsample import UPSAMPLE
from kalakan.ops.upsample.triton import CANDIDATES

Measure = Callable[[Callable[[], object]], float]
"""Duration of a call on the device in seconds."""
VOCODERS = ("hifigan", "hifigan_v2", "hifigan_v3", "melgan")
"""Vocoders whose stages are measured, in their preset sizes."""
SECONDS, ITEMS = (1, 10), 8
"""Lengths of a single item, and the number of the longest items, as many as one pass of a batch."""
ROUNDS = 5
_OPS: dict[str, Op] = {op.name: op for op in (UPSAMPLE, RESIDUAL_BLOCKS)}


def tune(model: packed.Packable, device: torch.device, audio: AudioConfig, found: Table) -> None:
    """Adds the durations of all stages of a vocoder on `device`, in half and single precision, to `found`."""
    for dtype in (torch.float16, torch.float32):
        with torch.no_grad():
            rows = packed.rows_of(model, dtype)
            deque(measure_stages(rows, mels(audio, device), found, device_seconds), maxlen=0)


def mels(audio: AudioConfig, device: torch.device) -> Iterator[Tensor]:
    """Log-mels [B, M, T] of noise: the loads that are measured, ascending."""
    frames = [round(seconds * audio.frame_rate) for seconds in SECONDS]
    for items, count in [*((1, count) for count in frames), (ITEMS, frames[-1])]:
        yield torch.randn(items, audio.n_mels, count, device=device) * 2 - 4


def measure_stages(
    rows: ChannelsLast, loads: Iterable[Tensor], found: Table, measure: Measure
) -> Iterator[tuple[str, Shape, dict[str, float]]]:
    """Adds to `found` the fastest implementation of each op that a generator calls, and Triton's tiles; yields each op,
    the shape of its call and the seconds of each implementation."""
    for mel in loads:
        x = rows.project_in(mel.to(rows.project_in.weight.dtype).transpose(1, 2).contiguous()).to(rows.dtype)
        for stage in rows.stages:
            with choices.watching() as seen:
                after = stage(x)
            for op, shape in dict.fromkeys(seen):
                times = _times(_OPS[op], shape, stage, x, found, measure)
                best = min(times, key=lambda name: times[name])
                found.serves.setdefault(f"{op} {shape.name}", {})[str(shape.rows)] = best
                yield op, shape, times
            x = after


def _times(op: Op, shape: Shape, stage: Layer, x: Tensor, found: Table, measure: Measure) -> dict[str, float]:
    times = {}
    for name in [name for name, reason in op.machine().items() if reason is None]:
        if name == "triton":
            times[name] = _fastest_tiles(op.name, shape, stage, x, found, measure)
            continue
        with choices.preferring(op.name, name):
            times[name] = measure(lambda: stage(x))
    return times


def _fastest_tiles(op: str, shape: Shape, stage: Layer, x: Tensor, found: Table, measure: Measure) -> float:
    times = {}
    for tiles in CANDIDATES[x.element_size()]:
        with choices.preferring(op, "triton", tiles):
            times[tiles] = measure(lambda: stage(x))
    best = min(times, key=lambda tiles: times[tiles])
    found.tiles[shape.name] = best  # the result for the largest load is kept
    return times[best]


def device_seconds(call: Callable[[], object]) -> float:
    """The fastest of some calls by the device's clock, after one that loads and compiles."""
    call()
    times = []
    for _ in range(ROUNDS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return min(times)
