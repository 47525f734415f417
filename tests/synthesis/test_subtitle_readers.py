"""Our subtitles in programs that nobody here wrote: ffmpeg, srt, pysubs2, webvtt-py, praatio."""

from __future__ import annotations

import io
import random
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest
import webvtt

from kalakan.synthesis.subtitles import format_subtitles, write_subtitles
from kalakan.synthesis.timing import Segment, Sentence, Timing

srt = pytest.importorskip("srt", reason="srt is not installed (extra dev)")
textgrid = pytest.importorskip("praatio.textgrid", reason="praatio is not installed (extra dev)")
RATE = 8000
FFMPEG = shutil.which("ffmpeg")
SIGNS = [
    *("<", ">", "<3", "<b>", "</b>", "<Akwaaba>", "<i>x</i>", "<font color=red>", "5<7", "9>3", "<<Ama>>"),
    *(
        "-->",
        "->",
        "{",
        "}",
        "{\\an8}",
        "{b}",
        "\\N",
        "\\h",
        "\\",
        "&",
        "&amp;",
        "&lt;",
        "&#60;",
        "<!--",
        "<?x",
    ),
    *(
        "00:00:01,000",
        "1",
        '"',
        "'",
        "*",
        "_",
        "ɛ",
        "ɔ̃",
        "Kofi",
        "fie.",
        "#",
        "NOTE",
        "STYLE",
        "|",
        "~",
        "/i/",
    ),
]


def timing_of(text: str) -> Timing:
    """Words of 0.25 s, six to a sentence."""
    found = [match.span() for match in re.finditer(r"\S+", text)]
    sentences = []
    for first in range(0, len(found), 6):
        part = found[first : first + 6]
        segments = tuple(
            Segment("word", text[slice(*source)], source, k * RATE // 4, (k + 1) * RATE // 4)
            for k, source in enumerate(part, start=first)
        )
        sentences.append(Sentence((part[0][0], part[-1][1]), segments))
    return Timing(RATE, tuple(sentences))


def texts() -> list[str]:
    choice = random.Random(7)
    return [" ".join(choice.choices(SIGNS, k=60)) for _ in range(12)] + ["Kofi & Ama <3 a --> b <i>x</i>"]


def bare(text: str) -> str:
    """What is left of a text without space and the joiners that nobody sees."""
    return "".join(text.replace("\u2060", "").replace("\u200b", "").split())


def shown(content: str) -> str:
    """The text of the cues of an SRT file, as it stands there."""
    lines = content.splitlines()
    return "".join(
        line for before, line in zip(["", *lines], lines, strict=False) if not _is_frame(before, line)
    )


def _is_frame(before: str, line: str) -> bool:
    return " --> " in line or not line or (line.isdecimal() and not before)


@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("text", texts())
def test_ffmpeg_shows_every_sign_of_an_srt(tmp_path: Path, text: str) -> None:
    write_subtitles(timing_of(text), text, tmp_path / "a.srt")
    command = [str(FFMPEG), "-v", "warning", "-i", tmp_path / "a.srt", "-f", "srt", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    found = done.stdout.decode()
    assert found.count(" --> ") == (tmp_path / "a.srt").read_text(encoding="utf-8").count(" --> ")
    assert bare(shown(found)) == bare(text)


@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("text", ["Maakye. Wo ho te sɛn? Da yie.", "Kofi & Ama, 3 < 5 > 4 na <b> yɛ."])
def test_ffmpeg_reads_a_webvtt_without_a_warning(tmp_path: Path, text: str) -> None:
    write_subtitles(timing_of(text), text, tmp_path / "a.vtt")
    command = [str(FFMPEG), "-v", "warning", "-i", tmp_path / "a.vtt", "-f", "webvtt", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout.count(b" --> ") == (tmp_path / "a.vtt").read_bytes().count(b" --> ")


@pytest.mark.parametrize("text", texts())
def test_libraries_read_every_cue_in_order(tmp_path: Path, text: str) -> None:
    timing = timing_of(text)
    written = format_subtitles(timing, text, "srt")
    cues = list(srt.parse(written))
    assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
    assert bare("".join(cue.content for cue in cues)) == bare(text)
    assert all(one.end <= other.start for one, other in pairwise(cues))
    assert all(cue.end > cue.start for cue in cues)
    assert len(pysubs2.SSAFile.from_string(written, format_="srt")) == len(cues)
    vtt = format_subtitles(timing, text, "vtt")
    assert len(list(webvtt.WebVTT.from_buffer(io.StringIO(vtt)))) == len(cues)


@pytest.mark.parametrize("text", texts())
def test_praatio_reads_tiers_without_gaps(tmp_path: Path, text: str) -> None:
    timing = timing_of(text)
    write_subtitles(timing, text, tmp_path / "a.TextGrid")
    grid = textgrid.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=True)
    assert list(grid.tierNames) == ["sentences", "words", "phones"]
    assert grid.maxTimestamp == pytest.approx(timing.samples / RATE)
    for name in ("sentences", "words"):
        entries = grid.getTier(name).entries
        assert all(one.end == other.start for one, other in pairwise(entries))
        assert bare("".join(entry.label for entry in entries)) == bare(text)
