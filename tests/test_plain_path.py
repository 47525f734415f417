"""A plain `synthesize` is short to follow: it passes through few files, and none of them is long."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import kalakan
from kalakan import Synthesizer

ROOT = Path(kalakan.__file__).parent
MOST_FILES = 12
MOST_LINES = 350


def test_a_plain_synthesize_passes_through_few_short_files() -> None:
    synthesizer = Synthesizer(engine="onnx")
    entered: set[Path] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            entered.add(Path(frame.f_code.co_filename))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        synthesizer.synthesize("Ɔbaa no reyɛ adwuma.")
    finally:
        sys.setprofile(before)
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in entered
        if path.is_relative_to(ROOT)
    }
    assert "synthesis/synthesizer.py" in lines
    assert len(lines) <= MOST_FILES, sorted(lines)
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
