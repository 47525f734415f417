"""Residual blocks: the reference is their definition, and nonsense is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from kalakan.errors import ConfigError, ImplementationUnavailable
from kalakan.ops import pack_residual_blocks, residual_blocks, use
from kalakan.ops.residual_blocks import Convolution
from ops.residual_blocks_cases import SMALL, V1, V3, Sizes, case, exact
from ops.upsample_cases import distance


@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (7, 2), (2, 63), (1, 129)])
@pytest.mark.parametrize("sizes", [*SMALL, (4, *V1), (4, *V3)])
def test_reference_is_the_definition(sizes: Sizes, batch: int, frames: int) -> None:
    x, blocks = case(sizes, batch, frames)
    with use(residual_blocks="torch"):
        got = residual_blocks(x, blocks)
    assert got.is_contiguous()
    assert distance(got, exact(x, blocks)) < 1e-6


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float16, 2e-3), (torch.bfloat16, 2e-2)])
def test_weights_become_the_type_that_was_asked_for(dtype: torch.dtype, limit: float) -> None:
    x, blocks = case((8, *V1), 1, 63, dtype)
    assert blocks.dtype == dtype
    assert distance(residual_blocks(x, blocks), exact(x, blocks)) < limit


def test_it_is_the_fusion_of_hifigan() -> None:
    from kalakan.config.schema import HifiGanConfig
    from kalakan.models.vocoders.hifigan import ReceptiveFieldFusion

    torch.manual_seed(0)
    for config in (HifiGanConfig(), HifiGanConfig(residual_pairs=False)):
        fusion = ReceptiveFieldFusion(8, config)
        packed = [
            [
                [Convolution(conv.weight, conv.bias, conv.dilation[0]) for conv in layer[1::2]]
                for layer in block.layers
            ]
            for block in fusion.blocks
        ]
        x = torch.randn(2, 8, 40)
        got = residual_blocks(x.transpose(1, 2), pack_residual_blocks(packed))
        torch.testing.assert_close(got.transpose(1, 2), fusion(x), atol=1e-6, rtol=1e-5)


def test_packed_weights_are_a_copy_without_gradient() -> None:
    weight = torch.randn(4, 4, 3, requires_grad=True)
    blocks = pack_residual_blocks([[[Convolution(weight, None)]]])
    x = torch.randn(1, 9, 4, requires_grad=True)
    before = residual_blocks(x, blocks)
    with torch.no_grad():
        weight.mul_(2)
    after = residual_blocks(x, blocks)
    torch.testing.assert_close(after, before, atol=0, rtol=0)
    after.sum().backward()
    assert x.grad is not None
    assert weight.grad is None


def convolution(channels: int = 4, kernel: int = 3, dilation: int = 1, bias: int = 4) -> Convolution:
    return Convolution(torch.zeros(channels, channels, kernel), torch.zeros(bias), dilation)


@pytest.mark.parametrize(
    ("blocks", "slope", "message"),
    [
        ([], 0.1, "blocks has no convolution somewhere"),
        ([[]], 0.1, "blocks has no convolution somewhere"),
        ([[[]]], 0.1, "blocks has no convolution somewhere"),
        ([[[convolution()], [convolution()] * 2]], 0.1, r"the layers have \[1, 2\] convolutions"),
        ([[[convolution()] * 3]], 0.1, r"the layers have \[3\] convolutions"),
        ([[[convolution(kernel=4)]]], 0.1, r"block 0 has shape \[4, 4, 4\]; .* an odd kernel"),
        ([[[convolution()], [convolution(kernel=5)]]], 0.1, r"has shape \[4, 4, 5\]; it must be \[4, 4, 3\]"),
        ([[[convolution()]], [[convolution(channels=8)]]], 0.1, r"block 1 has shape \[8, 8, 3\]"),
        ([[[convolution(bias=5)]]], 0.1, r"a bias of block 0 has shape \[5\]; it must be \[4\]"),
        ([[[convolution(dilation=0)]]], 0.1, "a dilation of block 0 is 0; it must be at least 1"),
        ([[[convolution()]]], -0.1, "slope is -0.1; it must be from 0 to 1"),
    ],
)
def test_bad_blocks_are_refused(
    blocks: Sequence[Sequence[Sequence[Convolution]]], slope: float, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        pack_residual_blocks(blocks, slope=slope)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(1, 4, 9), r"x has shape \[1, 4, 9\]; it must be \[B, T, 4\]"),
        (torch.zeros(9, 4), r"x has shape \[9, 4\]"),
        (torch.zeros(1, 0, 4), "none of them 0"),
        (torch.zeros(1, 9, 4, dtype=torch.float16), "x is torch.float16 on cpu, the blocks torch.float32 on"),
        (torch.zeros(1, 9, 4, device="meta"), "x is torch.float32 on meta, the blocks torch.float32 on cpu"),
    ],
)
def test_bad_calls_are_refused(x: torch.Tensor, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        residual_blocks(x, pack_residual_blocks([[[convolution()]]]))


def test_a_request_that_cannot_be_met_raises() -> None:
    x, blocks = case(SMALL[0], 1, 5)
    with use(residual_blocks="rust"), pytest.raises(ImplementationUnavailable, match="residual_blocks=rust"):
        residual_blocks(x, blocks)
