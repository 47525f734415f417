"""Words of the raw text and the ids they are read as."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalakan.text.phonemes import CLASSES, format_units
from kalakan.text.twi_g2p import Reading, TwiG2P, WordSpan

GOLDEN = [
    line.split("\t")
    for line in (Path(__file__).parents[1] / "golden/spans.tsv").read_text(encoding="utf-8").split("\n")[1:-1]
]
READERS = {
    "raw": TwiG2P(english=False),
    "wide": TwiG2P(chat="wide", english=False),
    "as it is": TwiG2P(normalize=False, english=False),
}
PIECES = [
    *["GHS", "25.50", "3:30", "0244", "123", "456", "No.", "5", "20%", "www.ghana.com", "dÉ”", "nÃ\u00a0no"],
    *["k)", "j3k3", "😀", "–", "-", "...", "km", "25 March 2024", "$", "ntɛm-ntɛm", "n'adwuma", "<b>", "[en]"],
    *["me\u0301", "\u0301", "\ud800", "\u200b", "\n", "Yohane 3:16", "Dr.", "II", "&amp;", "school time"],
]  # fmt: skip
text = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=12).flatmap(
    lambda pieces: st.sampled_from(["", " ", "  "]).map(lambda space: space.join(pieces))
)


def is_silent(ids: list[int]) -> bool:
    return all(CLASSES[row] in ("boundary", "pause") for row in ids)


@pytest.mark.parametrize(
    ("written", "words", "units"), [row[1:4] for row in GOLDEN], ids=[row[0] for row in GOLDEN]
)
def test_golden_spans(written: str, words: str, units: str) -> None:
    reading = READERS["raw"].read(written)
    assert [written[word.start : word.end] for word in reading.words] == words.split(" | ")
    assert [format_units(reading.ids[word.first : word.last]) for word in reading.words] == units.split(" | ")


@pytest.mark.parametrize("reader", READERS)
@given(text=text)
def test_spans_cover_words_and_ids(reader: str, text: str) -> None:
    reading = READERS[reader].read(text)
    assert reading.ids == READERS[reader].text_to_phoneme_sequence(text)
    spans = [WordSpan(0, 0, 0, 0), *reading.words, WordSpan(len(text), len(text), *[len(reading.ids)] * 2)]
    for before, after in pairwise(spans):
        assert before.start <= before.end <= after.start
        assert before.first <= before.last <= after.first
        assert not text[before.end : after.start].strip()
        assert is_silent(reading.ids[before.last : after.first])
    for word in reading.words:
        raw, ids = text[word.start : word.end], reading.ids[word.first : word.last]
        assert raw and raw == raw.strip(" \t\n")
        assert not ids or not (is_silent(ids[:1]) or is_silent(ids[-1:]))


def test_a_space_is_never_inside_a_word_and_a_word_never_in_two_spans() -> None:
    text = "Me ma wo akye " * 1000
    words = READERS["raw"].read(text).words
    assert [text[word.start : word.end] for word in words] == text.split()
    assert all(word.first < word.last for word in words)


def test_a_repair_does_not_move_the_words_around_it() -> None:
    plain, broken = READERS["raw"].read("me dɔ wo paa"), READERS["raw"].read("me dÉ” wo paa")
    assert broken.ids == plain.ids
    assert [(word.first, word.last) for word in broken.words] == [
        (word.first, word.last) for word in plain.words
    ]
    assert broken.words[-1] == WordSpan(10, 13, *[plain.words[-1].first, plain.words[-1].last])


def test_an_empty_text_has_no_words() -> None:
    assert READERS["raw"].read(" \n ") == Reading([], [])
