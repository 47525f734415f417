"""The kernels of csrc/ compiled for the CPU by g++, behind the interface of a launcher."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
import torch

from kalakan.ops.csrc_files import KERNELS
from kalakan.ops.launch import Launch

CSRC = Path(__file__).parents[2] / "csrc"
SOURCES = (*KERNELS, "host.cpp")


def build(folder: Path, *flags: str, csrc: Path = CSRC) -> Path:
    """The shared library, built in `folder`."""
    return compile_host(folder / "kernels.so", "-O1", "-fPIC", "-shared", *flags, csrc=csrc)


def compile_host(target: Path, *flags: str, csrc: Path = CSRC) -> Path:
    """All kernels and their launcher as plain C++."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    base = [compiler, "-std=c++20", "-DKK_HOST", "-U_FORTIFY_SOURCE", "-pthread", f"-I{csrc}", *flags]
    sources = [str(csrc / name) for name in SOURCES]
    subprocess.run([*base, "-x", "c++", *sources, "-o", str(target)], check=True, timeout=280)
    return target


def mutate(folder: Path, name: str, changes: Sequence[tuple[str, str]]) -> Path:
    """A copy of csrc/ in whose file `name` each first text, which stands there once, is the second."""
    copy = folder / "csrc"
    shutil.copytree(CSRC, copy)
    text = (copy / name).read_text()
    for before, after in changes:
        assert text.count(before) == 1, f"{name} has {before!r} {text.count(before)} times"
        text = text.replace(before, after)
    (copy / name).write_text(text)
    return copy


def without_barrier(name: str, number: int) -> tuple[str, str]:
    """The change that takes barrier `number` out of file `name`."""
    text = (CSRC / name).read_text()
    parts = text.split("__syncthreads();")
    assert number + 1 < len(parts), f"{name} has {len(parts) - 1} barriers"
    first, second = parts[: number + 1], parts[number + 1 :]
    return text, "__syncthreads();".join(first) + "__syncthreads();".join(second)


@dataclass(eq=False)
class HostLauncher:
    """Runs kernels as fibers on the CPU; `seen` has the names of the kernels that ran."""

    library: Path
    backwards: bool = False
    """Threads take turns from the last to the first."""
    blocks: int = 1 << 30
    """Blocks that count as resident at once."""
    shared: int = 227 << 10
    """Bytes of shared memory that a block may have."""
    threads: int | None = None
    """Threads of a block, instead of what was asked for."""
    victims: Random | None = None
    """Draws for each launch the thread that goes on only when nothing else can; None: all take turns."""
    seen: list[str] = field(default_factory=list)

    def launch(self, launch: Launch, parameters: ctypes.Structure, device: torch.device) -> None:
        assert device.type == "cpu"
        call = ctypes.CDLL(str(self.library)).kk_host_launch
        call.restype = ctypes.c_char_p
        grid = (ctypes.c_uint * 3)(*launch.grid)
        self.seen.append(launch.kernel)
        threads = self.threads or launch.threads
        error = call(
            launch.kernel.encode(),
            grid,
            ctypes.c_uint(threads),
            ctypes.c_ulong(launch.shared),
            ctypes.c_int(self.backwards),
            ctypes.c_longlong(
                -1 if self.victims is None else self.victims.randrange(math.prod(launch.grid) * threads)
            ),
            ctypes.byref(parameters),
            ctypes.c_ulong(ctypes.sizeof(parameters)),
        )
        if error is not None:
            raise RuntimeError(error.decode())

    def resident(self, launch: Launch, device: torch.device) -> int:
        return self.blocks

    def shared_limit(self, device: torch.device) -> int:
        return self.shared
