"""Readings of `say-as`: rewrites content so that the front end reads it as requested.

Numbers stay numbers if the front end reads them correctly in any context; letters and single digits become the front
end's words for them. The kinds are those of the W3C note "SSML 1.0 say-as attribute values" (2005)
and of common use.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable

import kalakan._rust as _rust
from kalakan.errors import MarkupError
from kalakan.text.normalizer import normalize_text

LETTERS = dict(_rust.letter_names())
"""Names of the letters, as the front end reads initials."""
SIGNS = dict(_rust.sign_names())
"""Names of the signs, as the front end reads them in addresses and codes."""
CURRENCIES = tuple(sign for sign, _ in _rust.currency_signs())
"""Currency codes and signs that the front end reads, longest first."""
DATE_FORMATS = ("dmy", "mdy", "ymd")
TIME_FORMATS = ("hms12", "hms24")
_DASHES = "-–—"
Spelled = list[tuple[str, int]]
"""The reading in pieces, and the character of the content that each piece stands for."""

_WHOLE = r"\d{1,3}(?:,\d{3})+|\d+"
_CARDINAL = re.compile(rf"([+-]?)({_WHOLE})(\.\d+)?", re.ASCII)
_FRACTION = re.compile(r"\d{1,6}/[1-9]\d{0,5}", re.ASCII)
_ORDINAL = re.compile(rf"({_WHOLE})(?:st|nd|rd|th)?", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})", re.ASCII)
_TIME = re.compile(r"(\d{1,2})(?::(\d\d)(?::(\d\d))?)? ?([ap])?(?:\.?m\.?)?", re.ASCII | re.IGNORECASE)
_LENGTH = re.compile(r"(?:(?P<h>\d{1,3}):(?=\d\d:))?(?P<m>\d{1,3}):(?P<s>\d\d)", re.ASCII)
_PARTS = re.compile(
    r"(?:PT)?(?:(?P<h>\d{1,4}) ?h(?:rs?)?)? ?(?:(?P<m>\d{1,4}) ?m(?:ins?)?)? ?(?:(?P<s>\d{1,4}) ?s(?:ecs?)?)?",
    re.ASCII | re.IGNORECASE,
)
_PHONE = re.compile(r"\+?[\d ().-]+", re.ASCII)
_TYPED = str.maketrans(dict(_rust.currency_look_alikes()))
"""Characters typed instead of a currency sign."""
_BEFORE = "|".join(re.escape(sign) for sign, after_only in _rust.currency_signs() if not after_only)
_AFTER = "|".join(map(re.escape, CURRENCIES))
_CURRENCY = re.compile(
    rf"(?:(?P<before>{_BEFORE}) ?(?P<n>{_WHOLE})(?P<f>\.\d+)?|(?P<m>{_WHOLE})(?P<g>\.\d+)? ?(?P<after>{_AFTER}))",
    re.ASCII | re.I,
)
_PESEWAS = {"p": "GP"}
"""The sign before a number that replaces one used only after it."""
_LARGEST = 10**15
"""The front end has no words for longer numbers and reads them digit by digit."""


def spell(content: str, say_digit: Callable[[str], str]) -> Spelled:
    """Each letter and sign by its name, each digit by its word, white space and hyphens as short pauses.

    A hyphen on its own is also read by its name.
    """
    alone = not any(map(str.isalnum, content))
    pieces: Spelled = []
    for place, character in enumerate(content):
        if character.isspace() or (character in _DASHES and not alone):
            _pause(pieces)
        elif not unicodedata.combining(character):
            pieces.append((_name(character, say_digit), place))
    if not pieces:
        raise _unfit(content, "characters", "give letters, digits or signs")
    return pieces


def digits(content: str, say_digit: Callable[[str], str]) -> Spelled:
    """Digits one by one; white space, hyphens and dots between them as short pauses."""
    if not re.fullmatch(r"\d(?:[\d .,-]*\d)?", content, re.ASCII):
        raise _unfit(content, "digits", "give digits, such as 2026")
    return _groups(re.finditer(r"\d+", content), say_digit)


def telephone(content: str, say_digit: Callable[[str], str]) -> Spelled:
    """Digits one by one in the groups they are written in; ten that are not grouped as 024 412 3456."""
    count = sum(map(str.isdigit, content))
    if not _PHONE.fullmatch(content) or not 3 <= count <= 15:
        raise _unfit(content, "a telephone number", "give 3 to 15 digits, such as 024 412 3456")
    plus: Spelled = [(SIGNS["+"], 0)] if content[0] == "+" else []
    is_plain = count == len(content) == 10
    groups = r"^\d{3}|\d{3}(?=\d{4}$)|\d{4}$" if is_plain else r"\d+"
    return plus + _groups(re.finditer(groups, content), say_digit)


def cardinal(content: str) -> str:
    """A whole number, a decimal or a fraction."""
    if _FRACTION.fullmatch(content):
        return content
    found = _CARDINAL.fullmatch(content)
    if not found:
        raise _unfit(content, "a number", "give figures, such as 1,250 or -3.5 or 3/4")
    sign = "-" if found[1] == "-" else ""
    return f"{sign}{_figures(found[2])}{found[3] or ''}"


def ordinal(content: str) -> str:
    """A rank: 3 as "a ɛtɔ so mmiɛnsa"."""
    found = _ORDINAL.fullmatch(content)
    if not found:
        raise _unfit(content, "a rank", "give a whole number, such as 3 or 3rd")
    figures = _figures(found[1])
    tens = figures[-2:-1] == "1"
    suffix = "th" if tens else {"1": "st", "2": "nd", "3": "rd"}.get(figures[-1], "th")
    return figures + suffix


def date(content: str, order: str | None) -> str:
    """A day: `order` is "dmy", "mdy" or "ymd"; by default "ymd" if a year comes first, else "dmy"."""
    found = _DATE.fullmatch(content)
    if order is not None and order not in DATE_FORMATS:
        raise MarkupError(f"format is {order[:40]!r}; a date has {', '.join(DATE_FORMATS)}")
    if not found:
        raise _unfit(content, "a date", "give day, month and year in figures, such as 6/3/1957")
    order = order or ("ymd" if len(found[1]) == 4 else "dmy")
    parts = dict(zip(order, found.group(1, 3, 4), strict=True))
    if len(parts["y"]) != 4:
        raise _unfit(content, f"a date in the order {order}", "write the year with four figures")
    try:
        return datetime.date(*(int(parts[key]) for key in "ymd")).isoformat()
    except ValueError:
        raise _unfit(content, f"a date in the order {order}", "there is no such day") from None


def time(content: str, form: str | None) -> str:
    """A time of day: "3:45", "15:45:10", "3:45 pm"; `form` is "hms12" or "hms24"."""
    if form is not None and form not in TIME_FORMATS:
        raise MarkupError(f"format is {form[:40]!r}; a time has {' or '.join(TIME_FORMATS)}")
    found = _TIME.fullmatch(content)
    half = found[4].lower() if found and found[4] else ""
    if not found or not (found[2] or half):
        raise _unfit(content, "a time", "give hours and minutes, such as 15:45 or 3:45 pm")
    is_twelve = bool(half) or form == "hms12"
    hours, minutes, seconds = (int(found[k] or 0) for k in (1, 2, 3))
    fits = 1 <= hours <= 12 if is_twelve else hours < 24
    if not fits or minutes > 59 or seconds > 59 or (half and form == "hms24"):
        raise _unfit(content, f"a time on a {12 if is_twelve else 24}-hour clock", "there is no such time")
    clock = f"{hours}:{minutes:02}" + (f":{seconds:02}" if found[3] else "")
    return clock + (f" {half}m" if half else "")


def duration(content: str) -> str:
    """A length of time: "0:45", "1:02:30", "1h 20m", "PT1H20M"."""
    found = _LENGTH.fullmatch(content) or _PARTS.fullmatch(content)
    numbers = {key: int(value) for key, value in found.groupdict().items() if value} if found else {}
    if not numbers:
        raise _unfit(
            content, "a length of time", "give minutes and seconds, such as 0:45, or parts, such as 1h 20m"
        )
    if max(numbers.get("m", 0), numbers.get("s", 0)) > 59 and len(numbers) > 1:
        raise _unfit(content, "a length of time", "a part after the first is less than 60")
    names = {"h": "h", "m": "min", "s": "sec"}
    said = [f"{number} {names[key]}" for key, number in numbers.items() if number]
    return " ".join(said) or "0 sec"


def currency(content: str) -> str:
    """Money: a sign or code before or after the amount."""
    found = _CURRENCY.fullmatch(content.translate(_TYPED))
    if not found:
        raise _unfit(
            content, "money", f"give an amount with one of {' '.join(CURRENCIES)}, such as GHS 25.50"
        )
    _figures(found["n"] or found["m"])
    # A sign directly next to a number is always a currency sign; "GH 20" could also be Ghana and a number.
    sign = found["before"] or _PESEWAS.get(found["after"].lower(), found["after"])
    return f"{sign}{found['n'] or found['m']}{found['f'] or found['g'] or ''}"


AS_WHOLE: dict[str, Callable[[str], str]] = {
    "cardinal": cardinal,
    "number": cardinal,
    "ordinal": ordinal,
    "currency": currency,
    "duration": duration,
}
"""Kinds whose content becomes one text."""
WITH_FORMAT: dict[str, Callable[[str, str | None], str]] = {"date": date, "time": time}
"""Kinds that take a `format`."""
PIECEWISE: dict[str, Callable[[str, Callable[[str], str]], Spelled]] = {
    "characters": spell,
    "spell-out": spell,
    "verbatim": spell,
    "digits": digits,
    "telephone": telephone,
}
"""Kinds that are read piece by piece, with a place for each piece; the second argument maps a digit to its word."""
KINDS = (*PIECEWISE, *AS_WHOLE, *WITH_FORMAT)
"""Values of `interpret-as`."""


def _name(character: str, say_digit: Callable[[str], str]) -> str:
    """The name of a letter, digit or sign."""
    base = unicodedata.normalize("NFD", character)[0].lower()
    if base.isascii() and base.isdigit():
        return say_digit(base)
    base = "-" if base in _DASHES else base
    # Signs of money and arithmetic have the front-end's word.
    name = LETTERS.get(base) or SIGNS.get(base) or normalize_text(base)
    if not name:
        raise MarkupError(
            f"{character!r} (U+{ord(character):04X}) has no name to spell it with; leave it out"
        )
    return name


def _groups(groups: Iterable[re.Match[str]], say_digit: Callable[[str], str]) -> Spelled:
    pieces: Spelled = []
    for group in groups:
        _pause(pieces)
        pieces += [(say_digit(digit), group.start() + k) for k, digit in enumerate(group[0])]
    return pieces


def _pause(pieces: Spelled) -> None:
    """Ends the last piece with a comma, if there is one."""
    if pieces and not pieces[-1][0].endswith(","):
        said, place = pieces[-1]
        pieces[-1] = (said + ",", place)


def _figures(written: str) -> str:
    """The figures of a whole number without commas and leading zeros, which would make it a telephone number."""
    figures = written.replace(",", "").lstrip("0") or "0"
    if len(figures) > len(str(_LARGEST - 1)):
        raise MarkupError(
            f"{written[:40]!r} has {len(figures)} figures; at most 15 have words: say it as digits"
        )
    return figures


def _unfit(content: str, what: str, advice: str) -> MarkupError:
    return MarkupError(f"{content[:40]!r} cannot be said as {what}; {advice}")
