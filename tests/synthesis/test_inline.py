"""Inline tags in plain text: what they mark, what stays text, and where everything stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalakan.errors import TextError
from kalakan.synthesis.markup import read_markup
from kalakan.synthesis.markup.inline import strip_tags
from kalakan.synthesis.script import Text

PIECES = st.lists(
    st.sampled_from(["[en]", "[/en]", "[tw]", "[/tw]", "[1]", "[", "a b", "ɛ", "\n", ""]), max_size=12
)


def stretches(text: str) -> list[tuple[str, str | None]]:
    return [(part.text, part.language) for part in read_markup(text) if isinstance(part, Text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Me [en]phone[/en] no", [("Me ", None), ("phone", "en"), (" no", None)]),
        ("[en]a [tw]ba[/tw] b[/en]", [("a ", "en"), ("ba", "tw"), (" b", "en")]),
        ("[en]a[/en][tw]b[/tw]", [("a", "en"), ("b", "tw")]),
        ("see [1] and [en] alone", [("see [1] and [en] alone", None)]),
        ("a[/en]b", [("a[/en]b", None)]),
        ("[en]a [tw]b[/en]", [("a [tw]b", "en")]),
        ("[EN]a[/EN] [fr]b[/fr]", [("[EN]a[/EN] [fr]b[/fr]", None)]),
        ("[en][/en]", []),
    ],
)
def test_tags_mark_their_stretch(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert stretches(text) == expected


@given(PIECES)
def test_places_point_at_the_same_characters(pieces: list[str]) -> None:
    raw = "".join(pieces)
    places = []
    for part in read_markup(raw):
        assert isinstance(part, Text)
        assert part.text == "".join(raw[place] for place in part.places)
        assert not part.places or part.end == part.places[-1] + 1
        places += part.places
    assert places == sorted(set(places))


@given(st.text())
def test_text_without_tags_is_plain(text: str) -> None:
    if "[en]" not in text and "[tw]" not in text:
        assert read_markup(text) == ([Text(text, range(len(text)), len(text))] if text else [])


def test_many_tags_without_partners_take_linear_time() -> None:
    text = "[en]" * 50_000 + "[/tw]" * 50_000
    assert read_markup(text) == ([Text(text, range(len(text)), len(text))] if text else [])
    assert stretches(text + "[/en]") == [(text[:199_996], None), (text[200_000:], "en")]


def test_stripped_text_keeps_unpaired_tags() -> None:
    assert strip_tags("a [en]b[/en] [1] [tw]") == "a b [1] [tw]"


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TextError, match="the text is a bytes; it must be a string"):
        read_markup(b"me")  # type: ignore[arg-type]
