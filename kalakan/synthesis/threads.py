"""The number of CPU threads that Kalakan uses at once in the whole process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kalakan.config.schema import InferenceConfig
from kalakan.errors import ConfigError

VARIABLE = "KALAKAN_NUM_THREADS"
CGROUP = Path("/sys/fs/cgroup")
"""Where Linux lists the resource limits of a container."""


def thread_budget() -> int:
    """Number of threads that run at once, at least 1: `KALAKAN_NUM_THREADS`.

    If that is unset, the cores that this process may use (affinity, a container's quota), but no more than
    `OMP_NUM_THREADS` and, if torch is loaded, `torch.get_num_threads()`. Raises `ConfigError` for a value that is
    not a whole number of at least 1.
    """
    asked = os.environ.get(VARIABLE, "").strip()
    if asked:
        return _number(VARIABLE, asked)
    limits = [usable_cores()]
    # OpenMP allows a list, one number for each level of nesting.
    outermost = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if outermost:
        limits.append(_number("OMP_NUM_THREADS", outermost))
    torch = sys.modules.get("torch")
    if torch is not None:
        limits.append(int(torch.get_num_threads()))
    return max(1, min(limits))


def call_threads(engine: str, asked: int | None) -> int:
    """CPU threads of one model call: torch's number, or for "onnx" the number `asked` for, or the default."""
    if engine == "torch":
        import torch

        return int(torch.get_num_threads())
    return asked or InferenceConfig().threads


def usable_cores() -> int:
    """Cores that this process may use: those in its affinity mask, at most its cgroup's quota."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(bound, cgroup_cores())))


def cgroup_cores(root: Path = CGROUP) -> float:
    """Number of cores in a container's quota; infinity without a quota."""
    quota, period = _words(root / "cpu.max"), ["100000"]
    if len(quota) == 2:  # version 2: "200000 100000", or "max 100000"
        quota, period = quota[:1], quota[1:]
    else:
        quota, period = _words(root / "cpu/cpu.cfs_quota_us"), _words(root / "cpu/cpu.cfs_period_us")
    if not quota or not period or not quota[0].isdecimal() or not period[0].isdecimal():
        return float("inf")  # "max" and -1 mean no quota
    return int(quota[0]) / max(1, int(period[0]))


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _number(name: str, value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number of at least 1")
    return int(value)
