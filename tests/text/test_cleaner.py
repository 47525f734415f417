"""Cleaning: repairs without reading, and the laws that let it run anywhere in a pipeline."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.text.cleaner import clean_text
from kalakan.text.normalizer import normalize_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Akwaaba 😀!", "Akwaaba!"),
        ("<b>Me</b> kɔ", "Me kɔ"),
        ("a&amp;b", "a&b"),
        ("Me\u200b kɔ\ufeff", "Me kɔ"),
        ("Me\u00a0\u00a0kɔ", "Me kɔ"),
        ("SƐN na εte?", "SƐN na ɛte?"),
        ("sÉ›n", "sɛn"),
        ("É pà", "É pà"),
        ("Wo ho te s3n?", "Wo ho te sɛn?"),
        ("3kg ne 3rd", "3kg ne 3rd"),
        ("k) fie", "kɔ fie"),
        ("(me kɔ)", "me kɔ"),
        ("GH₵5.50 ne 10,000", "GH₵5.50 ne 10,000"),
        ("3:45 10-15%", "3:45 10-15%"),
        ("ntɛm-ntɛm", "ntɛm ntɛm"),
        ("Me kɔ — ɔba", "Me kɔ, ɔba"),
        ("Aane!!! Daabi?!", "Aane! Daabi?"),
        ("n’ani", "n'ani"),
        ("\u025b\u0301", "\u025b\u0301"),
        ("e\u0301", "é"),
        ("ñ ê ü ŋ", "n e u n"),
        ("Привет Kofi", "Kofi"),
        ("١٢", "12"),
    ],
)
def test_repairs_and_drops(text: str, expected: str) -> None:
    assert clean_text(text) == expected


def test_chat_letters_follow_the_option() -> None:
    assert clean_text("s3n", chat="off") == "s3n"
    assert clean_text("w0", chat="narrow") == "w0"
    assert clean_text("w0", chat="wide") == "wɔ"


@given(st.text())
@settings(max_examples=examples(400), deadline=None)
def test_any_string_stays_itself_once_clean(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.text())
@settings(max_examples=examples(400), deadline=None)
def test_normalized_text_is_clean(text: str) -> None:
    normalized = normalize_text(text)
    assert clean_text(normalized) == normalized


@given(st.text(alphabet=st.characters(categories=["Nd"]), min_size=1, max_size=20))
@settings(max_examples=examples(200), deadline=None)
def test_no_decimal_digit_is_lost(text: str) -> None:
    assert clean_text(text) == "".join(str(unicodedata.digit(c)) for c in text)
