"""Triton's kernels without a GPU: right in the interpreter, and good machine code ahead of time."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kalakan.errors import ImplementationUnavailable
from kalakan.ops import upsample, use
from ops.upsample_cases import STAGES, case

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="triton is not installed (it comes with torch for CUDA)",
)
SCRIPT = Path(__file__).with_name("triton_interpreted.py")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("op", "dtype", "tolerance"),
    [("upsample", "float32", 1e-5), ("upsample", "float16", 1e-3), ("griffin_lim", "float32", 1e-5)],
)
def test_the_interpreter_agrees_with_float64(op: str, dtype: str, tolerance: float) -> None:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), op, dtype], capture_output=True, text=True, check=False, timeout=280
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert float(result.stdout) < tolerance


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="the interpreter compiles nothing")
@pytest.mark.parametrize(("architecture", "instruction", "depth"), [(80, "HMMA", 32), (90, "HGMMA", 64)])
@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_upsample_compiles_to_tensor_cores_without_spills(
    architecture: int, instruction: str, depth: int, dtype: str
) -> None:
    from kalakan.ops.upsample import kernels
    from ops.triton_compiled import compile_for

    pointers = dict.fromkeys(("x", "weight", "residual", "out"), f"*{dtype}")
    numbers = dict.fromkeys(("frames", "c_out", "stride", "padding", "length", "work"), "i32")
    found = compile_for(
        kernels.plain,
        {**pointers, "bias": "*fp32", **numbers, "slope": "fp32"},
        {"TAPS": 2, "C_IN": 256, "HAS_RESIDUAL": True, "BLOCK_Q": 64, "BLOCK_N": 64, "BLOCK_K": depth},
        architecture,
        num_warps=4,
        num_stages=3,
    )
    assert instruction in found.sass
    assert found.stack == 0
    assert found.registers <= 168


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="the interpreter compiles nothing")
@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize("name", ["project", "reframe"])
def test_griffin_lim_compiles_without_spills(architecture: int, name: str) -> None:
    from kalakan.ops.griffin_lim import kernels
    from ops.triton_compiled import compile_for

    function = getattr(kernels, name)
    pointers = ("rebuilt", "previous", "magnitude", "spectrum", "inverse", "window", "reciprocals", "framed")
    types = {
        **dict.fromkeys(pointers, "*fp32"),
        **dict.fromkeys(("frames", "n_fft", "hop", "count"), "i32"),
        "momentum": "fp32",
    }
    signature = {key: value for key, value in types.items() if key in function.arg_names}
    constants = {
        key: value for key, value in {"OVERLAP": 4, "BLOCK": 512}.items() if key in function.arg_names
    }
    found = compile_for(function, signature, constants, architecture, num_warps=4)
    assert found.stack == 0
    assert found.registers <= 56


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_a_request_raises() -> None:
    given = case(STAGES[0], 1, 5)
    with use(upsample="triton"), pytest.raises(ImplementationUnavailable, match="no CUDA device"):
        upsample(given["x"], given["weight"], given["bias"], 8, 4)
