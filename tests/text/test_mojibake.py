"""Text whose UTF-8 was read as Latin-1 or Windows-1252: repaired as a whole, and nothing else is touched."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.text.cleaner import clean_text
from kalakan.text.normalizer import normalize_text
from kalakan.text.twi_g2p import TwiG2P

UNDEFINED = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
MARKED = [c + mark for c in "aeɛioɔuAEƐIOƆU" for mark in "\u0300\u0301\u0303\u0304"]
LETTERS = [*"aabdeɛɛfghiklmnoɔɔprstuwyƐƆ", *MARKED, *(unicodedata.normalize("NFC", c) for c in MARKED)]
SIGNS = [
    " “",
    "” ",
    " ‘",
    "’ ",
    "’",
    " – ",
    " — ",
    "… ",
    ", ",
    " GH₵",
    " £",
    " ½ ",
    " 😀 ",
    "\u00a0",
    " «",
    "» ",
    " •",
]
word = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=6).map("".join)
# A small letter stands before every sign: É” in a text of no ɔ is what a broken ɔ looks like.
twi = st.lists(st.tuples(word, st.sampled_from([*SIGNS, *" " * 20])), min_size=1, max_size=8).map(
    lambda pairs: "".join(word + "n" + sign for word, sign in pairs)
)


def misread(text: str, encoding: str) -> str:
    """Reads UTF-8 as another encoding, and as browsers do where Windows-1252 has no character."""
    read = (bytes([byte]) for byte in text.encode())
    return "".join(chr(byte[0]) if byte[0] in UNDEFINED else byte.decode(encoding) for byte in read)


@given(text=twi, encodings=st.lists(st.sampled_from(["latin-1", "cp1252"]), min_size=1, max_size=3))
@settings(max_examples=examples(400), deadline=None)
def test_text_broken_several_times_is_repaired_whole(text: str, encodings: list[str]) -> None:
    broken = text
    for encoding in encodings:
        broken = misread(broken, encoding)
    assert clean_text(broken) == clean_text(text)
    assert normalize_text(broken) == normalize_text(text)


@given(text=twi)
@settings(max_examples=examples(300), deadline=None)
def test_correct_text_keeps_every_letter(text: str) -> None:
    letters = [c for c in unicodedata.normalize("NFC", text) if c.isalpha() or unicodedata.combining(c)]
    assert [c for c in clean_text(text) if c.isalpha() or unicodedata.combining(c)] == letters


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("WÃ‰â€ fie", "Wɔ fie"),  # the control at the end of ɔ is gone
        ("Ã‰â€\ufffdkwan", "ɔkwan"),
        ("Ã†â€ kwan", "Ɔkwan"),  # a no-break space has become a space
        ("Æ\ufffdna", "Ɛna"),
        ("kÃ‰Â›", "kɛ"),  # Latin-1 first, Windows-1252 then
        ("pÃƒÂ¡", "pá"),
        ("pÃƒÂ pa", "pàpa"),
        ("â€œAaneâ€", "Aane"),
        ("Ã¢â‚¬Å“AaneÃ¢â‚¬Â", "Aane"),
        ("mÃ¢â‚¬â„¢adwuma", "m'adwuma"),
        ("GHÃ¢â€šÂµ5", "GH₵5"),
        ("WÉ” fie", "Wɔ fie"),
        ('WÉ" fie', "Wɔ fie"),
        ("ðŸ˜‚ aane", "aane"),
        ("ï»¿Aane", "Aane"),
        ("káº½", "kẽ"),
    ],
)
def test_what_other_tools_lost_on_the_way(broken: str, expected: str) -> None:
    assert clean_text(broken) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“CAFÉ” no", "CAFÉ no"),
        ("‹CAFÉ› no", "CAFÉ no"),
        ('"CAFÉ" no', "CAFÉ no"),
        ("‘WƆKÃ’ no", "WƆKÃ no"),
        ("É pà", "É pà"),
        ("Ã ne Æ", "Ã ne Ae"),
        ("pá” na", "pá na"),
    ],
)
def test_real_letters_beside_quotes_stay(text: str, expected: str) -> None:
    assert clean_text(text) == expected


def test_a_word_broken_twice_is_the_word_that_its_characters_say() -> None:
    text = "me dɔ “wo” paa, wo ara"
    broken = misread(misread(text, "cp1252"), "latin-1")
    reading, plain = TwiG2P(english=False).read(broken), TwiG2P(english=False).read(text)
    assert reading.ids == plain.ids
    assert [word[2:] for word in reading.words] == [word[2:] for word in plain.words]
    for there, here in zip(reading.words, plain.words, strict=True):
        assert broken[there.start : there.end] == misread(
            misread(text[here.start : here.end], "cp1252"), "latin-1"
        )
