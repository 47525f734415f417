"""The launcher of NVRTC's cubins on a stand-in for the CUDA driver, whose contexts are each thread's own."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import threading
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from kalakan.errors import KernelError
from kalakan.ops import driver
from kalakan.ops.driver import DriverLauncher
from kalakan.ops.launch import Launch

DRIVER = """
#include <stddef.h>
static __thread void *current;
static int retained, kernel;
int launches, attributes;
int cuDeviceGet(int *device, int index) { *device = 10 + index; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { retained++; *context = (void *)(long)device; return 0; }
int cuCtxSetCurrent(void *context) { current = context; return 0; }
int cuModuleLoadData(void **module, const void *image) { *module = &kernel; return current ? 0 : 201; }
int cuModuleGetFunction(void **function, void *module, const char *name) { *function = &kernel; return 0; }
int cuModuleUnload(void *module) { return 0; }
int cuFuncSetAttribute(void *function, int attribute, int value) { attributes++; return current ? 0 : 201; }
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function, int threads, size_t shared) {
    *blocks = 2;
    return current ? 0 : 201;
}
int cuLaunchKernel(void *function, ...) { launches += current != NULL; return current ? 0 : 201; }
int cuLaunchCooperativeKernel(void *function, ...) { return 720; }
int cuGetErrorString(int status, const char **text) { *text = "too large"; return 0; }
int times_retained(void) { return retained; }
"""
LAUNCH = Launch("upsample_float32", (1, 1, 1), 256, 0)
GPU = torch.device("cuda", 0)


class Parameters(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int)]


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DriverLauncher:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    source, library = tmp_path / "driver.c", tmp_path / "libcuda.so.1"
    source.write_text(DRIVER)
    subprocess.run([compiler, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    (tmp_path / "upsample.cubin").write_bytes(b"cubin")
    real = ctypes.CDLL
    monkeypatch.setattr(driver.ctypes, "CDLL", lambda name: real(str(library)))
    stand_in = SimpleNamespace(
        device=lambda device: nullcontext(),
        current_device=lambda: 0,
        current_stream=lambda device: SimpleNamespace(cuda_stream=0),
        get_device_properties=lambda device: SimpleNamespace(multi_processor_count=132),
    )
    monkeypatch.setattr(driver, "torch", SimpleNamespace(cuda=stand_in, device=torch.device))
    return DriverLauncher(tmp_path)


def test_a_thread_without_a_context_gets_the_one_of_torch(launcher: DriverLauncher) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            launcher.launch(LAUNCH, Parameters(), GPU)
            assert launcher.resident(LAUNCH, GPU) == 264
        except BaseException as error:
            failed.append(error)

    for _ in range(2):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    assert failed == []
    library = launcher._cuda
    assert ctypes.c_int.in_dll(library, "launches").value == 2
    assert ctypes.c_int.in_dll(library, "attributes").value == 1, "the attribute is set once"
    assert library.times_retained() == 1


def test_an_error_of_the_driver_names_the_kernel(launcher: DriverLauncher) -> None:
    launch = Launch("griffin_lim_persist_any", (9, 1, 1), 256, 0, cooperative=True)
    with pytest.raises(KernelError, match="griffin_lim_persist_any: CUDA error 720, too large"):
        launcher.launch(launch, Parameters(), GPU)
