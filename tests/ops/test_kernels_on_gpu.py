"""Every implementation on a GPU against float64, on fresh numbers and poisoned outputs."""

from __future__ import annotations

import pytest
import torch

from gpu_bench.timing import poison
from kalakan.ops import choices, extension, griffin_lim, residual_blocks, upsample, use
from kalakan.ops.griffin_lim import GRIFFIN_LIM, reference
from kalakan.ops.residual_blocks import RESIDUAL_BLOCKS
from kalakan.ops.upsample import UPSAMPLE
from kalakan.ops.upsample.triton import CANDIDATES
from ops import residual_blocks_cases
from ops.upsample_cases import STAGES, Stage, case, distance, exact

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
TOLERANCE = {torch.float32: 1e-5, torch.float16: 1e-3, torch.bfloat16: 1e-2}


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    """Builds them; from then on they must serve."""
    extension.build()
    for op in (UPSAMPLE, GRIFFIN_LIM, RESIDUAL_BLOCKS):
        op._machine.clear()
        assert op.machine()["cuda"] is None


@pytest.fixture(autouse=True)
def poisoned() -> None:
    """Memory that the allocator hands out next holds NaN: what a kernel leaves out shows."""
    poison("cuda")


@pytest.fixture(params=["cuda", "triton"])
def name(request: pytest.FixtureRequest) -> str:
    """An implementation."""
    reason = UPSAMPLE.machine()[request.param]
    if reason is not None:
        pytest.skip(f"{request.param}: {reason}")
    return str(request.param)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("frames", [1, 2, 63, 129])
@pytest.mark.parametrize("stage", [*STAGES, (256, 128, 16, 8, 4, 0), (70, 66, 4, 2, 1, 0)])
def test_upsample(name: str, stage: Stage, frames: int, batch: int, dtype: torch.dtype) -> None:
    if (frames - 1) * stage[3] - 2 * stage[4] + stage[2] + stage[5] < 1:
        pytest.skip("padding leaves nothing")
    given = {key: value.cuda() for key, value in case(stage, batch, frames, dtype).items()}
    for residual in (given["residual"], None):
        arguments = (given["x"], given["weight"], given["bias"])
        with use(upsample=name):
            got = upsample(*arguments, *stage[3:], slope=0.2, residual=residual)
        host = [None if tensor is None else tensor.cpu() for tensor in (*arguments, residual)]
        wanted = exact(host[0], host[1], host[2], stage, 0.2, host[3])  # type: ignore[arg-type]
        assert distance(got, wanted) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("frames", [1, 2, 63, 129, 5000])
@pytest.mark.parametrize(
    "sizes",
    [
        *residual_blocks_cases.SMALL,
        *((channels, *residual_blocks_cases.V1) for channels in (16, 32, 64)),
        *((channels, *residual_blocks_cases.V3) for channels in (32, 64)),
    ],
)
def test_residual_blocks(
    sizes: residual_blocks_cases.Sizes, frames: int, batch: int, dtype: torch.dtype
) -> None:
    x, blocks = residual_blocks_cases.case(sizes, batch, frames, dtype, "cuda")
    with use(residual_blocks="cuda"):
        got, again = residual_blocks(x, blocks), residual_blocks(x, blocks)
    assert distance(got, residual_blocks_cases.exact(x, blocks)) < TOLERANCE[dtype]
    assert torch.equal(got, again)


def test_residual_blocks_run_on_the_current_stream_and_in_a_graph() -> None:
    sizes: residual_blocks_cases.Sizes = (64, *residual_blocks_cases.V1)
    x, blocks = residual_blocks_cases.case(sizes, 2, 3000, torch.float16, "cuda")
    with use(residual_blocks="cuda"):
        wanted = residual_blocks(x, blocks)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            got = residual_blocks(x, blocks)
    got.fill_(torch.nan)
    graph.replay()
    torch.testing.assert_close(got, wanted, atol=0, rtol=0)


@pytest.mark.parametrize("items", [1, 7])
@pytest.mark.parametrize("frames", [1, 2, 63, 129, 2000])  # the last does not fit on the chip at seven items
@pytest.mark.parametrize("sizes", [(1200, 1200, 300), (1024, 1024, 256), (1024, 800, 200), (60, 48, 20)])
def test_griffin_lim(name: str, sizes: tuple[int, int, int], frames: int, items: int) -> None:
    magnitude = torch.rand(items, sizes[0] // 2 + 1, frames)
    with use(griffin_lim=name):
        got = griffin_lim(magnitude.cuda(), *sizes, n_iter=2, seed=5).cpu()
        again = griffin_lim(magnitude.cuda(), *sizes, n_iter=2, seed=5).cpu()
    wanted = reference.griffin_lim(magnitude.double(), *sizes, 2, 0.99, 5)
    assert float((got - wanted).abs().nan_to_num(torch.inf).max() / wanted.abs().max()) < 2e-5
    assert torch.equal(got, again)


def test_autocast_computes_in_half_precision(name: str) -> None:
    given = {key: value.cuda() for key, value in case(STAGES[0], 1, 9).items()}
    with torch.no_grad(), torch.autocast("cuda", torch.float16), use(upsample=name):
        assert upsample(given["x"], given["weight"], given["bias"], 8, 4).dtype == torch.float16


def test_kernels_run_on_the_current_stream_and_in_a_graph() -> None:
    given = {key: value.cuda() for key, value in case(STAGES[0], 1, 63).items()}
    with use(upsample="cuda"):
        wanted = upsample(given["x"], given["weight"], given["bias"], 8, 4)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            got = upsample(given["x"], given["weight"], given["bias"], 8, 4)
    got.fill_(torch.nan)
    graph.replay()
    torch.testing.assert_close(got, wanted, atol=0, rtol=0)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_every_tile_that_doctor_tries_is_right(dtype: torch.dtype) -> None:
    reason = UPSAMPLE.machine()["triton"]
    if reason is not None:
        pytest.skip(f"triton: {reason}")
    stage = (256, 128, 16, 8, 4, 0)
    given = case(stage, 2, 63, dtype)
    wanted = exact(given["x"], given["weight"], given["bias"], stage, 0.1, None)
    for tiles in CANDIDATES[dtype.itemsize]:
        with use(upsample="triton"), choices.preferring("upsample", "triton", tiles):
            got = upsample(given["x"].cuda(), given["weight"].cuda(), given["bias"].cuda(), 8, 4)
        assert distance(got, wanted) < TOLERANCE[dtype], tiles


def test_nvrtc_and_nvcc_agree() -> None:
    """To rounding: they are two compilers, and may fuse other products and sums."""
    from kalakan.ops import nvcc, nvrtc
    from kalakan.ops.driver import DriverLauncher
    from kalakan.ops.griffin_lim import cuda

    if nvcc.missing() is not None or nvrtc.missing() is not None:
        pytest.skip(f"nvcc: {nvcc.missing()}; NVRTC: {nvrtc.missing()}")
    architecture = max(extension.device_architectures())
    magnitude = torch.rand(2, 601, 40, device="cuda")
    launchers = (
        extension.ModuleLauncher(extension.load_module(nvcc.build([architecture])[0])),
        DriverLauncher(nvrtc.build(architecture)[0]),
    )
    first, second = (cuda.run(each, magnitude, 1200, 1200, 300, 4, 0.99, 0) for each in launchers)
    assert float((first - second).norm() / second.norm()) < 1e-5
