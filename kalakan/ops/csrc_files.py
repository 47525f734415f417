"""Where the CUDA sources are, and where their builds are cached."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kalakan.errors import KernelError

KERNELS = ("griffin_lim.cu", "residual_blocks.cu", "upsample.cu")
"""The files with kernels; the others are headers, the binding and the tests' launcher."""
ARCHITECTURES = (75, 80, 86, 89, 90, 100)
"""Target compute capabilities of a build without a device, newest last; PTX of the newest covers later ones."""


@dataclass(frozen=True)
class Build:
    """Facts of one build; `build.json` in its folder."""

    compiler: str
    """"nvcc" or "nvrtc"."""
    cuda: str
    """Version of CUDA."""
    architectures: tuple[int, ...]
    """Compute capabilities with machine code."""


def csrc() -> Path:
    """The folder of the CUDA sources, in the checkout or in the wheel; raises `KernelError`."""
    for folder in (Path(__file__).parents[2] / "csrc", Path(__file__).parent / "csrc"):
        if (folder / "kernel.h").is_file():
            return folder
    raise KernelError("the CUDA sources are not installed; reinstall kalakan")


def cache() -> Path:
    """The folder of builds of these sources on this machine."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kalakan" / f"kernels-{digest()}"


def folder(build: Build, abi: str) -> Path:
    """Where `build` is or will be stored; `abi` names its other dependencies."""
    facts = json.dumps([asdict(build), abi], sort_keys=True).encode()
    return cache() / hashlib.sha256(facts).hexdigest()[:12]


def builds() -> Sequence[tuple[Path, Build]]:
    """Finished builds of these sources, the latest first."""
    found = []
    for path in cache().glob("*/build.json"):
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["architectures"] = tuple(fields["architectures"])
        found.append((path.stat().st_mtime, path.parent, Build(**fields)))
    return [(place, build) for _, place, build in sorted(found, key=lambda each: each[0], reverse=True)]


def finish(place: Path, build: Build) -> None:
    """Marks a build as complete."""
    (place / "build.json").write_text(json.dumps(asdict(build)) + "\n", encoding="utf-8")


@functools.cache
def digest() -> str:
    """Hash of the names and contents of all sources."""
    total = hashlib.sha256()
    for path in sorted(csrc().iterdir()):
        if path.suffix in (".cu", ".cuh", ".h", ".cpp"):
            total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]
