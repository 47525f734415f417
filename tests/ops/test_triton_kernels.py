"""Triton's kernels without a GPU: right in the interpreter, and good machine code ahead of time."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from kalakan.errors import ImplementationUnavailable
from kalakan.ops import choices, upsample, use
from kalakan.ops.choices import Tiles
from kalakan.ops.upsample.triton import CANDIDATES, FEW, FEW_ROWS, GOOD, as_options, tiles_for
from ops.upsample_cases import STAGES, case

if TYPE_CHECKING:
    from ops.triton_compiled import Compiled

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
@pytest.mark.parametrize(("architecture", "instruction"), [(80, "HMMA"), (90, "HGMMA")])
@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_upsample_compiles_to_tensor_cores(architecture: int, instruction: str, dtype: str) -> None:
    found = compiled(dtype, GOOD[2], architecture)
    assert instruction in found.sass
    assert found.stack == 0
    assert found.registers <= 168


@pytest.mark.slow
@pytest.mark.timeout(1800)  # half a minute for each in single precision
@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="the interpreter compiles nothing")
@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize(("dtype", "size"), [("fp16", 2), ("fp32", 4)])
def test_no_tiles_keep_registers_in_memory(architecture: int, dtype: str, size: int) -> None:
    assert {GOOD[size], FEW[size]} <= set(CANDIDATES[size])
    spilling = {tiles for tiles in CANDIDATES[size] if compiled(dtype, tiles, architecture).stack != 0}
    assert spilling == set()


def compiled(dtype: str, tiles: Tiles, architecture: int) -> Compiled:
    """The kernel of the first stage of HiFi-GAN V1."""
    from kalakan.ops.upsample import kernels
    from ops.triton_compiled import compile_for

    pointers = dict.fromkeys(("x", "weight", "residual", "out"), f"*{dtype}")
    numbers = dict.fromkeys(("frames", "c_out", "stride", "padding", "length"), "i32")
    options = as_options(tiles)
    launch = {name: options.pop(name) for name in ("num_warps", "num_stages")}
    return compile_for(
        kernels.upsample,
        {**pointers, "bias": "*fp32", **numbers, "slope": "fp32"},
        {"TAPS": 2, "C_IN": 256, "HAS_RESIDUAL": True, **options},
        architecture,
        **launch,
    )


def test_little_work_takes_small_tiles_and_more_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.zeros(8, 4, 16, dtype=torch.float16)
    measured = (128, 64, 64, 4, 3)
    found: list[Tiles | None] = [None]
    monkeypatch.setattr(choices, "tiles", lambda shape: found[0])

    def tiles(rows: int) -> Tiles:
        return tiles_for(torch.zeros(1, 8, rows, dtype=torch.float16), weight, 8)

    assert (tiles(FEW_ROWS - 1), tiles(FEW_ROWS)) == (FEW[2], GOOD[2])
    found[0] = measured
    assert (tiles(FEW_ROWS - 1), tiles(FEW_ROWS)) == (FEW[2], measured)
    with choices.preferring("upsample", "triton", measured):
        assert tiles(1) == measured


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
