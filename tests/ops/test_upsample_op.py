"""Upsampling: the reference is its definition, scripts and traces, and refuses nonsense."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from kalakan.errors import ConfigError, ImplementationUnavailable
from kalakan.ops import upsample, use
from ops.upsample_cases import STAGES, Stage, case, distance, exact


@pytest.mark.parametrize("with_residual", [False, True])
@pytest.mark.parametrize(("batch", "frames"), [(1, 3), (7, 63), (2, 129)])
@pytest.mark.parametrize("stage", STAGES)
def test_reference_is_the_definition(stage: Stage, batch: int, frames: int, with_residual: bool) -> None:
    given = case(stage, batch, frames)
    residual = given["residual"] if with_residual else None
    with use(upsample="torch"):
        got = upsample(given["x"], given["weight"], given["bias"], *stage[3:], slope=0.2, residual=residual)
    assert distance(got, exact(given["x"], given["weight"], given["bias"], stage, 0.2, residual)) < 1e-6


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float16, 2e-3), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("stage", [(2, 3, 2, 3, 0, 0), (5, 4, 3, 8, 0, 2), *STAGES])
def test_half_precision_is_right_in_the_gaps_between_the_taps_too(
    stage: Stage, dtype: torch.dtype, limit: float
) -> None:
    given = case(stage, 3, 63)
    x, weight, bias = (given[name].to(dtype) for name in ("x", "weight", "bias"))
    with use(upsample="torch"):
        got = upsample(x, weight, bias, *stage[3:], slope=0.2)
    assert got.dtype == dtype
    assert distance(got, exact(x, weight, bias, stage, 0.2, None)) < limit


def test_no_bias_and_no_activation() -> None:
    stage = STAGES[0]
    given = case(stage, 1, 5)
    got = upsample(given["x"], given["weight"], None, *stage[3:], slope=1.0)
    assert distance(got, exact(given["x"], given["weight"], None, stage, 1.0, None)) < 1e-6


class Stack(nn.Module):
    """Two stages, as a vocoder has them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.ConvTranspose1d(6, 4, 16, 8, padding=4)
        self.second = nn.ConvTranspose1d(4, 2, 10, 5, padding=3, output_padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = upsample(x, self.first.weight, self.first.bias, 8, 4)
        return upsample(x, self.second.weight, self.second.bias, 5, 3, 1, 0.2, None)


def test_a_scripted_module_loads_where_kalakan_is_not(tmp_path: Path) -> None:
    model = Stack()
    torch.jit.script(model).save(str(tmp_path / "model.pt"))
    torch.save(model(torch.ones(1, 6, 9)).detach(), tmp_path / "wanted.pt")
    code = (
        "import sys, torch\n"
        "model, wanted = torch.jit.load(sys.argv[1]), torch.load(sys.argv[2])\n"
        "assert 'kalakan' not in sys.modules\n"
        "torch.testing.assert_close(model(torch.ones(1, 6, 9)), wanted, atol=0, rtol=0)\n"
    )
    paths = [str(tmp_path / name) for name in ("model.pt", "wanted.pt")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True)


def test_a_traced_module_takes_other_lengths() -> None:
    model = Stack()
    traced = torch.jit.trace(model, torch.ones(1, 6, 9))
    buffer = io.BytesIO()
    torch.jit.save(traced, buffer)
    x = torch.randn(2, 6, 31)
    torch.testing.assert_close(traced(x), model(x), atol=0, rtol=0)


def test_gradients_reach_every_argument() -> None:
    given = {name: tensor.requires_grad_() for name, tensor in case(STAGES[1], 2, 4).items()}
    upsample(given["x"], given["weight"], given["bias"], 5, 3, 1, 0.1, given["residual"]).sum().backward()
    assert all(tensor.grad is not None for tensor in given.values())


def test_autocast_makes_the_types_agree() -> None:
    given = case(STAGES[0], 1, 9)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        got = upsample(given["x"].bfloat16(), given["weight"], given["bias"], 8, 4)
    assert got.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": torch.zeros(1, 7, 5)}, r"x has shape \[1, 7, 5\] and weight \[8, 4, 16\]"),
        ({"x": torch.zeros(1, 8, 0)}, "none of them 0"),
        ({"x": torch.zeros(8, 5)}, r"shape \[8, 5\]"),
        ({"bias": torch.zeros(5)}, r"bias has shape \[5\]; it must be \[4\]"),
        ({"residual": torch.zeros(1, 4, 39)}, r"residual has shape \[1, 4, 39\]; it must be \[1, 4, 40\]"),
        ({"x": torch.zeros(1, 8, 5, dtype=torch.float16)}, "weight is torch.float32 on cpu, x torch.float16"),
        ({"stride": 0}, "stride is 0"),
        ({"padding": -1}, "padding -1"),
        ({"output_padding": 8}, "output_padding 8"),
        ({"padding": 24}, "padding is 24; it leaves 0"),
    ],
)
def test_bad_calls_are_refused(changes: dict[str, object], message: str) -> None:
    given = case(STAGES[0], 1, 5)
    arguments: dict[str, object] = {**given, "stride": 8, "padding": 4, **changes}
    with pytest.raises(ConfigError, match=message):
        upsample(**arguments)  # type: ignore[arg-type]


def test_a_request_that_cannot_be_met_raises() -> None:
    given = case(STAGES[0], 1, 5)
    with use(upsample="rust"), pytest.raises(ImplementationUnavailable, match="upsample=rust was asked for"):
        upsample(given["x"], given["weight"], given["bias"], 8, 4)
