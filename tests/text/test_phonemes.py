"""The closed phoneme table."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalakan.errors import UnknownPhonemeError
from kalakan.text import phonemes

SPECIFIED = {
    0: "<pad>", 1: "<bos>", 2: "<eos>", 3: "<unk>", 4: "_", 5: "+", 6: ",", 7: ".", 8: "?", 9: "!", 10: ";", 11: ":",
    12: "…", 13: "¦", 14: "<tw>", 15: "<en>", 16: "˥", 17: "˩", 18: "ꜜ", 19: "˧", 24: "i", 25: "ɪ", 26: "e", 27: "ɛ",
    28: "æ", 29: "a", 30: "ɔ", 31: "o", 32: "ʊ", 33: "u", 34: "ĩ", 35: "ɪ̃", 36: "ã", 37: "ʊ̃", 38: "ũ", 40: "p",
    41: "b", 42: "t", 43: "d", 44: "ts", 45: "dz", 46: "v", 47: "z", 48: "k", 49: "ɡ", 50: "kʷ", 51: "ɡʷ", 52: "tɕ",
    53: "dʑ", 54: "tɕɥ", 55: "dʑɥ", 56: "f", 57: "s", 58: "h", 59: "hʷ", 60: "ɕ", 61: "ɕɥ", 62: "m", 63: "n", 64: "ɲ",
    65: "ŋ", 66: "ɲɥ", 67: "ŋʷ", 68: "m̩", 69: "n̩", 70: "ɲ̩", 71: "ŋ̩", 72: "ɾ", 73: "l", 74: "j", 75: "w", 76: "ɥ",
}  # fmt: skip


def test_ids_are_those_of_the_specification() -> None:
    assert phonemes.TABLE_SIZE == len(phonemes.SYMBOLS) == 96
    assert {row: symbol for row, symbol in enumerate(phonemes.SYMBOLS) if symbol} == SPECIFIED


def test_the_table_hash_is_pinned() -> None:
    # A change here means that every model's table differs: only a new symbol in a reserved row may do that.
    assert phonemes.TABLE_HASH == "62a95014284b550a"


def test_named_ids() -> None:
    named = (phonemes.PAD, phonemes.BOS, phonemes.EOS, phonemes.UNK, phonemes.WORD_BOUNDARY)
    assert named == (0, 1, 2, 3, 4)
    assert frozenset(range(6, 14)) == phonemes.PAUSE_IDS
    assert frozenset(range(16, 20)) == phonemes.TONE_IDS


def test_symbols_are_nfc_without_space_and_unlike() -> None:
    symbols = [symbol for symbol in phonemes.SYMBOLS if symbol]
    assert all(unicodedata.normalize("NFC", symbol) == symbol and not symbol.isspace() for symbol in symbols)
    assert len(set(symbols)) == len(symbols)


@given(st.lists(st.sampled_from(sorted(SPECIFIED))))
def test_units_round_trip(ids: list[int]) -> None:
    assert phonemes.parse_units(phonemes.format_units(ids)) == ids


def test_what_is_not_in_the_table_raises() -> None:
    with pytest.raises(UnknownPhonemeError, match='"r"'):
        phonemes.parse_units("b r a")
    with pytest.raises(UnknownPhonemeError, match="'r'"):
        phonemes.symbol_to_id("r")
    for wrong in (20, 95, 96, -1):
        with pytest.raises(UnknownPhonemeError, match=str(wrong)):
            phonemes.id_to_symbol(wrong)
    with pytest.raises(UnknownPhonemeError):
        phonemes.phoneme_class(96)


def test_classes() -> None:
    assert phonemes.phoneme_class(phonemes.symbol_to_id("æ")) == "vowel"
    assert phonemes.phoneme_class(phonemes.symbol_to_id("m̩")) == "syllabic"
    assert phonemes.phoneme_class(95) == "reserved"


def test_the_written_table_has_a_row_for_each_id(tmp_path: Path) -> None:
    phonemes.write_table(tmp_path / "phonemes.tsv")
    header, *rows = (tmp_path / "phonemes.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == ["id", "symbol", "ipa", "class", "features"]
    assert [row.split("\t")[:2] for row in rows] == [
        [str(i), s or ""] for i, s in enumerate(phonemes.SYMBOLS)
    ]
