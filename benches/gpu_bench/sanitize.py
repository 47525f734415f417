"""compute-sanitizer over the kernels of Kalakan at small sizes: wrong addresses, and races in shared memory."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from gpu_bench.cases import agreement_cases, find_op
from gpu_bench.machine import build
from gpu_bench.settings import Row, Settings
from kalakan.config.environment import OPS
from kalakan.errors import ImplementationUnavailable
from kalakan.ops import use

TOOLS = ("memcheck", "racecheck")
CASES = 24
"""Calls of each op and implementation; the tools make a launch a hundred times slower."""
TOOLKIT = "/usr/local/cuda/bin"
"""Where CUDA installs them where the PATH does not say."""
REFUSED = "Device not supported"
"""What the tools say in a sandbox that hides the device from debuggers."""


def rows(settings: Settings, _: str) -> Iterator[Row]:
    """What each tool found; raises `AssertionError` if it found something."""
    if settings.is_dry:
        yield {"case": "calls", "made": make_calls("cpu")}
        return
    tool = find_tool()
    if tool is None:
        yield {"case": "compute-sanitizer", "unavailable": "compute-sanitizer is not on the PATH"}
        return
    wrong = []
    for name in TOOLS:
        row = check(tool, name, settings.limit_s / len(TOOLS))
        yield row
        wrong += [row["wrong"]] if "wrong" in row else []
    if wrong:
        raise AssertionError("; ".join(wrong))


def check(tool: str, name: str, limit_s: float, *options: str) -> Row:
    """One tool over a process that calls the kernels; `options` are those of its `--sanitized-calls`."""
    calls = [sys.executable, str(Path(__file__).parents[1] / "gpu.py"), "--sanitized-calls", *options]
    command = [tool, "--tool", name, "--error-exitcode", "9", *calls]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return {"case": name, "wrong": f"{name} was not through after {limit_s:.0f} s"}
    said = result.stdout + result.stderr
    if REFUSED in said:
        return {"case": name, "unavailable": f"{name}: {REFUSED.lower()}"}
    if result.returncode != 0 or re.search(r"[1-9]\d* calls made", said) is None:
        return {"case": name, "wrong": f"{name} ended with {result.returncode}: {said[-2000:]}"}
    lines = [line.strip("= ") for line in said.splitlines() if "SUMMARY" in line or "calls made" in line]
    return {"case": name, "said": lines}


def find_tool() -> str | None:
    """compute-sanitizer; None: this machine has none."""
    return shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path=TOOLKIT)


def make_calls(device: str, most: int = CASES, only: str = "") -> int:
    """Calls every implementation that has kernels of its own, or `only` one, each at `most` sizes or a few more, spread
    over the agreement's; returns how many calls."""
    settings, made = Settings(device=device, is_dry=True), 0
    build(settings)
    for name in OPS:
        op, call = find_op(name)
        cases = list(agreement_cases(name, settings))
        for implementation in op.implementations:
            if implementation.name == "torch" and device == "cuda":
                continue  # its kernels are torch's
            if only not in ("", implementation.name):
                continue
            for case in cases[:: max(1, len(cases) // most)]:
                with torch.no_grad(), use(**{name: implementation.name}):
                    try:
                        call(*case.compared(case.make()))
                    except ImplementationUnavailable:
                        continue
                made += 1
    if device == "cuda":
        torch.cuda.synchronize()
    return made
