"""Subtitles: files that public parsers read, with every word once, in order, at its time."""

from __future__ import annotations

import html
import io
import json
import re
import sys
from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest
import webvtt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.audio.textgrid import tiled
from kalakan.errors import SubtitleError
from kalakan.synthesis.subtitles import FORMATS, format_subtitles, write_subtitles
from kalakan.synthesis.subtitles.cues import LINE_CHARACTERS, LONGEST_MS, cues_of, text_of
from kalakan.synthesis.subtitles.srt import JOINER
from kalakan.synthesis.subtitles.tokens import tokens_of
from kalakan.synthesis.subtitles.visible import Visible, clean
from kalakan.synthesis.timing import Phone, Segment, Sentence, Timing

RATE = 8000


def word(raw: str, source: tuple[int, int], start: int, end: int) -> Segment:
    middle = (start + end) // 2
    phones = (Phone("b", start, middle), Phone("a˥", middle, end))
    return Segment("word", raw[slice(*source)], source, start, end, phones)


def timing_of(raw: str, durations: list[int], pauses: list[int], *, per_sentence: int = 6) -> Timing:
    """A timing of the words of `raw`; durations and pauses in samples, taken in turn."""
    sentences = []
    found = [match.span() for match in re.finditer(r"\S+", raw)]
    at = 0
    for first in range(0, len(found), per_sentence):
        segments = []
        for k, source in enumerate(found[first : first + per_sentence], start=first):
            segments.append(word(raw, source, at, at + durations[k % len(durations)]))
            at = segments[-1].end
            pause = pauses[k % len(pauses)]
            if pause:
                segments.append(Segment("pause", "", (source[1], source[1]), at, at + pause))
                at += pause
        source = (found[first][0], segments[-1].source[1])
        sentences.append(Sentence(source, tuple(segments)))
    return Timing(RATE, tuple(sentences))


PIECES = [
    "-->",
    "<i>",
    "</b>",
    "{\\an8}",
    "&amp;",
    "&",
    "2026",
    "\n\n",
    " ",
    "\r",
    "ɛ",
    "a.",
    "WEBVTT",
    "NOTE x",
]
TEXTS = st.one_of(
    st.lists(
        st.sampled_from([*PIECES, "00:00:01,000 --> 00:00:02,000\n", "\x00", "\x85", '"', "[en]b[/en]"])
    ).map(" ".join),
    st.text(),
    st.lists(st.text("abɛɔ,.", min_size=1, max_size=12), min_size=20, max_size=60).map(" ".join),
)
SAMPLES = st.lists(st.sampled_from([0, 1, 7, 8, 800, 4000, 20_000]), min_size=1, max_size=9)


@st.composite
def spoken(draw: st.DrawFn) -> tuple[str, Timing]:
    """A raw text and a timing of it that is not empty."""
    raw = draw(TEXTS)
    timing = timing_of(raw, draw(SAMPLES), draw(SAMPLES), per_sentence=draw(st.integers(1, 40)))
    if timing.samples:
        return raw, timing
    pause = Segment("pause", "", (0, 0), 0, 8)
    return raw, Timing(RATE, (*timing.sentences, Sentence((0, 0), (pause,))))


def shown(raw: str) -> str:
    """The visible words of a raw text, without spaces."""
    return "".join(clean(Visible(raw).between(0, len(raw))).split())


def squeezed(text: str) -> str:
    return "".join(text.replace(JOINER, "").split())


LONG = (
    "Me din de Kofi, na me firi Kumasi a ɛwɔ Ghana, na mepɛ sɛ me ne wo kasa kakra fa yɛn adwuma no ho. " * 3
)


@given(spoken())
@settings(deadline=None)
def test_srt_is_read_by_pysubs2(case: tuple[str, Timing]) -> None:
    raw, timing = case
    read = pysubs2.SSAFile.from_string(format_subtitles(timing, raw, "srt"), "srt")
    cues = cues_of(timing, tokens_of(timing, raw))
    assert [(event.start, event.end) for event in read] == [(cue.start_ms, cue.end_ms) for cue in cues]
    assert squeezed("".join(event.text.replace("\\N", " ") for event in read)) == shown(raw)


