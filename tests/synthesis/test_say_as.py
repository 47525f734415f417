"""`say-as`: what the front-end reads of each kind, wherever it stands, and what cannot be said."""

from __future__ import annotations

import datetime
import re
import string
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalakan.errors import MarkupError
from kalakan.synthesis.markup import read_ssml
from kalakan.synthesis.markup.say_as import KINDS, LETTERS, SIGNS
from kalakan.synthesis.script import Text
from kalakan.text.normalizer import normalize_text

NUMBERS = ["hwee", "baako", "mmienu", "mmiɛnsa", "ɛnan", "enum", "nsia", "nson", "nwɔtwe", "nkron"]


def written(kind: str, content: str, form: str = "") -> str:
    form = f'format="{form}"' if form else ""
    parts = read_ssml(f'<speak><say-as interpret-as="{kind}" {form}>{content}</say-as></speak>', strict=True)
    return "".join(part.text for part in parts if isinstance(part, Text))


def spoken(kind: str, content: str, form: str = "") -> str:
    """What the front-end makes of it; the same words where words stand around it."""
    text = written(kind, content, form)
    alone = normalize_text(text)
    if kind in ("characters", "digits", "telephone"):
        assert normalize_text(f"wɔ afe {text} no mu") == f"wɔ afe {alone} no mu"
    return alone


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("characters", "GBC", "gyii bii sii"),
        ("spell-out", "Ɛkɔ", "ɛ kee ɔ"),
        ("verbatim", "a@b.gh", "ee at bii dɔt gyii ɛɛkye"),
        ("characters", "GA-183 x", "gyii ee, baako nwɔtwe mmiɛnsa, ɛks"),
        ("characters", "é", "ii"),
        ("digits", "2026", "mmienu hwee mmienu nsia"),
        ("duration", "0:45", "sɛkɛnd aduanan num"),
        ("duration", "1:02:30", "dɔnhwere baako simma mmienu sɛkɛnd aduasa"),
        ("duration", "1h 20m", "dɔnhwere baako simma aduonu"),
        ("duration", "PT5M", "simma num"),
        ("duration", "0:00", "sɛkɛnd hwee"),
        ("digits", "0244123456", "hwee mmienu ɛnan ɛnan baako mmienu mmiɛnsa ɛnan enum nsia"),
        ("digits", "10-20", "baako hwee, mmienu hwee"),
        ("telephone", "0244123456", "hwee mmienu ɛnan, ɛnan baako mmienu, mmiɛnsa ɛnan enum nsia"),
        ("telephone", "112", "baako baako mmienu"),
        ("telephone", "(030) 27-15", "hwee mmiɛnsa hwee, mmienu nson, baako enum"),
        ("telephone", "+233 24", "plɔs mmienu mmiɛnsa mmiɛnsa, mmienu ɛnan"),
        ("cardinal", "0244", "ahanu ne aduanan nan"),
        ("cardinal", "0244123456", "ɔpepem ahanu ne aduanan nan mpem ɔha"),
        ("number", "-3.5", "maenɔs mmiɛnsa akyiri pɔ num"),
        ("number", "+1,250", "apem ahanu ne aduonum"),
        ("number", "3/4", "nkyɛmu nan mu mmiɛnsa"),
        ("ordinal", "1", "a ɛdi kan"),
        ("ordinal", "12", "a ɛtɔ so dummienu"),
        ("ordinal", "23rd", "a ɛtɔ so aduonu mmiɛnsa"),
        ("currency", "GHS 25.50", "sidi aduonu num ne pɛsewa aduonum"),
        ("currency", "20 usd", "dɔla aduonu"),
        ("time", "15:45", "awia nnɔn mmiɛnsa apa ho simma aduanan num"),
        ("time", "3 p.m.", "awia nnɔn mmiɛnsa"),
        ("time", "0:30:10", "anadwo nnɔn dummienu ne fa ne sɛkɛnd du"),
    ],
)
def test_readings(kind: str, content: str, expected: str) -> None:
    assert spoken(kind, content).startswith(expected)


@pytest.mark.parametrize(
    ("content", "form"),
    [("6/3/1957", ""), ("06-03-1957", "dmy"), ("3.6.1957", "mdy"), ("1957-03-06", ""), ("1957/3/6", "ymd")],
)
def test_dates_of_every_order_are_the_same_day(content: str, form: str) -> None:
    expected = "ɔbɛnem da a ɛtɔ so nsia, afe apem ahankron ne aduonum nson"
    assert spoken("date", content, form) == expected


@given(st.dates(datetime.date(1000, 1, 1)), st.sampled_from(["dmy", "mdy", "ymd"]), st.sampled_from("-/. "))
def test_every_day_is_read_in_every_order(day: datetime.date, order: str, separator: str) -> None:
    parts = {"d": day.day, "m": day.month, "y": day.year}
    content = separator.join(str(parts[key]) for key in order)
    assert written("date", content, order) == day.isoformat()
    assert " da a ɛ" in normalize_text(day.isoformat())


@given(st.text("0123456789", min_size=1, max_size=40))
def test_every_digit_is_said_wherever_it_stands(content: str) -> None:
    assert spoken("digits", content) == " ".join(NUMBERS[int(digit)] for digit in content)
    assert spoken("characters", content) == spoken("digits", content)


