"""Launches NVRTC's cubins with a few functions of the CUDA driver, in the context that torch created."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from kalakan.errors import KernelError
from kalakan.ops.launch import Launch

_MAX_DYNAMIC_SHARED = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES


class DriverLauncher:
    """Runs the kernels of a folder of cubins."""

    def __init__(self, folder: Path) -> None:
        self._cuda = ctypes.CDLL("libcuda.so.1")
        self._folder = folder
        self._functions: dict[tuple[int, str], ctypes.c_void_p] = {}
        self._contexts: dict[int, ctypes.c_void_p] = {}

    def launch(self, launch: Launch, parameters: ctypes.Structure, device: torch.device) -> None:
        """See `Launcher`."""
        with self._on(device):
            function = self._function(launch, device)
            stream = ctypes.c_void_p(torch.cuda.current_stream(device).cuda_stream)
            pointers = (ctypes.c_void_p * 1)(ctypes.addressof(parameters))
            sizes = (*launch.grid, launch.threads, 1, 1, launch.shared)
            if launch.cooperative:
                status = self._cuda.cuLaunchCooperativeKernel(function, *sizes, stream, pointers)
            else:
                status = self._cuda.cuLaunchKernel(function, *sizes, stream, pointers, None)
            self._check(status, launch.kernel)

    def resident(self, launch: Launch, device: torch.device) -> int:
        """See `Launcher`."""
        with self._on(device):
            blocks = ctypes.c_int()
            self._check(
                self._cuda.cuOccupancyMaxActiveBlocksPerMultiprocessor(
                    ctypes.byref(blocks),
                    self._function(launch, device),
                    launch.threads,
                    ctypes.c_size_t(launch.shared),
                ),
                launch.kernel,
            )
        return blocks.value * torch.cuda.get_device_properties(device).multi_processor_count

    def shared_limit(self, device: torch.device) -> int:
        """See `Launcher`."""
        return shared_limit(device)

    @contextmanager
    def _on(self, device: torch.device) -> Iterator[None]:
        """Makes the device current for torch, and the context that it shares with torch for the driver, which has none
        in a thread that called no function of the CUDA runtime yet."""
        with torch.cuda.device(device):
            index = torch.cuda.current_device()
            if index not in self._contexts:
                number, context = ctypes.c_int(), ctypes.c_void_p()
                what = f"device {index}"
                self._check(self._cuda.cuDeviceGet(ctypes.byref(number), index), what)
                # Never released: torch uses it to the end of the process.
                self._check(self._cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), number), what)
                self._contexts[index] = context
            self._check(self._cuda.cuCtxSetCurrent(self._contexts[index]), f"device {index}")
            yield

    def _function(self, launch: Launch, device: torch.device) -> ctypes.c_void_p:
        key = (torch.cuda.current_device(), launch.kernel)
        if key not in self._functions:
            function = self._load(launch.kernel)
            # The maximum, set once: other threads may launch the kernel concurrently, with larger blocks.
            most = shared_limit(device)
            self._check(self._cuda.cuFuncSetAttribute(function, _MAX_DYNAMIC_SHARED, most), launch.kernel)
            self._functions[key] = function
        return self._functions[key]

    def _load(self, kernel: str) -> ctypes.c_void_p:
        for path in sorted(self._folder.glob("*.cubin")):
            module, function = ctypes.c_void_p(), ctypes.c_void_p()
            self._check(self._cuda.cuModuleLoadData(ctypes.byref(module), path.read_bytes()), path.name)
            if self._cuda.cuModuleGetFunction(ctypes.byref(function), module, kernel.encode()) == 0:
                return function
            self._cuda.cuModuleUnload(module)
        raise KernelError(f"{self._folder} has no kernel {kernel}")

    def _check(self, status: int, what: str) -> None:
        if status != 0:
            text = ctypes.c_char_p()
            self._cuda.cuGetErrorString(status, ctypes.byref(text))
            raise KernelError(f"{what}: CUDA error {status}, {(text.value or b'unknown').decode()}")


def shared_limit(device: torch.device) -> int:
    """Bytes of shared memory that one block may have on a device."""
    properties = torch.cuda.get_device_properties(device)
    return int(getattr(properties, "shared_memory_per_block_optin", 48 << 10))
