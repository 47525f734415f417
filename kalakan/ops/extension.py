"""The built kernels of csrc/: found, loaded once, and used by the ops. Nothing is built automatically."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from kalakan.errors import KernelError
from kalakan.ops import csrc_files, nvcc, nvrtc
from kalakan.ops.driver import DriverLauncher
from kalakan.ops.launch import Launch, Launcher

NOT_BUILT = "not built; run `kalakan doctor --build`"


class ModuleLauncher:
    """Runs the kernels of the module that nvcc built."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def launch(self, launch: Launch, parameters: ctypes.Structure, device: torch.device) -> None:
        """See `Launcher`."""
        stream = torch.cuda.current_stream(device)
        try:
            self._module.launch(
                launch.kernel, launch.grid, launch.threads, launch.shared, launch.cooperative,
                stream.device.index, stream.cuda_stream, bytes(parameters),
            )  # fmt: skip
        except RuntimeError as error:
            raise KernelError(str(error)) from error

    def resident(self, launch: Launch, device: torch.device) -> int:
        """See `Launcher`."""
        index = torch.cuda.current_stream(device).device.index
        return int(self._module.resident(launch.kernel, launch.threads, launch.shared, index))

    def shared_limit(self, device: torch.device) -> int:
        """See `Launcher`."""
        return int(self._module.shared_limit(torch.cuda.current_stream(device).device.index))


def build(architectures: Sequence[int] = ()) -> tuple[Path, csrc_files.Build]:
    """Builds the kernels with nvcc, or with NVRTC where there is no nvcc; returns the folder and the build's facts.

    `architectures` default to those of the devices present, and without a device to all of `ARCHITECTURES`; NVRTC
    takes one. Raises `KernelError` with what is missing.
    """
    wanted = sorted(set(architectures) or device_architectures() or csrc_files.ARCHITECTURES)
    no_nvcc, no_nvrtc = nvcc.missing(), nvrtc.missing()
    launcher.cache_clear()  # the next call finds the new build
    if no_nvcc is None:
        return nvcc.build(wanted)
    if no_nvrtc is None and len(wanted) == 1:
        return nvrtc.build(wanted[0])
    several = f"NVRTC builds for one architecture, not {len(wanted)}"
    raise KernelError(f"the kernels cannot be built: {no_nvcc}; {no_nvrtc or several}")


def device_architectures() -> set[int]:
    """Compute capabilities of the CUDA devices, such as 90."""
    found = (torch.cuda.get_device_capability(index) for index in range(torch.cuda.device_count()))
    return {10 * major + minor for major, minor in found}


def unavailable() -> str | None:
    """Why no kernel of csrc/ can run on this machine; None: they can."""
    if not torch.cuda.is_available():
        return "no CUDA device"
    return None if _usable() is not None else NOT_BUILT


@functools.cache  # the build folders are read once, not at every call of an op
def launcher(device: torch.device) -> Launcher:
    """The launcher for `device`; raises `KernelError` where they are not built."""
    found = _usable()
    if found is None:
        raise KernelError(f"the CUDA kernels are {NOT_BUILT}")
    return _load(*found)


def refuses(tensor: Tensor, dtypes: Sequence[torch.dtype]) -> str | None:
    """Why a kernel cannot take `tensor`: device, type or gradient; None: it can."""
    if tensor.device.type != "cuda":
        return f"the tensor is on {tensor.device}, and the kernel works on CUDA devices"
    if tensor.dtype not in dtypes:
        return f"the tensor is {tensor.dtype}, and the kernel takes {', '.join(map(str, dtypes))}"
    if tensor.requires_grad and torch.is_grad_enabled():
        return "a gradient is wanted, and the kernel computes none"
    return None


def describe() -> str:
    """Description of the build, for `kalakan doctor`."""
    lines = [
        f"{build.compiler} {build.cuda}, {', '.join(f'sm_{arch}' for arch in build.architectures)}, in {place}"
        for place, build in csrc_files.builds()
    ]
    return f"CUDA kernels: {'; '.join(lines) or NOT_BUILT}"


def _usable() -> tuple[Path, str] | None:
    """Folder and compiler of the latest build that supports every device."""
    for place, build in csrc_files.builds():
        complete = build.compiler == "nvrtc" or (place / f"_kernels{nvcc.SUFFIX}").is_file()
        newest = max(build.architectures)
        if complete and all(
            arch in build.architectures or (build.compiler == "nvcc" and arch > newest)
            for arch in device_architectures()
        ):
            return place, build.compiler
    return None


@functools.cache
def _load(place: Path, compiler: str) -> Launcher:
    return DriverLauncher(place) if compiler == "nvrtc" else ModuleLauncher(load_module(place))


def load_module(place: Path) -> ModuleType:
    """The module that nvcc built in a folder; needs no driver until it launches."""
    spec = importlib.util.spec_from_file_location("_kernels", place / f"_kernels{nvcc.SUFFIX}")
    if spec is None or spec.loader is None:
        raise KernelError(f"{place} has no module for this Python; run `kalakan doctor --build`")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
