"""The same generator through torch.compile in its best mode, max-autotune with CUDA graphs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from gpu_bench.compiling import WITH_GRAPHS, compiled
from gpu_bench.generator import build_generator, exact_audio, half_type, loads, make_mels, measure
from gpu_bench.settings import Row, Settings

TOLERANCE = 2e-2
"""Relative error above which its time would be no baseline."""


def rows(settings: Settings, _: str) -> Iterator[Row]:
    """Each load: error, milliseconds, memory, and the seconds that the compiler took. The small load first: the other
    may not be reached in time. While something compiles, every op is its reference."""
    model = build_generator(settings)
    half = build_generator(settings).to(half_type(settings))
    with torch.no_grad():
        for items, seconds, frames in loads(settings):
            mels = make_mels(items, frames, settings)
            wanted = exact_audio(model.double(), mels[0])
            start = time.perf_counter()
            call = compiled(half, settings.device, WITH_GRAPHS)
            call(mels[0])
            took = round(time.perf_counter() - start, 1)
            found = measure(call, mels, wanted, settings)
            yield {"case": f"{items} x {seconds} s", "compile_s": took, **found}
            if not found["error"] < TOLERANCE:
                raise AssertionError(
                    f"the compiled baseline has error {found['error']:.3g}; {TOLERANCE} may be"
                )
