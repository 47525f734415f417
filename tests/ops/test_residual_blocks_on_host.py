"""The kernels of csrc/residual_blocks.cu on the CPU: right to float64, whatever the order of threads and the tiles."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kalakan.ops.launch import aligned
from kalakan.ops.residual_blocks import ResidualBlocks, cuda, plan
from ops.host_launcher import HostLauncher
from ops.residual_blocks_cases import SMALL, V1, V3, Sizes, case, exact
from ops.upsample_cases import distance

TOLERANCE = {torch.float32: 1e-5, torch.float16: 1e-3, torch.bfloat16: 1e-2}


@pytest.fixture(autouse=True)
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs start as NaN: what a kernel leaves out shows."""
    monkeypatch.setattr(torch, "empty_like", lambda x: torch.full_like(x, torch.nan))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(
    ("sizes", "batch", "frames"),
    [
        (SMALL[0], 1, 1),
        (SMALL[0], 7, 2),
        (SMALL[1], 1, 63),
        (SMALL[2], 1, 129),
        (SMALL[3], 7, 63),
        (SMALL[4], 2, 129),
        ((16, *V1), 1, 129),
        ((64, *V3), 1, 63),
    ],
)
def test_every_type_is_right_at_the_ends_and_between_tiles(
    library: Path, sizes: Sizes, batch: int, frames: int, dtype: torch.dtype, backwards: bool
) -> None:
    x, blocks = case(sizes, batch, frames, dtype)
    launcher = HostLauncher(library, backwards, blocks=4)
    got = cuda.run(launcher, x, blocks)
    assert got.dtype == dtype
    assert distance(got, exact(x, blocks)) < TOLERANCE[dtype]
    assert set(launcher.seen) == {cuda.kernel_name(blocks)}


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_neither_tiles_nor_launches_change_a_bit(library: Path, dtype: torch.dtype) -> None:
    x, blocks = case((16, *V1), 2, 150, dtype)
    many = HostLauncher(library, blocks=1 << 30)  # tiles as small as can be
    few = HostLauncher(library, blocks=1)
    small = HostLauncher(
        library, shared=(8 * x.element_size() << 10) + (8 << 10)
    )  # room for a layer at a time
    wanted = cuda.run(many, x, blocks)
    for launcher in (few, small):
        assert torch.equal(cuda.run(launcher, x, blocks), wanted)
    alone = torch.cat([cuda.run(few, item[None], blocks) for item in x])
    assert torch.equal(alone, wanted)
    assert len(small.seen) > len(many.seen) >= 3


def test_any_layout_and_any_place_in_memory(library: Path) -> None:
    x, blocks = case(SMALL[0], 2, 33, torch.float16)
    wanted = cuda.run(HostLauncher(library), x, blocks)
    across = x.transpose(1, 2).contiguous().transpose(1, 2)
    shifted = torch.empty(x.numel() + 1, dtype=x.dtype)[1:].view_as(x).copy_(x)
    assert shifted.data_ptr() % 16 != 0
    for each in (across, shifted):
        assert torch.equal(cuda.run(HostLauncher(library), each, blocks), wanted)
    copy = aligned(shifted)
    assert copy.data_ptr() % 16 == 0  # this processor would read it anywhere, a GPU would not
    assert aligned(copy) is copy


def test_x_is_left_as_it_was(library: Path) -> None:
    x, blocks = case(SMALL[0], 1, 33)
    before = x.clone()
    cuda.run(HostLauncher(library), x, blocks)
    assert torch.equal(x, before)


def refusal(blocks: ResidualBlocks, shared: int = 227 << 10) -> str | None:
    x = torch.zeros(1, 9, blocks.channels)
    return cuda.refuses(x, blocks) or cuda.too_large(HostLauncher(Path(), shared=shared), x, blocks)


def test_what_the_kernels_do_not_take_is_refused_with_a_reason() -> None:
    assert refusal(case((64, *V1), 1, 1)[1]) is None
    wide = case((65, (3,), ((1,),), False), 1, 1)[1]
    assert refusal(wide) == "x has 65 channels, and the kernel takes at most 64"
    flat = ResidualBlocks(wide.blocks, 64, slope=0.0)
    assert refusal(flat) == "slope is 0.0, and the kernel undoes leaky ReLUs from 0.01 on"
    far = case((64, (3,), ((500,),), False), 1, 1)[1]
    assert str(refusal(far)).startswith("kernel 3 with its dilations reaches further than 232448 bytes hold")
    long = torch.zeros(1, 1, 64).expand(2, 2**30, 64)
    assert "are more than the kernel counts" in str(cuda.refuses(long, case((64, *V1), 1, 1)[1]))


H200, T4 = plan.Device(227 << 10, 132), plan.Device(64 << 10, 40)


@pytest.mark.parametrize("device", [H200, T4, plan.Device(99 << 10, 84)])
@pytest.mark.parametrize("element", [2, 4])
@pytest.mark.parametrize("kernel", [3, 7, 11])
@pytest.mark.parametrize(("items", "frames"), [(1, 1), (1, 12000), (32, 120001)])
def test_a_plan_covers_all_and_fits(
    items: int, frames: int, kernel: int, element: int, device: plan.Device
) -> None:
    block = plan.Block(items, frames, 64, element, kernel, (1, 1, 3, 1, 5, 1), 2)
    parts = plan.plan(block, device)
    assert parts is not None
    assert sum((part.dilations for part in parts), ()) == block.dilations
    for part in parts:
        assert part.shared <= device.shared
        assert part.halo == kernel // 2 * sum(part.dilations)
        assert part.first % block.layer == 0
        assert 1 <= part.rows <= frames


def test_long_kernels_go_a_layer_at_a_time_where_recomputing_costs_more() -> None:
    narrow, wide = (plan.Block(32, 120000, width, 2, 11, (1, 1, 3, 1, 5, 1), 2) for width in (16, 64))
    assert [len(plan.plan(block, H200) or ()) for block in (narrow, wide)] == [1, 3]
    short = plan.Block(32, 120000, 64, 2, 3, (1, 1, 3, 1, 5, 1), 2)
    assert len(plan.plan(short, H200) or ()) == 1
