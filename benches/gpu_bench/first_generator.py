"""HiFi-GAN V1 in half precision: the whole, its stages one by one, and torch.compile where time is left."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch

from gpu_bench.attempts import Attempts, Found
from gpu_bench.cases import AUDIO
from gpu_bench.compiling import WITH_GRAPHS, compiled
from gpu_bench.generator import (
    TOLERANCE,
    build_generator,
    exact_audio,
    gflop,
    half_type,
    make_mels,
    measure,
    ways,
)
from gpu_bench.settings import Row, Settings
from kalakan.models.vocoders.gpu import packed, tuning
from kalakan.ops.choices import Table

LOADS = ((1, 1), (1, 10), (32, 10))
"""Items and seconds."""
CHECKS = 200
COMPILED_TOLERANCE = 2e-2
"""Relative error above which its time would be no baseline."""


def loads(settings: Settings) -> list[tuple[str, int, int]]:
    """Name, items and frames."""
    if settings.is_dry:
        return [("1 x 0 s", 1, 2), ("2 x 0 s", 2, 3)]
    return [(f"{items} x {s} s", items, round(s * AUDIO.frame_rate)) for items, s in LOADS]


def generator(settings: Settings, attempts: Attempts) -> Iterator[Row]:
    """Each load: torch eager, Kalakan, and Kalakan without graphs; and the CPU's check of packed weights by itself."""
    model = build_generator(settings)
    exact, half = copy.deepcopy(model).double(), copy.deepcopy(model).to(half_type(settings))
    with torch.no_grad():
        for load, items, frames in loads(settings):
            mels = make_mels(items, frames, settings)
            wanted = exact_audio(exact, mels[0])
            yield {"case": f"{load}, work", "gflop": gflop(items, frames, settings)}
            allowed = TOLERANCE
            for name, call in ways(half).items():
                if "benchmark" in name:
                    continue  # it tries fifty shapes, for seconds each
                row = attempts.row(f"{load}, {name}", partial(measure, call, mels, wanted, settings))
                allowed = max(allowed, 2 * row.get("error", 0.0)) if name == "torch" else allowed
                if "error" in row:
                    row |= attempts.wrong(row["case"], row["error"], allowed)
                yield row
        mel = make_mels(1, 2, settings)[0]
        yield attempts.row("check of packed weights, on the CPU", lambda: {"us": microseconds(half, mel)})


def microseconds(model: packed.Packable, mel: torch.Tensor) -> float:
    """Least time of one check."""
    packed.packed(model, mel)
    times = []
    for _ in range(CHECKS):
        start = time.perf_counter_ns()
        packed.packed(model, mel)
        times.append(time.perf_counter_ns() - start)
    return round(min(times) / 1e3, 1)


def stages(settings: Settings, attempts: Attempts) -> Iterator[Row]:
    """Each op of each stage: the kernels against cuDNN on channels that lie side by side; who should serve."""
    model = build_generator(settings)
    seconds = tuning.device_seconds if settings.device == "cuda" else clock_seconds
    with torch.no_grad():
        rows = packed.rows_of(model, half_type(settings))
        mels = [
            make_mels(items, frames, settings)[0] for _, items, frames in loads(settings)[:: len(LOADS) - 1]
        ]
        for op, shape, times in tuning.measure_stages(rows, mels, Table(), seconds):
            found = {name: {"ms": round(1e3 * value, 4)} for name, value in times.items()}
            yield {"case": f"{op}, {shape.name}, {shape.rows} rows", "implementations": found}


def clock_seconds(call: Callable[[], object]) -> float:
    """For a dry run."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def max_autotune(settings: Settings, attempts: Attempts) -> Iterator[Row]:
    """torch.compile in its best mode at the smallest load."""
    load, items, frames = loads(settings)[0]
    model = build_generator(settings)
    half = copy.deepcopy(model).to(half_type(settings))

    def found() -> Found:
        with torch.no_grad():
            mels = make_mels(items, frames, settings)
            wanted = exact_audio(model.double(), mels[0])
            start = time.perf_counter()
            call = compiled(half, settings.device, WITH_GRAPHS)
            call(mels[0])
            took = round(time.perf_counter() - start, 1)
            result = measure(call, mels, wanted, settings)
            return {"compile_s": took, **result, **attempts.wrong(load, result["error"], COMPILED_TOLERANCE)}

    yield attempts.row(load, found)