@given(st.from_regex(r"\+?\d{1,3}([ .-]\d{1,4}){1,3}", fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_every_digit_of_a_telephone_number_is_said(content: str) -> None:
    digits = [NUMBERS[int(digit)] for digit in re.sub(r"\D", "", content)]
    if len(digits) > 2:
        said = spoken("telephone", content).replace(",", "").split()
        assert said == ["plɔs"] * content.startswith("+") + digits


@given(st.integers(0, 10**15 - 1))
def test_every_number_is_said_as_a_number(number: int) -> None:
    assert spoken("cardinal", f"{number:015,}") == normalize_text(str(number))
    if number > 1:
        assert spoken("ordinal", str(number)).startswith("a ɛtɔ so ")


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_every_time_is_read_on_the_clock(hour: int, minute: int, second: int) -> None:
    for content in (f"{hour}:{minute:02}", f"{hour:02}:{minute:02}:{second:02}"):
        assert re.search("nnɔn|dɔnko", spoken("time", content, "hms24"))
    assert re.search("nnɔn|dɔnko", spoken("time", f"{hour % 12 + 1}:{minute:02} PM", "hms12"))


def test_letters_have_the_names_of_the_front_end() -> None:
    for letter in string.ascii_lowercase:
        assert (
            spoken("characters", letter)
            == LETTERS[letter]
            == normalize_text(f"Q{letter}X".upper()).split()[1]
        )
    assert normalize_text("a@b.com").split()[1:4] == [SIGNS["@"], "bii", SIGNS["."]]
    assert normalize_text("www.b.com/d_e").split()[-4:] == [SIGNS["/"], "dii", SIGNS["_"], "ii"]
    assert normalize_text("+5").startswith(SIGNS["+"])
    assert spoken("characters", "*170#") == normalize_text("*170#")
    for sign, name in SIGNS.items():
        assert spoken("characters", escape(sign)) == name
    for dash in ("–", "—", "--"):
        assert spoken("characters", dash) == " ".join([SIGNS["-"]] * len(dash))
    assert spoken("characters", "ŋ") == LETTERS["n"]


def test_each_piece_stands_where_it_is_written() -> None:
    raw = '<speak><say-as interpret-as="characters"> a-4B </say-as></speak>'
    (part,) = read_ssml(raw)
    assert isinstance(part, Text)
    at = raw.index("a-4B")
    assert part.text == "ee, ɛnan bii"
    assert list(part.places) == [at] * 3 + [at + 2] * 5 + [at + 3] * 4
    assert (part.end, part.language) == (at + 4, "tw")


def test_english_digits_are_left_to_the_english_reader() -> None:
    raw = '<speak xml:lang="en"><say-as interpret-as="characters">A12</say-as></speak>'
    parts = [(part.text, part.language) for part in read_ssml(raw) if isinstance(part, Text)]
    assert parts == [("ee ", "tw"), ("1 2", "en")]


def test_digits_follow_the_variety() -> None:
    raw = '<speak><say-as interpret-as="digits">23</say-as></speak>'
    assert read_ssml(raw, variety="akuapem")[0].text == "abien abiɛsa"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "content", "form", "expected"),
    [
        ("address", "a", "", f"interpret-as is 'address'; use {', '.join(KINDS)}"),
        ("digits", " ", "", "it is empty; give what is to be said as digits"),
        ("digits", "2a", "", "'2a' cannot be said as digits; give digits, such as 2026"),
        ("digits", "٣", "", "cannot be said as digits"),
        ("digits", "2", "dmy", "digits takes no format; date and time do"),
        ("characters", "a→", "", "'→' (U+2192) has no name to spell it with"),
        ("telephone", "12", "", "give 3 to 15 digits"),
        ("telephone", "1-800-FLOWERS", "", "give 3 to 15 digits"),
        ("cardinal", "five", "", "'five' cannot be said as a number"),
        ("cardinal", "1,00", "", "cannot be said as a number"),
        ("cardinal", "1" * 16, "", "has 16 figures; at most 15 have words: say it as digits"),
        ("ordinal", "1.5", "", "cannot be said as a rank"),
        ("date", "2026-02-29", "", "there is no such day"),
        ("date", "1/2/26", "", "write the year with four figures"),
        ("date", "22 November 2026", "", "give day, month and year in figures"),
        ("date", "1/2/2026", "my", "format is 'my'; a date has dmy, mdy, ymd"),
        ("time", "25:00", "", "there is no such time"),
        ("time", "15:45 pm", "", "a time on a 12-hour clock; there is no such time"),
        ("time", "3:45 pm", "hms24", "there is no such time"),
        ("time", "15", "", "give hours and minutes"),
        ("time", "1:00", "hm", "format is 'hm'; a time has hms12 or hms24"),
        ("duration", "45", "", "cannot be said as a length of time"),
        ("duration", "1:75", "", "a part after the first is less than 60"),
        ("currency", "25", "", "give an amount with one of USD$ FCFA GH₵"),
        ("currency", "XYZ 25", "", "cannot be said as money"),
    ],
)
def test_what_cannot_be_said(kind: str, content: str, form: str, expected: str) -> None:
    with pytest.raises(MarkupError, match=r"line 1, column 8: <say-as>: ") as caught:
        written(kind, content, form)
    assert expected in str(caught.value)
