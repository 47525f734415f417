"""Vectors of real Ghanaian texts (`tests/golden/real_text.tsv`), each read in the way that its last column says."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import TextStage
from kalakan.text.normalizer import normalize_text
from kalakan.text.phonemes import format_units
from kalakan.text.sentences import split_sentences
from kalakan.text.twi_g2p import TwiG2P

TABLE = Path(__file__).parents[1] / "golden" / "real_text.tsv"
CONTRADICTED = {"T014": ("o f i ɾ i", "ɔ f i ɾ i")}
"""Rows that the older vectors contradict, and where: what we read, and what the row has. The prefix of ɔfiri has the
harmony of that of mefiri (G092)."""


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def ssml(text: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        phrases = TextStage(TwiG2P(english=False), 1000).phrases(text, SpeakOptions(ssml=True))
        return " ".join(format_units(phrase.ids) for phrase in phrases)


READ: dict[str, Callable[[str], str]] = {
    "norm": normalize_text,
    "units": lambda text: " ".join(TwiG2P(english=False).text_to_phonemes(text)),
    "units+english": lambda text: " ".join(TwiG2P(english="auto").text_to_phonemes(text)),
    "split": lambda text: str(len(split_sentences(text.replace("\\n", "\n")))),
    "ssml": ssml,
}
GATED = [row for row in rows() if row["confidence"] != "ask-native"]


@pytest.mark.parametrize("row", GATED, ids=lambda row: row["id"])
def test_real_text_is_read_as_expected(row: dict[str, str]) -> None:
    found = READ[row["as"]](row["input"])
    for ours, theirs in filter(None, [CONTRADICTED.get(row["id"])]):
        assert ours in found
        found = found.replace(ours, theirs)
    assert found == row["expected"]


def test_every_way_of_reading_is_in_the_table() -> None:
    assert {row["as"] for row in GATED} == set(READ)
    assert len(rows()) == 154 and len(GATED) == 139
