"""Which implementation serves: request, environment, then the first that can."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor

from kalakan.errors import ImplementationUnavailable
from kalakan.ops.dispatch import Implementation, Op, requested, use


def build(asked: list[str]) -> Op:
    """An op named griffin_lim: cuda is absent, rust refuses negative numbers, torch takes all."""

    def implementation(name: str, absent: str | None, refuses: bool) -> Implementation:
        def unavailable() -> str | None:
            asked.append(name)
            return absent

        def refuse(x: Tensor) -> str | None:
            return "x is negative" if refuses and x.item() < 0 else None

        return Implementation(name, lambda x: x, unavailable, refuse)

    return Op(
        "griffin_lim",
        (
            implementation("cuda", "no CUDA device", False),
            implementation("rust", None, True),
            implementation("torch", None, False),
        ),
    )


def chosen(op: Op, value: float = 1.0) -> str:
    call = op.choose(torch.tensor(value))
    return next(each.name for each in op.implementations if each.call is call)


def test_the_first_that_can_serves_and_the_machine_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KALAKAN_OPS", raising=False)
    asked: list[str] = []
    op = build(asked)
    assert [chosen(op), chosen(op), chosen(op, -1.0)] == ["rust", "rust", "torch"]
    assert asked == ["cuda", "rust", "torch"]
    assert op.machine() == {"cuda": "no CUDA device", "rust": None, "torch": None}


def test_a_request_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    op = build([])
    monkeypatch.setenv("KALAKAN_OPS", "griffin_lim=torch")
    assert chosen(op) == "torch"
    with use(griffin_lim="rust"):
        assert chosen(op) == "rust"
        with use(griffin_lim="torch"):
            assert chosen(op) == "torch"
        assert chosen(op) == "rust"
    assert chosen(op) == "torch"


def test_one_name_in_the_environment_means_all_ops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALAKAN_OPS", " torch ")
    assert requested("griffin_lim") == "torch"


def test_one_name_for_all_leaves_the_choice_to_ops_that_have_none_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KALAKAN_OPS", "triton")
    assert chosen(build([])) == "rust"
    with use(griffin_lim="triton"), pytest.raises(ImplementationUnavailable, match="triton was asked for"):
        chosen(build([]))
    monkeypatch.setenv("KALAKAN_OPS", "griffin_lim=triton")
    with pytest.raises(ImplementationUnavailable, match="triton was asked for"):
        chosen(build([]))
    monkeypatch.setenv("KALAKAN_OPS", "cuda")
    with pytest.raises(ImplementationUnavailable, match="cuda was asked for: no CUDA device"):
        chosen(build([]))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("cuda", 1.0, "griffin_lim=cuda was asked for: no CUDA device; able to serve it: rust, torch"),
        ("rust", -1.0, "griffin_lim=rust was asked for: x is negative; able to serve it: torch"),
        ("triton", 1.0, "griffin_lim=triton was asked for; griffin_lim has cuda, rust, torch"),
    ],
)
def test_a_request_that_cannot_be_met_raises(name: str, value: float, message: str) -> None:
    with use(griffin_lim=name), pytest.raises(ImplementationUnavailable) as error:
        chosen(build([]), value)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grifin_lim=torch", "grifin_lim is not an op"),
        ("griffin_lim=", "write op=implementation"),
        ("trition", "KALAKAN_OPS is 'trition'; one name for all ops is one of cuda, triton, rust, torch"),
        ("a,b", "'a'"),
    ],
)
def test_a_bad_environment_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setenv("KALAKAN_OPS", text)
    with pytest.raises(ImplementationUnavailable, match=message):
        requested("griffin_lim")


def test_an_unknown_op_is_refused() -> None:
    with pytest.raises(ImplementationUnavailable, match="upsmaple is not an op"), use(upsmaple="torch"):
        pass


def test_stepping_down_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("KALAKAN_OPS", raising=False)
    op = build([])
    with caplog.at_level(logging.INFO, logger="kalakan.ops"):
        chosen(op)
        chosen(op, -1.0)
    assert [record.getMessage() for record in caplog.records] == ["griffin_lim: not cuda, no CUDA device"]
