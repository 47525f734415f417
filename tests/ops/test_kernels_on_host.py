"""The kernels of csrc/, compiled for the CPU: right to float64, whatever the order of threads, no barrier spare."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from torch import Tensor

from kalakan.ops.griffin_lim import cuda as griffin_lim_cuda
from kalakan.ops.griffin_lim import reference
from kalakan.ops.launch import Launch
from kalakan.ops.residual_blocks import cuda as residual_blocks_cuda
from kalakan.ops.upsample import cuda as upsample_cuda
from kalakan.ops.upsample import packing
from ops import residual_blocks_cases
from ops.host_launcher import HostLauncher, build, compile_host, mutate, without_barrier
from ops.upsample_cases import STAGES, Stage, case, distance, exact

EACH, AT_ONCE = 0, 1 << 30
"""Blocks resident at once: none, so that each iteration is a launch, or all of them."""
TOLERANCE = {torch.float32: 1e-5, torch.float16: 1e-3, torch.bfloat16: 1e-2}
VICTIMS = 24
"""Threads, drawn at random, each of which is held back in one run."""
MAIN = Path(__file__).with_name("thread_sanitizer.cpp")


def magnitudes(n_fft: int, frames: int, items: int) -> Tensor:
    generator = torch.Generator().manual_seed(frames)
    return torch.rand(items, n_fft // 2 + 1, frames, generator=generator)


def error(launcher: HostLauncher, sizes: tuple[int, int, int], frames: int, items: int, n_iter: int) -> float:
    """Largest difference from the reference in float64, over the largest sample."""
    magnitude = magnitudes(sizes[0], frames, items)
    got = griffin_lim_cuda.run(launcher, magnitude, *sizes, n_iter, 0.99, 3)
    wanted = reference.griffin_lim(magnitude.double(), *sizes, n_iter, 0.99, 3)
    assert got.shape == wanted.shape
    return float((got - wanted).abs().nan_to_num(torch.inf).max() / wanted.abs().max())


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("blocks", [EACH, AT_ONCE])
@pytest.mark.parametrize(
    ("sizes", "frames", "items"),
    [
        ((1200, 1200, 300), 2, 1),
        ((1200, 1200, 300), 9, 2),
        ((1024, 800, 256), 11, 1),
        ((15, 12, 5), 1, 7),
        ((60, 48, 20), 63, 1),
        ((64, 49, 32), 13, 2),
        ((54, 50, 6), 13, 1),  # nine frames over each sample
    ],
)
def test_griffin_lim(
    library: Path, sizes: tuple[int, int, int], frames: int, items: int, blocks: int, backwards: bool
) -> None:
    launcher = HostLauncher(library, backwards, blocks)
    assert error(launcher, sizes, frames, items, n_iter=2) < 1e-5
    assert ("persist" in launcher.seen[0]) == (blocks == AT_ONCE)


@pytest.mark.parametrize("seed", [None, 0, 2**32 - 1])
def test_griffin_lim_starts_with_the_phase_of_the_reference(library: Path, seed: int | None) -> None:
    magnitude = magnitudes(60, 129, 1)
    got = griffin_lim_cuda.run(HostLauncher(library), magnitude, 60, 60, 20, 0, 0.99, seed)
    wanted = reference.griffin_lim(magnitude.double(), 60, 60, 20, 0, 0.99, seed)
    assert float((got - wanted).abs().max() / wanted.abs().max()) < 1e-5


def test_griffin_lim_repeats_bit_for_bit_in_any_order(library: Path) -> None:
    magnitude = magnitudes(60, 20, 2)
    results = [
        griffin_lim_cuda.run(HostLauncher(library, backwards, blocks), magnitude, 60, 60, 20, 4, 0.99, 0)
        for backwards in (False, True)
        for blocks in (EACH, AT_ONCE)
    ]
    assert all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(
    ("stage", "batch", "frames"),
    [
        (STAGES[0], 7, 2),
        (STAGES[1], 1, 63),
        (STAGES[2], 1, 129),
        (STAGES[3], 2, 1),
        (STAGES[4], 1, 9),
        (STAGES[5], 1, 1),
        ((70, 66, 4, 2, 1, 0), 1, 5),  # more channels than a tile
    ],
)
def test_upsample(
    library: Path, stage: Stage, batch: int, frames: int, dtype: torch.dtype, backwards: bool
) -> None:
    given = case(stage, batch, frames, dtype)
    launcher = HostLauncher(library, backwards)
    for residual in (given["residual"], None):
        arguments = (given["x"], given["weight"], given["bias"])
        got = upsample_cuda.run(launcher, *arguments, *stage[3:], 0.2, residual)
        assert got.dtype == dtype
        assert distance(got, exact(*arguments, stage, 0.2, residual)) < TOLERANCE[dtype]


def test_upsample_reads_any_layout_and_no_bias(library: Path) -> None:
    given = case(STAGES[2], 2, 9)
    x = given["x"].transpose(1, 2).contiguous().transpose(1, 2)
    got = upsample_cuda.run(HostLauncher(library), x, given["weight"], None, 2, 1, 0, 1.0, None)
    assert distance(got, exact(x, given["weight"], None, STAGES[2], 1.0, None)) < 1e-5


def test_upsample_takes_any_place_in_memory(library: Path) -> None:
    stage = STAGES[0]
    given = case(stage, 1, 9)
    x, residual = (shifted(given[name].transpose(1, 2)).transpose(1, 2) for name in ("x", "residual"))
    places: list[int] = []

    class Watching(HostLauncher):
        def launch(self, launch: Launch, parameters: ctypes.Structure, device: torch.device) -> None:
            places.extend([parameters.x, parameters.residual])
            super().launch(launch, parameters, device)

    got = upsample_cuda.run(Watching(library), x, given["weight"], None, *stage[3:], 1.0, residual)
    assert distance(got, exact(given["x"], given["weight"], None, stage, 1.0, given["residual"])) < 1e-5
    assert [place % 16 for place in places] == [0, 0]  # this processor would read anywhere, a GPU would not


def shifted(x: Tensor) -> Tensor:
    """The same numbers where a vector may not begin."""
    copy = torch.empty(x.numel() + 1)[1:].view(x.shape).copy_(x)
    assert copy.data_ptr() % 16 != 0
    return copy


def test_packed_weights_follow_changes_in_place(library: Path) -> None:
    given = case(STAGES[2], 1, 5)
    weight = given["weight"]
    for factor in (1.0, 2.0):
        weight.mul_(factor)
        got = upsample_cuda.run(HostLauncher(library), given["x"], weight, None, 2, 1, 0, 1.0, None)
        assert distance(got, exact(given["x"], weight, None, STAGES[2], 1.0, None)) < 1e-5


def test_what_is_packed_while_a_graph_is_captured_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    given = case(STAGES[2], 1, 5, torch.float16)
    weight, bias = given["weight"], given["bias"]

    def made() -> list[Tensor]:
        return [packing.packed(weight, 2, torch.float16), packing.offsets(bias, len(bias), bias.device)]

    with monkeypatch.context() as patch:
        patch.setattr(packing, "is_capturing", lambda tensor: True)
        recorded = made()
    kept = made()
    assert all(first is not second for first, second in zip(recorded, kept, strict=True))
    assert all(first is second for first, second in zip(kept, made(), strict=True))
    assert kept[1].dtype == torch.float32


def test_the_launcher_knows_the_size_of_parameters(library: Path) -> None:
    given = case(STAGES[0], 1, 2)
    launcher = HostLauncher(library)
    real = upsample_cuda.Parameters

    class Longer(real):  # type: ignore[misc, valid-type]
        _fields_ = [("more", real)]  # noqa: RUF012

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError, match="another size"):
        patch.setattr(upsample_cuda, "Parameters", Longer)
        upsample_cuda.run(launcher, given["x"], given["weight"], None, 8, 4, 0, 1.0, None)


def is_right(launcher: HostLauncher, name: str) -> bool:
    """Whether the kernels of a file agree with float64."""
    if name == "upsample.cuh":
        given = case(STAGES[0], 1, 9)
        arguments = (given["x"], given["weight"], given["bias"])
        got = upsample_cuda.run(launcher, *arguments, *STAGES[0][3:], 0.2, None)
        return distance(got, exact(*arguments, STAGES[0], 0.2, None)) < 1e-5
    if name == "residual_blocks.cuh":
        x, blocks = residual_blocks_cases.case(residual_blocks_cases.SMALL[0], 1, 40)
        got = residual_blocks_cuda.run(launcher, x, blocks)
        return distance(got, residual_blocks_cases.exact(x, blocks)) < 1e-5
    return error(launcher, (60, 48, 20), 9, 1, n_iter=2) < 1e-5


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Griffin-Lim's buffers hold NaN: a block that reads what its neighbor has not written shows."""

    def poisoned(*shape: int, device: torch.device) -> Tensor:
        return torch.full(shape, torch.nan, device=device)

    monkeypatch.setattr(griffin_lim_cuda.torch, "empty", poisoned)


