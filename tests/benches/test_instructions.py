"""benches/instructions.py: which growth of a count fails, by compiler and instruction set."""

from __future__ import annotations

import json
from typing import Any

import pytest

from instructions import BASELINE, OTHER_LIMIT, RENEW, fewest, verdicts

BEFORE = {"rustc": "rustc 1.90.0", "instructions": "x86_64", "counts": {"split": 1000, "g2p": 1000}}


def now(split: int = 1000, g2p: int = 1000, **others: Any) -> dict[str, Any]:
    return {**BEFORE, "counts": {"split": split, "g2p": g2p}, **others}


@pytest.mark.parametrize(("split", "fails"), [(1000, False), (1029, False), (1031, True), (500, False)])
def test_growth_beyond_the_limit_fails(split: int, fails: bool) -> None:
    assert verdicts(BEFORE, now(split), 0.03)[1] is fails


def test_the_last_path_does_not_hide_the_first() -> None:
    lines, fails = verdicts(BEFORE, now(split=2000, g2p=10), 0.03)
    assert fails
    assert sum("MORE THAN" in line for line in lines) == 1
    assert sum("fewer" in line for line in lines) == 1


@pytest.mark.parametrize("other", [{"rustc": "rustc 1.99.0"}, {"instructions": "x86_64 with AVX2 and FMA"}])
def test_another_compiler_or_instruction_set_has_a_wider_limit_and_a_way_out(other: dict[str, str]) -> None:
    lines, fails = verdicts(BEFORE, now(split=1200, **other), 0.03)
    assert not fails
    assert RENEW in lines[0]
    assert next(iter(other.values())) in lines[0]
    assert verdicts(BEFORE, now(split=round(1000 * (1 + OTHER_LIMIT)) + 1, **other), 0.03)[1]


def test_a_path_without_a_baseline_fails_and_says_how_to_give_it_one() -> None:
    lines, fails = verdicts({**BEFORE, "counts": {"split": 1000}}, now(), 0.03)
    assert fails
    assert any("g2p" in line and RENEW in line for line in lines)


def test_the_kept_baseline_has_counts() -> None:
    kept = json.loads(BASELINE.read_text(encoding="utf-8"))
    assert set(BEFORE) <= set(kept)
    assert min(kept["counts"].values()) > 1000


def test_smallest_count_of_each_path_decides() -> None:
    other = {**BEFORE, "rustc": "rustc 1.99.0", "counts": {"split": 900, "g2p": 1100}}
    assert fewest(BEFORE, other) == {**BEFORE, "counts": {"split": 900, "g2p": 1000}}
