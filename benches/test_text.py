"""Text: the compiled core beside its readable twin of the tests, and beside what Python brings."""

from __future__ import annotations

import importlib
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beside import beside, equal, suite
from kalakan.text.cleaner import clean_text
from kalakan.text.normalizer import normalize_text
from kalakan.text.phonemes import parse_units
from kalakan.text.sentences import split_sentences
from kalakan.text.twi_g2p import TwiG2P
from text_timing import build_reference

SENTENCES = (Path(__file__).parent / "data/sentences.txt").read_text(encoding="utf-8").splitlines()
NORMALIZED = [normalize_text(sentence) for sentence in SENTENCES]
PLAIN = [
    sentence
    for sentence in SENTENCES
    if re.fullmatch(r"[A-ZƐƆ][^\W\d]{2,}[^\W\d][\w ,']+[a-zɛɔ]{3}\.", sentence)
]
"""Sentences that begin with a capital and end with their only full stop, after a word of three letters or more."""

pytestmark = suite("text")


def test_clean(benchmark: Any) -> None:
    """Clean text stays itself, which is all that Unicode's composition does to it."""
    beside(
        benchmark,
        lambda: [clean_text(sentence) for sentence in NORMALIZED],
        lambda: [unicodedata.normalize("NFC", sentence) for sentence in NORMALIZED],
        equal,
    )


def test_normalize(benchmark: Any) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    twin = importlib.import_module("reference.normalizer").normalize
    known = [sentence for sentence in SENTENCES if twin(sentence) == normalize_text(sentence)]
    assert len(known) > 0.95 * len(SENTENCES), (
        "the twin lacks few rules: of foreign money, of letters one by one"
    )
    beside(
        benchmark,
        lambda: [normalize_text(sentence) for sentence in known],
        lambda: [twin(sentence) for sentence in known],
        equal,
    )


def test_split_sentences(benchmark: Any) -> None:
    text, ends = " ".join(PLAIN), re.compile(r"(?<=\.)\s+")
    assert len(PLAIN) > 40

    def same(ours: list[list[str]], theirs: list[list[str]]) -> None:
        assert ours == theirs == [PLAIN] * 30

    beside(
        benchmark,
        lambda: [[sentence.text for sentence in split_sentences(text)] for _ in range(30)],
        lambda: [ends.split(text) for _ in range(30)],
        same,
    )


def one_by_one(reader: TwiG2P) -> list[Any]:
    return [reader.text_to_phoneme_sequence(sentence) for sentence in SENTENCES]


WARM, BATCH = TwiG2P(), TwiG2P()
WAYS: dict[str, Callable[[], list[Any]]] = {
    "no cache": lambda: one_by_one(TwiG2P(cache_size=0)),
    "warm cache": lambda: one_by_one(WARM),
    "one batch": lambda: BATCH.texts_to_phoneme_sequences(SENTENCES),
    "with spans": lambda: [WARM.read(sentence).ids for sentence in SENTENCES],
}


@pytest.mark.parametrize("way", WAYS)
def test_read(benchmark: Any, way: str) -> None:
    """Raw text to phoneme ids."""
    twin = build_reference()

    def same(ours: list[Any], theirs: list[list[str]]) -> None:
        assert [list(ids) for ids in ours] == [list(parse_units(" ".join(units))) for units in theirs]

    beside(benchmark, WAYS[way], lambda: [twin(sentence) for sentence in SENTENCES], same, rounds=7)