@pytest.mark.parametrize("seed", range(4))
def test_blocks_wait_for_the_last_thread_of_a_neighbor(library: Path, poison: None, seed: int) -> None:
    launcher = HostLauncher(library, seed % 2 == 1, victims=Random(seed))
    assert error(launcher, (60, 48, 20), 23, 2, n_iter=3) < 1e-5
    assert error(launcher, (54, 50, 6), 40, 1, n_iter=2) < 1e-5


@pytest.mark.parametrize("missing", [16, 800])
def test_an_access_past_the_shared_memory_is_noticed(library: Path, missing: int) -> None:
    class Short(HostLauncher):
        def launch(self, launch: Launch, parameters: ctypes.Structure, device: torch.device) -> None:
            super().launch(replace(launch, shared=launch.shared - missing), parameters, device)

    with pytest.raises(RuntimeError, match="reaches past the shared memory of its block"):
        error(Short(library), (60, 60, 20), 23, 1, n_iter=1)
    assert error(HostLauncher(library), (60, 60, 20), 23, 1, n_iter=1) < 1e-5, (
        "the next launch is watched, too"
    )


def test_a_launch_without_an_end_is_told(library: Path) -> None:
    class Waiting(HostLauncher):
        def launch(self, launch: Launch, parameters: ctypes.Structure, device: torch.device) -> None:
            grid = (launch.grid[0] - 1, 1, 1)  # the last block is never there
            super().launch(replace(launch, grid=grid), parameters, device)

    with pytest.raises(RuntimeError, match="does not end"):
        error(Waiting(library), (60, 60, 20), 23, 1, n_iter=1)


