"""What `kalakan doctor --tune` measures, with a clock that says what it is told to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from kalakan.models.vocoders.gpu import packed, tuning
from kalakan.ops import choices
from kalakan.ops.choices import Table, Tiles
from kalakan.ops.residual_blocks import RESIDUAL_BLOCKS
from kalakan.ops.upsample import UPSAMPLE
from kalakan.ops.upsample.triton import CANDIDATES
from models.vocoders.generators import tiny

FASTEST = CANDIDATES[4][1]


class Clock:
    """Triton is the fastest with one of its tiles, in stages of many rows; else cuDNN, which torch calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Tiles | None]] = []

    def __call__(self, call: Callable[[], object]) -> float:
        with choices.watching() as seen:
            call()
        (op, shape), *_ = seen
        name, tiles = choices._PREFERRED.get()[op], choices._TILES.get()
        self.asked.append((name, tiles))
        if name == "triton":
            return 1.0 if tiles == FASTEST and shape.rows > 100 else 3.0
        return 2.0 if name == "torch" else 4.0


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """All implementations seem to be here; on the CPU they refuse each call, and torch's computes."""
    for op in (UPSAMPLE, RESIDUAL_BLOCKS):
        monkeypatch.setitem(op.__dict__, "_machine", {each.name: None for each in op.implementations})


def test_every_op_of_every_stage_is_measured_at_every_load() -> None:
    model, clock, found = tiny("hifigan"), Clock(), Table()
    loads = [torch.randn(1, 20, frames) for frames in (9, 40)]
    with torch.no_grad():
        measured = list(tuning.measure_stages(packed.rows_of(model, torch.float32), loads, found, clock))
    assert [times["torch"] for _, _, times in measured] == [2.0] * 12
    stages = [name for name in found.serves if name.startswith("upsample")]
    assert [name for name in stages if "16 to 8" in name] == ["upsample float32 16 to 8, 10 by 5"]
    assert len(stages) == 3
    assert len(found.serves) == 6, "three stages, each with an upsampling and residual blocks"
    assert found.serves["upsample float32 16 to 8, 10 by 5"] == {"9": "torch", "40": "torch"}
    assert found.serves[stages[-1]] == {"180": "triton", "800": "triton"}
    assert set(found.tiles.values()) == {FASTEST, CANDIDATES[4][0]}
    assert {tiles for name, tiles in clock.asked if name == "triton"} == set(CANDIDATES[4])
    residual = [name for name in found.serves if name.startswith("residual_blocks")]
    assert all(set(found.serves[name].values()) == {"torch"} for name in residual)


def test_the_loads_are_a_sentence_a_long_one_and_a_pass_of_a_batch() -> None:
    from kalakan.config.schema import AudioConfig

    shapes = [tuple(mel.shape) for mel in tuning.mels(AudioConfig(), torch.device("cpu"))]
    assert shapes == [(1, 80, 80), (1, 80, 800), (8, 80, 800)]
