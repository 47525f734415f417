"""Normalization: golden readings, laws on any string, and agreement with the reference."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.text.cleaner import clean_text
from kalakan.text.normalizer import normalize_text
from reference import normalizer as reference

GOLDEN = Path(__file__).parents[1] / "golden"
ALPHABET = set("abcdefghijklmnopqrstuvwxyzɛɔ' .,?!;:…\u0300\u0301\u0303\u0304")


OF_THE_REFERENCE = {
    *("ampm", "apos", "card", "cardinal", "citation", "clock", "date", "dec", "decimal", "dig", "frac"),
    *("neg",),
    *("negative", "ord", "ratio", "score", "twice", "week", "abbreviation", "br", "double", "doubled"),
    *("drawn",),
    *("duration", "hyph", "invisible", "model", "mojiG", "punct", "separator", "stammer", "tone"),
    *("bracket", "comparison", "range", "sum", "pct", "percent"),
}
"""Categories of `norm_more.tsv` that are read by the reference too, every line."""
OUTSIDE = {
    "N087": "an emoji before a mark; it has no table of symbols",
    "U107": "a unit of two units",
    "U108": "scientific notation",
}
SINCE = 142
"""From U142 on every line is read by the reference too, whatever its category."""


def golden(name: str) -> list[tuple[str, str, str]]:
    return [(row["id"], row["input"], row["expected"]) for row in rows(name)]


def rows(name: str) -> list[dict[str, str]]:
    with (GOLDEN / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def of_the_reference() -> list[tuple[str, str, str]]:
    def kept(row: dict[str, str]) -> bool:
        later = row["id"][0] == "U" and int(row["id"][1:]) >= SINCE
        return later or row["category"] in OF_THE_REFERENCE

    return [(row["id"], row["input"], row["expected"]) for row in rows("norm_more.tsv") if kept(row)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(text, expected, id=name)
        for name, text, expected in golden("norm.tsv") + golden("norm_more.tsv")
    ],
)
def test_golden_readings_hold(text: str, expected: str) -> None:
    assert normalize_text(text) == expected


@pytest.mark.parametrize(("name", "text", "expected"), golden("norm.tsv") + of_the_reference())
def test_reference_knows_the_golden_readings(name: str, text: str, expected: str) -> None:
    if name in OUTSIDE:
        pytest.skip(f"outside the domain of the reference: {OUTSIDE[name]}")
    assert reference.normalize(text) == expected


@given(st.text())
@settings(max_examples=examples(400), deadline=None)
def test_any_string_becomes_closed_and_stays_itself(text: str) -> None:
    once = normalize_text(text)
    assert set(unicodedata.normalize("NFD", once)) <= ALPHABET
    assert unicodedata.is_normalized("NFC", once)
    assert normalize_text(once) == once
    assert clean_text(once) == once


WORDS = [
    "me",
    "kɔ",
    "fie",
    "nnipa",
    "mmɔfra",
    "asuafoɔ",
    "ankaa",
    "n'adwuma",
    "wɔ",
    "hɔ",
    "na",
    "Kofi",
    "Ɔba",
    "ɛ́te",
    "pá!pá",
    "ɔbáꜜá",
    "kyerɛ",
    "no",
]
BROKEN = [
    "sÉ›n",
    "kÉ”",
    "εte",
    "כhene",
    "y3",
    "k)",
    "n’ani",
    "3y3",
    "Â½",
    "ntɛm-ntɛm",
    "me — wo",
    "ECG",
    "NPP",
    "YESU",
    "KOFI",
    "FEEL",
    "UK",
    "GES",
]
SHAPES = [
    *("Dr. Mensah", "Osei Tutu II", "nkwan etc. na", "Yohane 3:16-18", "16:9", "a & b", "0244123456"),
    *("1h 20m", "2h", "5min 30s", "GV 123-20", "*170#", "*#06#", "mfeɛ aduonu (20)", "fie (20)", "2020-12"),
    *("Kofi (me nua) baa", "(Kofi)", "Ama | Esi", "Ama \t Esi", "• Ankaa", "(NPP)", "Ama · Esi"),
    *("Mon.-Fri.", "Mon-Fri", "Tue.–Thu. nko ara", "Sat & Sun", "Mon/Wed/Fri", "Mon, Wed, Fri", "Mon to Fri"),
    *("Mon. ne Tue.", "Monday to Fri", "Tue. anɔpa", "Sun rose.", "Fri, 5 May 2024", "Mon 12/05/2024"),
    *("Sat.",),
    *("Jan.-Mar.", "Jan-Mar 2024", "May–June", "Jan ne May", "May 5", "Oct. 6, 1957", "25 Dec.", "Ɛbɔ 5"),
    *("03/2024", "12/2023", "13/2024", "5-8 March 2024", "6.3.1957", "Jan. 2024", "6th of Kɔtɔnima"),
    *("THU–SAT",),
    *("2³", "2³ + 3² = 17", "10⁶", "15²", "10¹²", "10⁻³", "2³/4", "5! = 120", "8 / 2", "10kg / 2"),
    *("9am / 5pm",),
    *("9am/5pm", "9 a.m. / 5 p.m.", "8 p.m.", "8:15 a.m. na", "<=3", "x<=5", ">=4", "< 5", "> 7", "<5"),
    *("(<18)",),
    *("<3 cedis", "<3 kg", "me <3 wo", "5 < 7", "n = 11", "5 + 3", "3FA", "2FA", "3GPP", "S3 wobɛba"),
    *("Y3 pɛ",),
    *("S3 bucket", "baako (1) ne mmienu (2)", "mpem du baako kilomita (11,000Km)", "du baako (11)"),
    *("nkron (9)",),
    *("aduonu baako (1)", "Ofa II", "Ɔfa III", "911 na wɔfrɛ", "112 na ɛsɛ sɛ wofrɛ", "ɔbaa/ɔbarima"),
    *("ɔha (100%)",),
    *("10%-15%", "5 - 8", "10 to 15", "5 x 3", "20m x 30m", "1957-60", "8 - 3 = 5", "x - 3 = 7"),
    *("2x + 3y = 12",),
    *("16 → 28", "8:00-10:00", "8am to 5pm", "Frɛ 112", "ɔha mu nkyekyɛmu 20%", "10–15%"),
    *("8:00 am - 10:00 am",),
    *("1/3 kg", "2 1/2 km", "3µg", "1/2%"),
    *("House No. 23", "5 ≠ 3", "8 = 8", "Dwoada-Fiada", "5µg", "10 000", "101 102 103"),
]


def amounts() -> st.SearchStrategy[str]:
    n = st.integers(0, 10**7)
    plain = n.map(str)
    grouped = st.integers(1000, 10**12).map(lambda v: f"{v:,}")
    decimal = st.tuples(st.integers(0, 999), st.integers(0, 9999)).map(lambda p: f"{p[0]}.{p[1]}")
    fraction = st.tuples(st.integers(1, 9), st.integers(2, 10)).filter(lambda p: p[0] < p[1])
    figure = st.one_of(plain, grouped, decimal)
    small = st.integers(0, 29).map(str)
    return st.one_of(
        figure,
        fraction.map(lambda p: f"{p[0]}/{p[1]}"),
        st.tuples(small, small).map("-".join),
        st.tuples(st.sampled_from(sorted(reference.CURRENCY)), figure).map("".join),
        st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda p: f"GH₵{p[0]}.{p[1]:02d}"),
        st.tuples(figure, st.sampled_from(sorted(reference.UNIT))).map("".join),
        st.tuples(st.integers(1, 29), st.sampled_from(["-", ""])).map(lambda p: f"{p[1]}{p[0]}°C"),
        st.tuples(st.integers(0, 24), st.integers(0, 59)).map(lambda p: f"{p[0]}:{p[1]:02d}"),
        st.tuples(st.integers(1, 12), st.sampled_from(["am", "pm", " am", " pm"])).map(
            lambda p: f"{p[0]}:15{p[1]}"
        ),
        st.tuples(st.integers(1, 12), st.sampled_from(["am", " pm"])).map(lambda p: f"{p[0]}{p[1]}"),
        st.dates().filter(lambda d: d.year > 999).map(lambda d: f"{d.day}/{d.month}/{d.year:04d}"),
        st.dates().filter(lambda d: d.year > 999).map(lambda d: d.isoformat()),
        st.integers(1, 28).map(lambda d: f"{d} March 1957"),
        st.integers(1, 99).map(lambda v: f"{v}th"),
        st.integers(1, 99).map(lambda v: f"${v}.5m"),
        st.integers(1, 99).map(lambda v: f"{v} cedis"),
        st.sampled_from(["½", "3½", "007", "1" * 17]),
    )


def sentences() -> st.SearchStrategy[str]:
    part = st.one_of(st.sampled_from(WORDS), st.sampled_from(BROKEN), st.sampled_from(SHAPES), amounts())
    joint = st.sampled_from([" na ", " kɔ ", ", ", ". ", "! ", "? ", "... ", "; ", ": ", " - na ", "?! "])
    pairs = st.lists(st.tuples(part, joint), min_size=1, max_size=8)
    return pairs.map(lambda items: "".join(f"{text}{mark}" for text, mark in items) + "na")


@given(sentences(), st.sampled_from(["asante", "akuapem"]), st.booleans(), st.booleans())
@settings(max_examples=examples(600), deadline=None)
def test_agrees_with_the_reference(text: str, variety: str, human: bool, clock_to_hour: bool) -> None:
    expected = reference.normalize(text, variety=variety, human=human, clock_to_hour=clock_to_hour)
    assert normalize_text(text, variety=variety, human=human, clock_to_hour=clock_to_hour) == expected


@given(st.integers(0, 10**15 - 1), st.sampled_from(["asante", "akuapem"]))
@settings(deadline=None)
def test_cardinals_agree_with_the_reference(n: int, variety: str) -> None:
    assume(n // 10**8 not in (2332, 2333, 2335))  # twelve digits that begin so are a telephone number
    assert normalize_text(f"ankaa {n}", variety=variety) == f"ankaa {reference.cardinal(n, variety)}"


def test_akuapem_has_its_own_number_words() -> None:
    assert normalize_text("ankaa 2", variety="akuapem") == "ankaa abien"
    assert normalize_text("ankaa 12", variety="akuapem") == "ankaa dumien"
    assert normalize_text("ankaa 300", variety="akuapem") == "ankaa ahaasa"


def test_people_are_counted_plainly_on_request() -> None:
    assert normalize_text("nnipa 2", human=False) == "nnipa mmienu"


def test_minutes_to_the_coming_hour_on_request() -> None:
    assert normalize_text("3:45", clock_to_hour=True) == "aka simma dunum na abɔ nnɔn nan"
    assert normalize_text("12:50", clock_to_hour=True) == "aka simma du na abɔ dɔnko"


def test_chat_letters_follow_the_option() -> None:
    assert normalize_text("s3n w0", chat="narrow") == "sɛn dabuliu hwee"
    assert normalize_text("w0 k)", chat="wide") == "wɔ kɔ"
    assert normalize_text("k)", chat="off") == "kee"