def notices(library: Path, name: str) -> bool:
    """Whether any order of threads shows that the kernels of a library are wrong."""
    orders = [HostLauncher(library, backwards) for backwards in (False, True)]
    orders += [HostLauncher(library, victims=Random(seed)) for seed in range(VICTIMS)]
    for launcher in orders:
        try:
            if not is_right(launcher, name):
                return True
        except RuntimeError:
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("fft.cuh", number) for number in range(3)),
        ("griffin_lim.cuh", 0),
        ("griffin_lim.cuh", 1),
        ("griffin_lim.cuh", 3),
        ("residual_blocks.cuh", 0),
        ("residual_blocks.cuh", 1),
        ("upsample.cuh", 0),
    ],
)
def test_a_missing_barrier_is_noticed(tmp_path: Path, name: str, number: int) -> None:
    changed = mutate(tmp_path, name, [without_barrier(name, number)])
    assert notices(build(tmp_path, "-O0", csrc=changed), name)


PROTOCOL = {
    "no barrier behind the wait": (
        "    }\n    __syncthreads();\n}\n\n// All iterations",
        "    }\n}\n\n// All iterations",
    ),
    "no barrier before a block says that it is done": (
        "        __syncthreads();\n        if (threadIdx.x == 0) publish(",
        "        if (threadIdx.x == 0) publish(",
    ),
    "an iteration less is waited for": (
        "wait_for_neighbours(p, f, iteration + 1);",
        "wait_for_neighbours(p, f, iteration);",
    ),
    "nobody waits": (
        "wait_for_neighbours(p, f, iteration + 1);",
        "__syncthreads();",
    ),
    "one buffer for both parities": ("static_cast<size_t>(parity)", "static_cast<size_t>(0 * parity)"),
}
"""Broken agreements between the blocks of the persistent Griffin-Lim: in `griffin_lim.cuh` the first text becomes the
second."""


@pytest.mark.slow
@pytest.mark.parametrize("mutant", PROTOCOL)
def test_a_broken_agreement_between_blocks_is_noticed(tmp_path: Path, poison: None, mutant: str) -> None:
    changed = mutate(tmp_path, "griffin_lim.cuh", [PROTOCOL[mutant]])
    assert notices(build(tmp_path, "-O0", csrc=changed), "griffin_lim.cuh")


@pytest.mark.slow
@pytest.mark.parametrize("races", [False, True])
def test_thread_sanitizer_finds_no_race_but_those_put_in(tmp_path: Path, races: bool) -> None:
    flags = ["-DKK_HOST_THREADS", "-fsanitize=thread", "-O1", "-g", str(MAIN)]
    sources = {"csrc": mutate(tmp_path, "fft.cuh", [without_barrier("fft.cuh", 0)])} if races else {}
    program = compile_host(tmp_path / "program", *flags, **sources)
    result = subprocess.run([str(program)], capture_output=True, text=True, timeout=250, check=False)
    assert ("ThreadSanitizer: data race" in result.stderr) == races, result.stderr[:2000]
    if not races:
        assert result.returncode == 0, result.stderr[:2000]
