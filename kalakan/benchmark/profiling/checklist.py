"""The debugging checklist of the performance guide, applied to this machine: `kalakan doctor --performance`."""

from __future__ import annotations

import base64
import io
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalakan.benchmark.machine import cpu_flags, load
from kalakan.benchmark.profiling.stages import Breakdown, breakdown
from kalakan.benchmark.texts import SENTENCE
from kalakan.native import Status, status
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.synthesis.threads import thread_budget, usable_cores

SAMPLE_S = 0.5
"""How long the processor and disks are monitored."""
LEAST_FREE_MB = 500.0
"""Free memory below which a voice may be swapped out."""
DISK_BUSY = 0.5
SERIALIZATION_SHARE = 0.1
"""Fraction of the synthesis time above which serialization is reported."""


@dataclass(frozen=True)
class Finding:
    """A line of the checklist."""

    name: str
    """What was checked."""
    state: str
    """What was found."""
    advice: str | None = None
    """Advice, or None."""

    def __str__(self) -> str:
        return f"{self.name}: {self.state}" + (f"\n  advice: {self.advice}" if self.advice else "")


def checklist(synthesizer: Synthesizer) -> Iterator[Finding]:
    """All lines of the checklist, one finding each; the processor and disks first, because measuring loads them."""
    cores = usable_cores()
    busy, waiting, disk = watch(SAMPLE_S)
    yield idle_cores(busy, cores)
    yield oversubscription(cores, dict(os.environ), load(), busy)
    yield memory(_meminfo())
    yield disk_io(disk, waiting)
    facts = status()
    yield instructions(cpu_flags(), _torch_capability(facts))
    yield kernels(facts)
    yield from gpus(facts)
    stages = breakdown(synthesizer, SENTENCE, runs=3, warmup=1)
    yield components(stages)
    yield serialization(synthesizer.synthesize(SENTENCE), synthesizer, stages.total_s)
    yield transfers(synthesizer)


def idle_cores(busy: float | None, cores: int) -> Finding:
    """Idle cores; `busy` is the number of busy cores, None if unknown."""
    if busy is None:
        return Finding("idle cores", f"{cores} usable, their use cannot be read on {sys.platform}")
    idle = max(0.0, cores - busy)
    advice = None
    if idle >= 1:
        advice = (
            "one text is synthesized on one core; for several at once use ParallelSynthesizer, "
            "`kalakan synthesize --lines` in several processes, or more workers of the server"
        )
    return Finding("idle cores", f"{idle:.1f} of {cores} idle", advice)


