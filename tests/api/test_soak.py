"""A server under load for a while: the shortened form of `benches/server.py --soak 1800`."""

from __future__ import annotations

from pathlib import Path

import pytest

from server import LIMITS, SENTENCES, soak

pytestmark = [pytest.mark.soak, pytest.mark.slow]
SECONDS = 12.0


def test_nothing_is_wrong_truncated_or_kept_under_load(streaming_voice: Path) -> None:
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()[:32]
    found = soak(str(streaming_voice), lines, SECONDS, core=None)
    load = found["load"]
    assert load["wrong_bodies"] == 0
    assert load["other_statuses"] == []
    assert load["accepted"] > len(lines)
    assert found["memory_growth_mb"] <= LIMITS["memory_growth_mb"]
