"""Builds csrc/ with nvcc, the system's or that of PyPI's CUDA packages, as a separate extension module."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kalakan.errors import KernelError, how_to_install
from kalakan.ops import csrc_files
from kalakan.storage import real_path

SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
"""Suffix of the module's file name: it works with this Python only."""


@dataclass(frozen=True)
class Toolkit:
    """An nvcc and the folders it needs."""

    nvcc: Path
    root: Path
    version: str
    """Version, such as "13.0"."""

    @property
    def include(self) -> Path:
        """Headers of the CUDA runtime."""
        return self.root / "include"

    @property
    def libraries(self) -> Path:
        """Folder of the static runtime."""
        return next((path for path in (self.root / "lib64", self.root / "lib") if path.is_dir()), self.root)


def toolkit() -> Toolkit | str:
    """nvcc from PyPI, from CUDA_HOME, or from the PATH, in that order; or the reason why there is none."""
    for nvcc in _candidates():
        if nvcc.is_file():
            text = subprocess.run(
                [str(nvcc), "--version"], capture_output=True, text=True, check=False
            ).stdout
            match = re.search(r"release (\d+\.\d+)", text)
            if match is not None:
                return Toolkit(nvcc, real_path(nvcc).parents[1], match[1])
    return f"there is no nvcc; {how_to_install('cuda')}"


def missing() -> str | None:
    """Why this machine cannot build with nvcc; None: it can."""
    found = toolkit()
    if isinstance(found, str):
        return found
    if shutil.which("g++") is None:
        return "there is no C++ compiler; install g++"
    if importlib.util.find_spec("pybind11") is None:
        return f"there is no pybind11; {how_to_install('cuda')}"
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return "Python's headers are missing; install python3-dev"
    return None


def build(architectures: Sequence[int]) -> tuple[Path, csrc_files.Build]:
    """Builds the module for `architectures`, or finds an existing build; its folder and facts. Raises `KernelError`."""
    reason, found = missing(), toolkit()
    if reason is not None or isinstance(found, str):
        raise KernelError(f"the CUDA extension cannot be built: {reason}")
    wanted = csrc_files.Build("nvcc", found.version, tuple(sorted(architectures)))
    place = csrc_files.folder(wanted, SUFFIX)
    if (place / "build.json").is_file():
        return place, wanted
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as work:
        objects = [compile_kernels(found, name, architectures, Path(work))[0] for name in csrc_files.KERNELS]
        objects.append(_compile_binding(found, Path(work)))
        module = Path(work) / f"_kernels{SUFFIX}"
        link = ["-shared", "-cudart", "static", f"-L{found.libraries}", *map(str, objects), "-o", str(module)]
        _run([str(found.nvcc), *link])
        module.replace(place / module.name)
    csrc_files.finish(place, wanted)
    return place, wanted


def compile_kernels(
    found: Toolkit, name: str, architectures: Sequence[int], work: Path, *options: str
) -> tuple[Path, str]:
    """One `.cu` file as an object with machine code for `architectures` and PTX for the last; and nvcc's output."""
    newest = max(architectures)
    codes = [f"-gencode=arch=compute_{arch},code=sm_{arch}" for arch in architectures]
    codes.append(f"-gencode=arch=compute_{newest},code=compute_{newest}")
    target = work / f"{Path(name).stem}.o"
    base = [str(found.nvcc), "-std=c++17", "-O3", "-Xcompiler=-fPIC", f"-I{found.include}", *codes, *options]
    return target, _run([*base, "-c", str(csrc_files.csrc() / name), "-o", str(target)])


def _compile_binding(found: Toolkit, work: Path) -> Path:
    import pybind11

    target = work / "binding.o"
    includes = [found.include, Path(pybind11.get_include()), Path(sysconfig.get_path("include"))]
    options = ["-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden", *(f"-I{path}" for path in includes)]
    _run(["g++", *options, "-c", str(csrc_files.csrc() / "binding.cpp"), "-o", str(target)])
    return target


def _candidates() -> list[Path]:
    spec = importlib.util.find_spec("nvidia")
    wheels = [Path(folder) / "cu13" for folder in (spec.submodule_search_locations or [])] if spec else []
    homes = [
        *wheels,
        *(Path(os.environ[name]) for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)),
    ]
    on_path = shutil.which("nvcc")
    return [*(home / "bin" / "nvcc" for home in homes), *([Path(on_path)] if on_path else [])]


def _run(command: Sequence[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines()
        tool, tail = Path(command[0]).name, " / ".join(lines[-3:])
        raise KernelError(f"{tool} failed with {result.returncode}: {tail}")
    return result.stdout + result.stderr
