"""Sentences: where they end, where they do not, and that no character is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.text.sentences import split_sentences
from reference import sentences as reference

MARKS = st.sampled_from(
    [".", "!", "?", "…", ",", ";", ":", '"', ")", "(", "\n", " ", "  ", "no.", "Dr.", "3.5"]
)
# Python strips these four controls as space, Unicode and the core do not.
SPEECH = st.characters(exclude_characters="\x1c\x1d\x1e\x1f")
PIECES = st.one_of(
    MARKS, st.sampled_from(["me", "Ɔba", "kɔ", "10,000", "www.a.com", "K."]), st.text(SPEECH, max_size=3)
)
TEXTS = st.lists(PIECES, max_size=20).map("".join)


CASES = [
    ("Me kɔ. Ɔba.", ["Me kɔ.", "Ɔba."]),
    ("Me kɔ\nƆba", ["Me kɔ", "Ɔba"]),
    ("Ɛyɛ 3.5 kg. Aane!", ["Ɛyɛ 3.5 kg.", "Aane!"]),
    ("Ɛyɛ GHS 1,200.50. Sɛn?", ["Ɛyɛ GHS 1,200.50.", "Sɛn?"]),
    ("Dr. Mensah ne Prof. Addo aba.", ["Dr. Mensah ne Prof. Addo aba."]),
    ("K. A. Busia ne J.B. Danquah. Aane.", ["K. A. Busia ne J.B. Danquah.", "Aane."]),
    ("Hwɛ www.ghana.com/a.b. Aane.", ["Hwɛ www.ghana.com/a.b.", "Aane."]),
    ("Abarimaa no. Ɔkɔe", ["Abarimaa no.", "Ɔkɔe"]),
    ("Abarimaa no. 2. Ɔkɔe", ["Abarimaa no.", "2. Ɔkɔe"]),
    ("Abarimaa no. na ɔkɔe", ["Abarimaa no. na ɔkɔe"]),
    ("Nkwan etc. wɔ hɔ", ["Nkwan etc. wɔ hɔ"]),
    ("Nkwan etc. Ɔbaa", ["Nkwan etc.", "Ɔbaa"]),
    ("Me kɔ... na meba", ["Me kɔ... na meba"]),
    ("Me kɔ… Ɔba", ["Me kɔ…", "Ɔba"]),
    ('"Me kɔ." Ɔkae.', ['"Me kɔ."', "Ɔkae."]),
    ('"Daabi!" ɔkae.', ['"Daabi!" ɔkae.']),
    ("(Me kɔ.) Ɔba!!! Aane?!", ["(Me kɔ.)", "Ɔba!!!", "Aane?!"]),
    ("me kɔ. ɔba.", ["me kɔ.", "ɔba."]),
    ("Akwaaba!Ɛte sɛn?Yɛ", ["Akwaaba!", "Ɛte sɛn?", "Yɛ"]),
    ("Me kɔ.Ɔba fie.", ["Me kɔ.", "Ɔba fie."]),
    ("Hwɛ Www.Ghana.Com na kyerɛw Ama@Mail.Com.", ["Hwɛ Www.Ghana.Com na kyerɛw Ama@Mail.Com."]),
    ("Dr.Mensah aba. St.Peter", ["Dr.Mensah aba.", "St.Peter"]),
    ("Ɔkaa pá!pá ne PÁ!PÁ.", ["Ɔkaa pá!pá ne PÁ!PÁ."]),
    ("1. Me kɔ. 2. Ɔba.", ["1. Me kɔ.", "2. Ɔba."]),
    ("a. Me kɔ. Ɔba.", ["a. Me kɔ.", "Ɔba."]),
    ("Mon. anɔpa na meba. Tue. nso meba.", ["Mon. anɔpa na meba.", "Tue. nso meba."]),
    ("Ɛyɛ Mon. Mɛba.", ["Ɛyɛ Mon.", "Mɛba."]),
    (
        "Wɔkɔɔ fie wɔ anadwo no mu nti na\r\nwɔantumi ammra ha bio da na ɛyɛ yaw.\r\nƐno.",
        ["Wɔkɔɔ fie wɔ anadwo no mu nti na\r\nwɔantumi ammra ha bio da na ɛyɛ yaw.", "Ɛno."],
    ),
    ("Ɛyɛ 3.038.217. Ɛyɛ 1,200", ["Ɛyɛ 3.038.217.", "Ɛyɛ 1,200"]),
    ("Ɔbaa 8:15 a.m. Ɔkɔe", ["Ɔbaa 8:15 a.m.", "Ɔkɔe"]),
    ("Ɔbaa 8:15 a.m. na ɔkɔe", ["Ɔbaa 8:15 a.m. na ɔkɔe"]),
    ("“Me kɔ.” (Ɔba?) [Aane!] Daabi", ["“Me kɔ.”", "(Ɔba?)", "[Aane!]", "Daabi"]),
    ("Kenkan Yoh. 3:16 ɛnnɛ. Afei kɔ.", ["Kenkan Yoh. 3:16 ɛnnɛ.", "Afei kɔ."]),
    ("Ɛyɛ me Yoh. 3 aba", ["Ɛyɛ me Yoh.", "3 aba"]),
    ("Ama Mensah Jnr. aba. Ama nso.", ["Ama Mensah Jnr. aba.", "Ama nso."]),
    ("Me din de Kofi Jnr. Ɔno aba.", ["Me din de Kofi Jnr.", "Ɔno aba."]),
    ("Ɔbaa 25 Dec. na ɔkɔeɛ. Oct. 6 nso.", ["Ɔbaa 25 Dec. na ɔkɔeɛ.", "Oct. 6 nso."]),
    ("Me Ph.D. no aba. Bro. Kofi!", ["Me Ph.D. no aba.", "Bro. Kofi!"]),
    ("Ɔyɛ me bro. Ɔbɛba. Hwɛ p. 45.", ["Ɔyɛ me bro.", "Ɔbɛba.", "Hwɛ p. 45."]),
    ("Na... Ɔba. Na … ɔba", ["Na...", "Ɔba.", "Na … ɔba"]),
    ("  ", []),
]
OUTSIDE = {"Kenkan Yoh. 3:16 ɛnnɛ. Afei kɔ."}
"""Cases that are outside the domain of the reference, which knows no short names of books."""


WORDS = [
    *(
        "me",
        "Ɔba",
        "kɔ",
        "fie",
        "10,000",
        "3.5",
        "K.",
        "a.",
        "b.",
        "1.",
        "2.",
        "II.",
        "iv.",
        "6",
        "Mensah",
        "-",
        "—",
    ),
    *(
        "Mon.",
        "Tue.",
        "Sat.",
        "Oct.",
        "Dec.",
        "no.",
        "No.",
        "etc.",
        "Dr.",
        "Prof.",
        "p.m.",
        "a.m.",
        "e.g.",
        "Jnr.",
    ),
    *(
        "p.",
        "St.",
        "Rd.",
        "Insp.",
        "J.B.",
        "A.D.",
        "Ph.D.",
        "“Me",
        "kɔ.”",
        "(Ɔba?)",
        "Aane!",
        "...",
        "…",
        "?!",
    ),
    *(
        "Wɔkɔɔ fie wɔ anadwo no mu nti na",
        "wɔantumi ammra ha bio da na ɛyɛ yaw.",
        "Akwaaba!Ɛte sɛn?Yɛ",
        "asɛm-",
    ),
]
JOINTS = st.sampled_from(
    [" ", " ", " ", "\n", "\r\n", "\n\n", ". ", "! ", ", ", "? ", "... ", "… ", '." ', ". (", "\n  "]
)
WRITTEN = st.lists(st.tuples(st.sampled_from(WORDS), JOINTS), max_size=10).map(
    lambda pairs: "".join(f"{word}{joint}" for word, joint in pairs)
)


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_sentences_end_where_they_should(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == expected


@given(TEXTS)
@settings(max_examples=examples(400), deadline=None)
def test_spans_are_ordered_trimmed_and_lose_only_space(text: str) -> None:
    at = 0
    for sentence in split_sentences(text):
        assert not text[at : sentence.start].strip()
        assert sentence.text == text[sentence.start : sentence.end] == sentence.text.strip() != ""
        at = sentence.end
    assert not text[at:].strip()


@pytest.mark.parametrize(("text", "expected"), [case for case in CASES if case[0] not in OUTSIDE])
def test_the_reference_knows_the_cases(text: str, expected: list[str]) -> None:
    assert reference.split(text) == expected


@given(WRITTEN)
@settings(max_examples=examples(400), deadline=None)
def test_agrees_with_the_reference(text: str) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == reference.split(text)