def oversubscription(
    cores: int, environment: dict[str, str], load_1_min: float | None, busy: float | None
) -> Finding:
    """More threads than cores, because of settings or other programs."""
    budget = thread_budget()
    asked = {
        name: environment[name]
        for name in ("KALAKAN_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        if environment.get(name)
    }
    state = f"thread budget {budget} on {cores} cores; " + (
        ", ".join(f"{name}={value}" for name, value in asked.items()) or "no variable sets threads"
    )
    if budget > cores:
        return Finding("threads", state, f"threads wait for each other: set KALAKAN_NUM_THREADS={cores}")
    too_many = [name for name, value in asked.items() if value.isdecimal() and int(value) > cores]
    if too_many:
        return Finding("threads", state, f"set {', '.join(f'{name}={cores}' for name in too_many)} or less")
    if load_1_min is not None and load_1_min > 1.5 * cores and (busy is None or busy > 0.8 * cores):
        return Finding(
            "threads",
            f"{state}; load {load_1_min} of the machine",
            "other programs use the cores: RTF and latency are theirs too; compare CPU time",
        )
    if len(asked) == 0 and cores > 1 and "torch" in sys.modules:
        return Finding(
            "threads", state, "torch uses a thread a core: with several workers set OMP_NUM_THREADS=1"
        )
    return Finding("threads", state)


def memory(info: dict[str, float]) -> Finding:
    """Free memory, and swap in use; `info` in MB by the names of /proc/meminfo."""
    if "MemAvailable" not in info:
        return Finding("memory", f"cannot be read on {sys.platform}")
    swapped = info.get("SwapTotal", 0.0) - info.get("SwapFree", 0.0)
    state = f"{info['MemAvailable']:.0f} MB available, {swapped:.0f} MB swapped out"
    if info["MemAvailable"] < LEAST_FREE_MB:
        return Finding(
            "memory", state, "a voice may be swapped out: end other programs, or run fewer workers"
        )
    return Finding("memory", state)


def disk_io(busy: float | None, waiting: float | None) -> Finding:
    """Utilization of the busiest disk, and the fraction of time that cores waited for disks."""
    if busy is None or waiting is None:
        return Finding("disk I/O", f"cannot be read on {sys.platform}")
    state = f"the busiest disk works {busy:.0%} of the time, cores wait for disks {waiting:.1%}"
    if busy > DISK_BUSY or waiting > SERIALIZATION_SHARE:
        return Finding(
            "disk I/O",
            state,
            "synthesis reads no disk once the voice is loaded: look for other programs, a DiskCache on a slow disk, "
            "or training without training.workers",
        )
    return Finding("disk I/O", state)


def instructions(flags: frozenset[str], capability: str | None) -> Finding:
    """Instruction sets of the processor, and whether something prevents torch from using the best ones."""
    known = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16")
    found = [name for name in known if name in flags]
    state = f"the processor has {', '.join(found) or 'none of the known ones'}"
    if capability is not None:
        state += f"; torch uses {capability}"
    advice = None
    if capability is not None and "avx512f" in flags and "AVX512" not in capability:
        advice = (
            "torch leaves AVX-512 unused: unset ATEN_CPU_CAPABILITY, or install a torch that is built with it"
        )
    elif capability is not None and {"avx512_bf16", "amx_bf16"} & flags:
        advice = (
            "bf16 is there and the torch engine computes in fp32 unless asked: try inference.mixed_precision "
            "(`kalakan benchmark --engine torch --precision full --precision mixed`)"
        )
    elif "asimd" not in flags and "avx2" not in flags and flags:
        advice = "without AVX2 the mel, Griffin-Lim and the vocoder run their plain code"
    return Finding("AVX-512 and bf16", state, advice)


def kernels(facts: Status) -> Finding:
    """Which implementation of each op is used, and which are available."""
    if not facts.ops:
        return Finding("kernels", "torch is not installed; the onnx engine needs no ops of it")
    state = ", ".join(f"{op.name} by {op.serves or 'none'}" for op in facts.ops)
    slow = [op.name for op in facts.ops if op.serves in (None, "torch", "reference")]
    if facts.devices and slow:
        return Finding(
            "kernels", state, f"{', '.join(slow)} run without a kernel on the GPU: kalakan doctor --build"
        )
    return Finding("kernels", state)


def gpus(facts: Status) -> Iterator[Finding]:
    """Utilization and memory of each GPU, as reported by the driver."""
    rows = _nvidia_smi()
    if not rows:
        has_driver = shutil.which("nvidia-smi") is not None
        state = "the driver answers with none" if has_driver else "none (no nvidia-smi)"
        yield Finding("GPU", state)
        return
    for name, busy, used, total in rows:
        state = f"{name}: {busy:.0f} % utilized, {used:.0f} of {total:.0f} MB in use"
        advice = None
        if not facts.devices:
            advice = "torch finds no CUDA device: install a torch that is built for CUDA"
        elif used > 0.9 * total:
            advice = "its memory is nearly full: lower inference.batch_size, or end other programs"
        elif busy < 10:
            advice = "it is idle: texts in batches (synthesize_batch, ParallelSynthesizer) keep it busy"
        yield Finding("GPU", state, advice)


def components(found: Breakdown) -> Finding:
    """Time of each component, slowest first."""
    order = sorted(found.wall, key=lambda name: -found.wall[name]["median"])
    shares = ", ".join(f"{name} {1000 * found.wall[name]['median']:.1f} ms" for name in order[:4])
    advice = {
        "vocoder": "try a smaller vocoder (kalakan prune), 8-bit products (kalakan export --quantize) or a GPU",
        "acoustic": "try a smaller acoustic model (kalakan prune, --quantize), or batches on a GPU",
    }.get(found.slowest, "cache what repeats (CachedSynthesizer)")
    return Finding("components", f"{shares}; the slowest is {found.slowest}", f"{advice}, then measure again")


def serialization(audio: Any, synthesizer: Synthesizer, total_s: float) -> Finding:
    """Cost of serializing audio as WAV, pickle and base64, compared with its synthesis."""
    samples = np.asarray(audio)
    buffer = io.BytesIO()
    ways: dict[str, Callable[[], object]] = {
        "WAV": lambda: synthesizer.save_audio(samples, io.BytesIO()),
        "pickle": lambda: pickle.dumps(samples),
        "base64": lambda: base64.b64encode(buffer.getvalue()),
    }
    synthesizer.save_audio(samples, buffer)
    costs = {name: min(_seconds(work) for _ in range(5)) for name, work in ways.items()}
    state = ", ".join(f"{name} {1000 * cost:.2f} ms" for name, cost in costs.items())
    slow = [name for name, cost in costs.items() if cost > SERIALIZATION_SHARE * total_s]
    advice = f"{', '.join(slow)} cost much: pass raw PCM, or files between processes" if slow else None
    return Finding("serialization", f"{state} beside {1000 * total_s:.1f} ms of synthesis", advice)


def transfers(synthesizer: Synthesizer) -> Finding:
    """Copies between CPU and GPU in one synthesis."""
    if synthesizer.engine != "torch":
        return Finding("CPU-GPU transfers", "none: the onnx engine runs on the CPU")
    from kalakan.benchmark.profiling.transfers import transfers as find

    found = find(lambda: synthesizer.synthesize(SENTENCE))
    count = sum(found.counts.values())
    advice = "`kalakan profile --transfers` says where" if count else None
    return Finding("CPU-GPU transfers", f"{count} in a sentence", advice)


def watch(seconds: float) -> tuple[float | None, float | None, float | None]:
    """Number of busy cores, fraction of time that cores waited for disks, and utilization of the busiest disk, over
    some time; None for values that this system does not provide."""
    cpu, disks, begin = _cpu_times(), _disk_times(), time.perf_counter()
    time.sleep(seconds)
    later, took = _cpu_times(), time.perf_counter() - begin
    busy = waiting = None
    if cpu and later:
        spent = [after - before for before, after in zip(cpu, later, strict=True)]
        total = max(1, sum(spent))
        idle, waited = spent[3], spent[4]
        busy, waiting = (total - idle - waited) / total * (os.cpu_count() or 1), waited / total
    after = _disk_times()
    shares = [(after[name] - disks[name]) / 1000 / took for name in disks if name in after]
    return busy, waiting, min(1.0, max(shares)) if shares else None


def _cpu_times() -> list[int]:
    """Ticks of user, nice, system, idle, waiting for disks, and interrupts, of all cores."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return []
    return [int(word) for word in first.split()[1:8]]


def _disk_times() -> dict[str, int]:
    """Milliseconds that each disk has worked."""
    try:
        rows = [line.split() for line in Path("/proc/diskstats").read_text(encoding="ascii").splitlines()]
    except OSError:
        return {}
    return {row[2]: int(row[12]) for row in rows if not row[2].startswith(("loop", "ram"))}


def _meminfo() -> dict[str, float]:
    try:
        rows = [line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines()]
    except OSError:
        return {}
    return {row[0].rstrip(":"): int(row[1]) * 1024 / 1e6 for row in rows}


def _torch_capability(facts: Status) -> str | None:
    if dict(facts.packages)["torch"] is None:
        return None
    import torch

    return str(torch.backends.cpu.get_cpu_capability())


def _nvidia_smi() -> list[tuple[str, float, float, float]]:
    """Name, percent of utilization, used and total MB of each GPU."""
    query = "--query-gpu=name,utilization.gpu,memory.used,memory.total"
    try:
        done = subprocess.run(
            ["nvidia-smi", query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_gpus(done.stdout) if done.returncode == 0 else []


def parse_gpus(content: str) -> list[tuple[str, float, float, float]]:
    """The rows of nvidia-smi's output; missing figures are 0."""

    def number(text: str) -> float:
        return float(text) if text.replace(".", "", 1).isdecimal() else 0.0

    rows = [[cell.strip() for cell in line.rsplit(",", 3)] for line in content.splitlines()]
    return [(row[0], number(row[1]), number(row[2]), number(row[3])) for row in rows if len(row) == 4]


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
