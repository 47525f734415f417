"""The machine, what it can do at most, and the build of the kernels that the other sections use."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from gpu_bench.attempts import Attempts, Found
from gpu_bench.settings import Row, Settings
from gpu_bench.timing import time_ms
from kalakan.native import status
from kalakan.ops import extension

COPY_BYTES, MATRIX = 2 << 30, 8192
"""What the ceilings are measured with."""


def rows(settings: Settings, _: str) -> Iterator[Row]:
    """Facts, the build, what the ops say of this machine, and two ceilings: memory and matrix products."""
    attempts = Attempts()
    yield facts(settings.device)
    yield attempts.row("build", partial(build, settings))
    yield {"case": "status", "lines": str(status()).splitlines()}
    yield from ceilings(settings)
    attempts.finish()


def facts(device: str) -> Row:
    """Names and versions, without paths."""
    found: Row = {
        "case": "facts",
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "torch": torch.__version__,
        "triton": version("triton"),
        "onnxruntime": version("onnxruntime"),
    }
    if device != "cuda":
        return found | {"gpu": "none"}
    properties: Any = torch.cuda.get_device_properties(0)
    return found | {
        "gpu": properties.name,
        "driver": _driver(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "compute_capability": f"{properties.major}.{properties.minor}",
        "multiprocessors": properties.multi_processor_count,
        "memory_mb": round(properties.total_memory / 1e6),
        "l2_mb": round(properties.L2_cache_size / 1e6, 1),
    }


def build(settings: Settings) -> Found:
    """Builds the kernels for this device, or finds them built; what with, and how long it took."""
    if settings.device != "cuda":
        return {"skipped": "no CUDA device"}
    start = time.perf_counter()
    _, found = extension.build()
    seconds = round(time.perf_counter() - start, 1)
    architectures = [f"sm_{number}" for number in found.architectures]
    return {"compiler": f"{found.compiler} {found.cuda}", "for": architectures, "s": seconds}


def ceilings(settings: Settings) -> Iterator[Row]:
    """GB/s of a copy, bytes read and written both counted, and TFLOP/s of half-precision products of random numbers."""
    size, edge = (1 << 16, 64) if settings.is_dry else (COPY_BYTES, MATRIX)
    pair = [torch.rand(size // 4, device=settings.device) for _ in range(2)]
    found = time_ms(lambda given: given[0].copy_(given[1]), [pair], 10, settings.device)
    yield {"case": "copy", "gb_per_s": round(2 * size / found["ms"] / 1e6, 1), **found}
    for dtype in (torch.float16, torch.bfloat16):
        pair = [torch.randn(edge, edge, device=settings.device).to(dtype) for _ in range(2)]
        found = time_ms(lambda given: given[0] @ given[1], [pair], 10, settings.device)
        rate = round(2 * edge**3 / found["ms"] / 1e9, 1)
        yield {"case": f"matrix product, {str(dtype).removeprefix('torch.')}", "tflop_per_s": rate, **found}


def version(package: str) -> str | None:
    """Version of an installed package; None: it is not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package)
    except PackageNotFoundError:
        return None


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown: {error}"
    return result.stdout.strip().splitlines()[0] if result.stdout.strip() else "unknown"
