"""torch's profiler and CUDA memory history around one synthesis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kalakan.errors import BenchmarkError
from kalakan.synthesis.synthesizer import Synthesizer

TRACE, SNAPSHOT = "trace.json", "cuda_memory.pickle"
MOST_ENTRIES = 100_000
"""Number of allocations kept in the memory history."""
LARGE_BYTES = 1_000_000
"""Minimum size of listed blocks."""


def require_torch(synthesizer: Synthesizer) -> None:
    """Raises `BenchmarkError` unless the torch engine runs."""
    if synthesizer.engine != "torch":
        raise BenchmarkError(
            f"the engine is {synthesizer.engine}; torch's profiler sees the torch engine only: add --engine torch"
        )


def operators(synthesizer: Synthesizer, text: str, folder: Path | None, rows: int = 20) -> str:
    """The table of torch operators, slowest first; also writes the trace for chrome://tracing to `folder`.

    Raises `BenchmarkError` for engines other than torch.
    """
    require_torch(synthesizer)
    import torch
    from torch.profiler import ProfilerActivity, profile, record_function

    has_cuda = torch.cuda.is_available()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if has_cuda else [])]
    synthesizer.synthesize(text)
    with (
        profile(
            activities=activities, record_shapes=True, profile_memory=True, with_stack=True, acc_events=True
        ) as found,
        record_function("synthesize"),
    ):
        synthesizer.synthesize(text)
    if folder is not None:
        found.export_chrome_trace(str(folder / TRACE))
    # "cuda_time_total" of older guides is "device_time_total" now.
    order = "self_device_time_total" if has_cuda else "self_cpu_time_total"
    return str(found.key_averages().table(sort_by=order, row_limit=rows))


def cuda_memory(synthesizer: Synthesizer, text: str, device: str, folder: Path | None) -> Iterator[str]:
    """What one synthesis allocates on a CUDA device: totals, and blocks above 1 MB with the line that requested them.

    Also writes the snapshot for https://pytorch.org/memory_viz to `folder`.
    """
    import torch

    torch.cuda.reset_peak_memory_stats(device)
    torch.cuda.memory._record_memory_history(enabled="all", max_entries=MOST_ENTRIES)
    try:
        synthesizer.synthesize(text)
        torch.cuda.synchronize(device)
        snapshot: Any = torch.cuda.memory._snapshot()
        if folder is not None:
            torch.cuda.memory._dump_snapshot(str(folder / SNAPSHOT))  # type: ignore[no-untyped-call]
    finally:
        torch.cuda.memory._record_memory_history(enabled=None)
    yield f"allocated {torch.cuda.memory_allocated(device) / 1e6:.1f} MB now, {_peak_mb(device):.1f} MB at the peak"
    yield from large_blocks(snapshot)


def large_blocks(snapshot: dict[str, Any]) -> Iterator[str]:
    """The large blocks in use in a snapshot, largest first: size, address, device, and where Kalakan or its caller
    requested it."""
    found = [
        (block["size"], block["address"], segment["device"], block.get("frames") or [])
        for segment in snapshot["segments"]
        for block in segment["blocks"]
        if block["state"] == "active_allocated" and block["size"] >= LARGE_BYTES
    ]
    for size, address, device, frames in sorted(found, key=lambda item: -item[0]):
        yield f"{size / 1e6:8.2f} MB at {address:#x} on cuda:{device}{_where(frames)}"


def _where(frames: list[dict[str, Any]]) -> str:
    python = [frame for frame in frames if str(frame["filename"]).endswith(".py")]
    own = [frame for frame in python if "kalakan" in Path(frame["filename"]).parts]
    for frame in (*own, *python):
        return f", {Path(frame['filename']).name}:{frame['line']} in {frame['name']}"
    return ""


def _peak_mb(device: str) -> float:
    import torch

    return float(torch.cuda.max_memory_allocated(device)) / 1e6
