"""Clips for a judge outside: one for every line, whatever it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kalakan.audio.files import read_audio
from kalakan.errors import AudioError, TextError
from kalakan.evaluation.clips import HEADER, SILENCE_S, read_texts, write_clips


def speak(text: str) -> np.ndarray:
    if not any(letter.isalpha() for letter in text):
        raise TextError("holds nothing pronounceable")
    return np.full(100 * len(text), 0.1, np.float32)


def test_every_text_has_a_clip_and_a_line(tmp_path: Path) -> None:
    texts = ["Yoo", "", "😀", "mede\tno", "a\u2028b"]
    counts = write_clips(tmp_path / "new" / "clips", texts, speak, 1000, "akosua")
    assert (counts.clips, counts.silent) == (5, 2)
    rows = (tmp_path / "new" / "clips" / "manifest.tsv").read_bytes().decode().split("\n")
    assert rows.pop() == ""
    cells = [row.split("\t") for row in rows]
    assert tuple(cells[0]) == HEADER
    assert [row[0] for row in cells[1:]] == ["0001.wav", "0002.wav", "0003.wav", "0004.wav", "0005.wav"]
    assert [row[1] for row in cells[1:]] == ["Yoo", "", "😀", "mede no", "a\u2028b"]
    assert {row[2] for row in cells[1:]} == {"akosua"}
    assert [bool(row[4]) for row in cells[1:]] == [False, True, True, False, False]
    for row in cells[1:]:
        audio, rate = read_audio(tmp_path / "new" / "clips" / row[0])
        assert rate == 1000
        assert len(audio) / rate == pytest.approx(float(row[3]), abs=0.001)
        assert bool(audio.any()) != bool(row[4])
    assert float(cells[2][3]) == SILENCE_S


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("\ufeffa\r\n\r\nb\x0bc\n", ["a", "", "b\x0bc"]),
        ("a\u2028b\n\n", ["a\u2028b", ""]),
    ],
)
def test_only_a_line_break_ends_a_line(content: str, texts: list[str]) -> None:
    assert read_texts(content) == texts


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError, match="cannot be made"):
        write_clips(tmp_path / "file", ["Yoo"], speak, 1000, "akosua")
