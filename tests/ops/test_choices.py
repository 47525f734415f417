"""The table that `kalakan doctor --tune` writes: kept per GPU and versions, and asked before the usual order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kalakan.ops import choices, use
from kalakan.ops.choices import Shape, Table
from kalakan.ops.dispatch import Implementation, Op

GPU = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KALAKAN_OPS", raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    choices.table.cache_clear()
    return tmp_path


TABLE = Table({"upsample a": {"100": "cuda", "10000": "torch"}}, {"a": (64, 64, 64, 4, 3)})


def test_the_nearest_amount_of_work_decides() -> None:
    found = [TABLE.best("upsample", Shape("a", rows, GPU)) for rows in (1, 900, 1100, 10**6)]
    assert found == ["cuda", "cuda", "torch", "torch"]
    assert TABLE.best("upsample", Shape("b", 100, GPU)) is None
    assert TABLE.best("residual_blocks", Shape("a", 100, GPU)) is None


def test_a_table_is_found_again_on_the_same_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choices.preferred("upsample", Shape("a", 100, GPU)) is None
    place = choices.save(GPU, TABLE)
    assert choices.preferred("upsample", Shape("a", 9999, GPU)) == "torch"
    assert choices.tiles(Shape("a", 1, GPU)) == (64, 64, 64, 4, 3)
    assert choices.preferred("upsample", Shape("a", 9999, torch.device("cpu"))) is None
    choices.table.cache_clear()
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA A100")
    assert choices.table(GPU) == Table()
    choices.save(GPU, Table())
    assert len(json.loads(place.read_text(encoding="utf-8"))) == 2, "the other GPU's is still there"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"NVIDIA": 1}', '{"MACHINE": {"serves": [1]}}', '{"MACHINE": {"tiles": {"a": [1]}}}'],
)
def test_a_broken_file_is_as_none(text: str) -> None:
    place = choices.path()
    place.parent.mkdir(parents=True)
    place.write_text(text.replace("MACHINE", choices.machine(GPU)), encoding="utf-8")
    assert choices.table(GPU) == Table()


def build(refused: str = "") -> Op:
    """An op whose first implementation is cuda; `refused` supports no call."""

    def implementation(name: str) -> Implementation:
        def refuses(x: Tensor) -> str | None:
            return "no" if name == refused else None

        return Implementation(name, lambda x: x, lambda: None, refuses)

    return Op(
        "upsample",
        (implementation("cuda"), implementation("triton"), implementation("torch")),
        lambda x: Shape("a", x.numel(), GPU),
    )


def chosen(op: Op, rows: int) -> str:
    call: Callable[..., Tensor] = op.choose(torch.zeros(rows))
    return next(each.name for each in op.implementations if each.call is call)


def test_the_fastest_serves_unless_it_cannot_or_another_was_asked_for() -> None:
    assert chosen(build(), 10000) == "cuda"
    choices.save(GPU, TABLE)
    assert [chosen(build(), rows) for rows in (100, 10000)] == ["cuda", "torch"]
    assert chosen(build(refused="torch"), 10000) == "cuda"
    with use(upsample="triton"):
        assert chosen(build(), 10000) == "triton"
    with choices.preferring("upsample", "triton"):
        assert chosen(build(), 10000) == "triton"
    assert chosen(build(), 10000) == "torch"


def test_the_calls_of_a_block_are_seen() -> None:
    with choices.watching() as seen:
        chosen(build(), 7)
    chosen(build(), 8)
    assert seen == [("upsample", Shape("a", 7, GPU))]
