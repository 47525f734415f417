"""The machine that a measurement ran on."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kalakan.synthesis.threads import usable_cores

PACKAGES = ("kalakan", "onnxruntime", "numpy", "torch")


def facts() -> dict[str, Any]:
    """The processor, its cores, their load in the last minute, the system and the relevant packages."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "load_1_min": load(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in PACKAGES},
    }


def cpu_model() -> str:
    """Name of the processor."""
    return cpu_field("model name") or platform.processor() or platform.machine()


def cpu_flags() -> frozenset[str]:
    """Instruction sets as Linux names them; empty elsewhere."""
    return frozenset((cpu_field("flags") or cpu_field("Features") or "").split())


def cpu_field(name: str) -> str | None:
    """The first value of a field of /proc/cpuinfo, or None."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def load() -> float | None:
    """Number of processes that ran or waited for a core in the last minute; None on Windows."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def installed(package: str) -> str | None:
    """Version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def today() -> str:
    """The date, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()
