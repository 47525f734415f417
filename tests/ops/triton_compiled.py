"""Ahead-of-time compilation of Triton kernels: needs no GPU, gives machine code and its resources."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

triton = pytest.importorskip("triton")


@dataclass(frozen=True)
class Compiled:
    """Machine code of one kernel."""

    sass: str
    registers: int
    stack: int


def compile_for(
    function: Any, signature: dict[str, str], constants: dict[str, Any], architecture: int, **options: int
) -> Compiled:
    """A kernel for one compute capability, its pointers and whole numbers taken as divisible by 16."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = function.arg_names
    full = {name: signature.get(name, "constexpr") for name in names}
    attributes = {
        (index,): [["tt.divisibility", 16]]
        for index, name in enumerate(names)
        if full[name].startswith("*") or (full[name] == "i32" and name in ("c_out", "n_fft"))
    }
    source = ASTSource(
        function, full, {(names.index(name),): value for name, value in constants.items()}, attributes
    )
    compiled = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder) / "kernel.cubin"
        cubin.write_bytes(compiled.asm["cubin"])
        usage = _cuobjdump("--dump-resource-usage", cubin)
        sass = _cuobjdump("--dump-sass", cubin)
    registers, stack = re.search(r"REG:(\d+) STACK:(\d+)", usage).groups()  # type: ignore[union-attr]
    return Compiled(sass, int(registers), int(stack))


def _cuobjdump(option: str, cubin: Path) -> str:
    bundled = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    tool = str(bundled) if bundled.is_file() else shutil.which("cuobjdump")
    if tool is None:
        pytest.skip("there is no cuobjdump")
    return subprocess.run([tool, option, str(cubin)], capture_output=True, text=True, check=True).stdout