@given(spoken(), st.booleans())
@settings(deadline=None)
def test_vtt_is_read_by_webvtt(case: tuple[str, Timing], words: bool) -> None:
    raw, timing = case
    written = format_subtitles(timing, raw, "vtt", words=words)
    read = list(webvtt.from_string(written))
    cues = cues_of(timing, tokens_of(timing, raw))
    assert [(caption.start_in_seconds, caption.end_in_seconds) for caption in read] == [
        (cue.start_ms // 1000, cue.end_ms // 1000) for cue in cues
    ]
    assert "".join(html.unescape("".join(re.sub("<[^>]*>", "", c.raw_text).split())) for c in read) == shown(
        raw
    )


@given(spoken())
@settings(deadline=None)
def test_cues_never_overlap(case: tuple[str, Timing]) -> None:
    raw, timing = case
    cues = cues_of(timing, tokens_of(timing, raw))
    assert all(cue.start_ms < cue.end_ms for cue in cues)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(cues))
    assert all(cue.end_ms <= max(timing.samples * 1000 // RATE, 1) for cue in cues)
    assert all(1 <= len(cue.lines) <= 2 and all(map(text_of, cue.lines)) for cue in cues)


@given(st.lists(st.text("abɛɔ,.", min_size=1, max_size=12), min_size=1, max_size=80), SAMPLES)
@example(["a"] * 80, [20_000])
@settings(deadline=None)
def test_cues_are_short(words: list[str], pauses: list[int]) -> None:
    raw = " ".join(words)
    timing = timing_of(raw, [1600], pauses, per_sentence=100)
    for cue in cues_of(timing, tokens_of(timing, raw)):
        assert len(cue.lines) <= 2
        assert all(len(text_of(line)) <= LINE_CHARACTERS for line in cue.lines)
        assert cue.end_ms - cue.start_ms <= LONGEST_MS


@given(spoken())
@settings(deadline=None)
def test_karaoke_times_rise_within_their_cue(case: tuple[str, Timing]) -> None:
    raw, timing = case
    written = format_subtitles(timing, raw, "vtt", words=True)
    for block in written.split("\n\n")[1:]:
        times = [
            ((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(ms)
            for h, m, s, ms in re.findall(r"(\d\d):(\d\d):(\d\d)\.(\d{3})(?=>| -->|\n)", block)
        ]
        start, end, *inside = times
        assert [start, *inside, end] == sorted({start, *inside, end})


@pytest.fixture(scope="module")
def grid_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the TextGrids of one test stand, one after the other."""
    return tmp_path_factory.mktemp("grids") / "spoken.TextGrid"


@given(case=spoken())
@settings(deadline=None, max_examples=examples(50))
def test_textgrid_is_read_by_praat(grid_path: Path, case: tuple[str, Timing]) -> None:
    parselmouth = pytest.importorskip("parselmouth")
    raw, timing = case
    write_subtitles(timing, raw, grid_path)
    grid = parselmouth.read(str(grid_path))
    call = parselmouth.praat.call
    assert [call(grid, "Get tier name", tier) for tier in (1, 2, 3)] == ["sentences", "words", "phones"]
    for tier in (1, 2, 3):
        count = int(call(grid, "Get number of intervals", tier))
        starts = [call(grid, "Get start time of interval", tier, k + 1) for k in range(count)]
        ends = [call(grid, "Get end time of interval", tier, k + 1) for k in range(count)]
        assert starts[0] == 0
        assert starts[1:] == ends[:-1]
        assert ends[-1] == pytest.approx(timing.samples / RATE, abs=1e-9)
        if tier < 3:
            labels = "".join(call(grid, "Get label of interval", tier, k + 1) for k in range(count))
            assert squeezed(labels) == shown(raw)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8), st.integers(1, 5))
def test_tiles_leave_no_gap(steps: list[tuple[int, int]], rest: int) -> None:
    intervals, at = [], 0
    for k, (gap, length) in enumerate(steps):
        intervals.append((at + gap, at + gap + length, f"{k}"))
        at += gap + length
    tiles = tiled(intervals, at + rest)
    assert tiles[0][0] == 0
    assert tiles[-1][1] == at + rest
    assert all(before[1] == after[0] for before, after in pairwise(tiles))
    assert all(start < end for start, end, _ in tiles)
    assert " ".join(label for *_, label in tiles if label).split() == [label for *_, label in intervals]


@given(spoken())
@settings(deadline=None)
def test_json_says_everything(case: tuple[str, Timing]) -> None:
    raw, timing = case
    document = json.loads(format_subtitles(timing, raw, "json"))
    assert (document["format"], document["version"]) == ("kalakan-timing", 1)
    assert (document["sample_rate"], document["samples"]) == (RATE, timing.samples)
    for sentence, expected in zip(document["sentences"], timing.sentences, strict=True):
        assert sentence["source"] == list(expected.source)
        for segment, original in zip(sentence["segments"], expected.segments, strict=True):
            assert (segment["kind"], segment["source"]) == (original.kind, list(original.source))
            assert (segment["start_sample"], segment["end_sample"]) == (original.start, original.end)
            assert segment["start"] == pytest.approx(original.start / RATE, abs=1e-6)
            assert [phone["symbol"] for phone in segment["phones"]] == [p.symbol for p in original.phones]
    assert squeezed("".join(sentence["text"] for sentence in document["sentences"])) == shown(raw)


# Examples


def test_an_srt() -> None:
    raw = "Akwaaba!\nWo ho\n\nte sɛn?"
    sentences = timing_of(raw, [4000], [800], per_sentence=1).sentences
    joined = Sentence(
        (9, len(raw)), tuple(segment for sentence in sentences[1:] for segment in sentence.segments)
    )
    timing = Timing(RATE, (sentences[0], joined))
    assert format_subtitles(timing, raw, "srt") == (
        "1\n00:00:00,000 --> 00:00:00,600\nAkwaaba!\n\n2\n00:00:00,600 --> 00:00:02,900\nWo ho te sɛn?\n"
    )
    assert format_subtitles(timing, raw, "vtt", words=True) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.600\nAkwaaba!\n\n"
        "00:00:00.600 --> 00:00:02.900\nWo<00:00:01.200> ho<00:00:01.800> te<00:00:02.400> sɛn?\n"
    )


def test_long_sentences_part_at_pauses_and_marks() -> None:
    timing = timing_of(LONG, [2400], [0], per_sentence=100)
    cues = [" ".join(map(text_of, cue.lines)) for cue in cues_of(timing, tokens_of(timing, LONG))]
    assert len(cues) > 3
    assert sum(cue[-1] in ",." for cue in cues) > len(cues) / 2
    assert " ".join(cues) == LONG.strip()


def test_arrows_and_tags_do_not_break_a_file() -> None:
    raw = "a --> <i>b</i> {\\an8}c & d"
    timing = timing_of(raw, [8000], [0], per_sentence=9)
    srt = format_subtitles(timing, raw, "srt")
    assert srt.count("-->") == 1
    assert not re.search(r"<i>|</i>|\{\\", srt)
    assert srt.replace(JOINER, "").splitlines()[2] == raw
    vtt = format_subtitles(timing, raw, "vtt")
    assert vtt.splitlines()[3] == r"a --&gt; &lt;i&gt;b&lt;/i&gt; {\an8}c &amp; d"


def test_hours_are_written() -> None:
    raw = "a b"
    timing = timing_of(raw, [100 * 3600 * RATE, 8000], [0])
    assert "100:00:00,000 --> 100:00:01,000" in format_subtitles(timing, raw, "srt")


SSML = (
    "<speak><!-- note --><p>Akwaaba <emphasis>ba</emphasis>ko&amp;<![CDATA[<x>]]></p><s>Me<break/>wo</s>"
    '<metadata>gone</metadata> <sub alias="Ghana TV">GTV</sub></speak>'
)


def test_markup_does_not_appear() -> None:
    spans = [
        (SSML.index(part), part)
        for part in ("Akwaaba", "ba</", "ko&amp;<![CDATA[<x>", "Me", "<break/>", "wo<", "GTV")
    ]
    segments, at = [], 0
    for start, part in spans:
        source = (start, start + len(part.rstrip("</")))
        segments.append(word(SSML, source, at, at + 800))
        at += 800
    timing = Timing(RATE, (Sentence((20, len(SSML)), tuple(segments)),))
    assert "Akwaaba bako&<x> Me wo GTV" in format_subtitles(timing, SSML, "srt").replace(JOINER, "")
    assert '"text": "Akwaaba bako&<x> Me wo GTV"' in format_subtitles(timing, SSML, "json")


def test_inline_tags_do_not_appear() -> None:
    raw = "Me [en]phone[/en] [1]"
    timing = timing_of(raw, [8000], [0])
    assert format_subtitles(timing, raw, "srt").splitlines()[2] == "Me phone [1]"


def test_what_several_words_come_from_is_shown_once() -> None:
    raw = "Ɔwɔ GTV so"
    sources = [(0, 3), (4, 7), (4, 7), (8, 10)]
    segments = tuple(word(raw, source, k * 800, k * 800 + 800) for k, source in enumerate(sources))
    timing = Timing(RATE, (Sentence((0, 10), segments),))
    assert format_subtitles(timing, raw, "vtt", words=True).splitlines()[3] == (
        "Ɔwɔ<00:00:00.100> GTV<00:00:00.300> so"
    )


# Files


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".TextGrid", ".JSON"])
def test_the_suffix_picks_the_format(tmp_path: Path, suffix: str) -> None:
    timing = timing_of("me kɔ", [800], [0])
    path = tmp_path / f"out{suffix}"
    write_subtitles(timing, "me kɔ", path)
    assert path.read_text(encoding="utf-8") == format_subtitles(timing, "me kɔ", suffix[1:])
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", FORMATS)
def test_open_files_are_written_to(name: str) -> None:
    timing = timing_of("me kɔ", [800], [0])
    text, binary = io.StringIO(), io.BytesIO()
    write_subtitles(timing, "me kɔ", text, name)
    write_subtitles(timing, "me kɔ", binary, name)
    assert text.getvalue() == binary.getvalue().decode() == format_subtitles(timing, "me kɔ", name)


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.srt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(SubtitleError, match="the timing reaches character 5 of a text of 2"):
        write_subtitles(timing_of("me kɔ", [800], [0]), "me", path)
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    ("name", "format", "words", "expected"),
    [
        ("out", None, False, r"out has no suffix; give a format: srt, vtt, textgrid, json"),
        ("out.txt", None, False, r"subtitle format 'txt' is unknown; use srt, vtt, textgrid, json"),
        ("out.srt", "ass", False, r"subtitle format 'ass' is unknown"),
        ("out.srt", None, True, r"srt has no times of words within a cue; use vtt, textgrid or json"),
        (
            "none/out.srt",
            None,
            False,
            r"cannot write .*none.out\.srt: No such file or directory; make its folder first",
        ),
        ("", "srt", False, r"cannot write .*: Is a directory; add a file name"),
    ],
)
def test_errors(tmp_path: Path, name: str, format: str | None, words: bool, expected: str) -> None:
    if sys.platform == "win32" and "cannot write" in expected:
        expected = "cannot write"
    with pytest.raises(SubtitleError, match=expected):
        write_subtitles(timing_of("me", [800], [0]), "me", tmp_path / name, format, words=words)
    assert not list(tmp_path.iterdir())


def test_an_empty_timing_is_refused() -> None:
    with pytest.raises(SubtitleError, match="the timing is empty"):
        format_subtitles(Timing(RATE, ()), "me", "srt")
    with pytest.raises(SubtitleError, match="an open file has no suffix"):
        write_subtitles(timing_of("me", [800], [0]), "me", io.StringIO())
