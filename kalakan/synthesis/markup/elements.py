"""The table of SSML elements, with attributes, effects, and alternatives to unsupported elements.

| element | attributes | effect |
|---|---|---|
| `speak` | version, xml:lang, tones | the root; with "tw", the front end detects the language of each word |
| `p`, `s` | xml:lang, tones | ends a sentence before and after it, `p` with `paragraph_pause` |
| `break` | time (at most 10 s), strength | silence; the time takes precedence over the strength; "none" is no break |
| `prosody` | rate, pitch, range, volume | changes tempo, pitch and volume; see `kalakan.synthesis.markup.prosody` |
| `emphasis` | level | a little louder and higher, or softer and lower |
| `sub` | alias | reads the alias in place of the content |
| `phoneme` | ph, alphabet | sets the phonemes; see `kalakan.synthesis.markup.phonemes` |
| `say-as` | interpret-as, format | reads the content as a kind; see `kalakan.synthesis.markup.say_as` |
| `lang` | xml:lang, tones | "tw" (or "ak") and "en" |
| `voice` | name | another speaker of the voice |
| `metadata`, `meta` | any | skipped with their content, which describes the document (SSML 1.1, section 3.1.6) |

`tones` is an attribute of the namespace `EXTENSION`, as SSML has for extensions: "predicted" or
"written" tones of words without tone marks, as in `<s xmlns:k="urn:kalakan" k:tones="written">`.

SSML 1.1 requires some faulty documents to be rendered anyway. They are, with a `MarkupWarning`: content that does not
match its `interpret-as`, unknown or out-of-range values, and unsupported attributes. Without a warning, `mark` has no
effect, `token` and `w` are rendered as their content, and `audio` as its fallback content; `desc`, `lexicon` and
`lookup` are skipped. In strict mode all of these are errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from kalakan.errors import MarkupError
from kalakan.synthesis.markup.builder import Settings
from kalakan.synthesis.markup.prosody import (
    with_emphasis,
    with_pitch,
    with_range,
    with_rate,
    with_volume,
)
from kalakan.synthesis.options import CONTROLS

XML_LANG = "xml:lang"
EXTENSION = "urn:kalakan"
"""Namespace of Kalakan's own attributes."""
TONES = "kalakan:tones"
"""Name of the attribute `tones` of that namespace, whatever its prefix in the document."""
IGNORED_ATTRIBUTES = frozenset(("xml:base", "xml:id", "xml:space"))
"""Attributes unrelated to speech; XML Schema instance attributes are ignored as well."""
LANGUAGES = {"tw": "tw", "twi": "tw", "ak": "tw", "aka": "tw", "en": "en", "eng": "en"}
"""Primary subtag of a language tag, and the language it selects."""
STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.0}
"""Seconds of a break without a time."""
LONGEST_BREAK_S = 10.0
_TIME = re.compile(r"\+?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(ms|s)", re.ASCII)

Attributes = Mapping[str, str]
Apply = Callable[[Settings, Attributes], Settings]


@dataclass(frozen=True)
class Element:
    """One element of the table."""

    attributes: tuple[str, ...] = ()
    """Supported attributes."""
    required: tuple[str, ...] = ()
    """Required attributes."""
    holds: str = "any"
    """ "any" text and elements, "text" only, or "nothing"."""
    apply: Apply = lambda settings, _: settings
    """Settings of its content."""
    is_sentence: bool = False
    """Ends a sentence before and after it."""
    is_paragraph: bool = False
    """That sentence ends a paragraph too."""


def language(tag: str) -> str:
    """ "tw" or "en" for a language tag such as "ak-GH"; raises `MarkupError` for other languages."""
    first = re.split("[-_]", tag.strip().lower())[0]
    if first not in LANGUAGES:
        raise MarkupError(f"xml:lang is {tag[:40]!r}; this voice reads tw (or ak) and en")
    return LANGUAGES[first]


def break_seconds(attributes: Attributes) -> float:
    """Length of a break, 0 for none."""
    strength = attributes.get("strength", "medium")
    if strength not in STRENGTHS:
        raise MarkupError(f"strength is {strength[:40]!r}; use {', '.join(STRENGTHS)}")
    time = attributes.get("time")
    if time is None:
        return STRENGTHS[strength]
    found = _TIME.fullmatch(time.strip())
    if not found:
        raise MarkupError(f"time is {time[:40]!r}; give seconds or milliseconds, such as 1.5s or 500ms")
    seconds = float(found[1]) / (1000.0 if found[2] == "ms" else 1.0)
    if seconds > LONGEST_BREAK_S:
        raise MarkupError(
            f"time is {time[:40]!r}; a break lasts at most {LONGEST_BREAK_S:g} s: write several"
        )
    return seconds


def _in_language(settings: Settings, attributes: Attributes) -> Settings:
    return replace(settings, language=language(attributes[XML_LANG])) if XML_LANG in attributes else settings


def _read(settings: Settings, attributes: Attributes) -> Settings:
    """The language and the tones of a stretch."""
    settings = _in_language(settings, attributes)
    if TONES not in attributes:
        return settings
    tones = attributes[TONES].strip()
    choices = CONTROLS["tones"].choices
    if tones not in choices:
        raise MarkupError(f"{TONES} is {tones[:40]!r}; use {' or '.join(choices)}")
    return replace(settings, tones=tones)


def _root(settings: Settings, attributes: Attributes) -> Settings:
    version = attributes.get("version", "1.1")
    if version not in ("1.0", "1.1"):
        raise MarkupError(f"version is {version[:40]!r}; SSML 1.0 and 1.1 are read")
    inside = _read(settings, attributes)
    # Twi is the default: set for the whole document, it does not turn off the detection of English words.
    return replace(inside, language=settings.language) if inside.language == "tw" else inside


_CHANGES = {"rate": with_rate, "pitch": with_pitch, "range": with_range, "volume": with_volume}


def _prosody(settings: Settings, attributes: Attributes) -> Settings:
    prosody = settings.prosody
    if not attributes:
        raise MarkupError("it has no attribute; give rate, pitch, range or volume")
    for name, change in _CHANGES.items():
        if name in attributes:
            prosody = change(prosody, attributes[name].strip())
    return replace(settings, prosody=prosody)


def _emphasis(settings: Settings, attributes: Attributes) -> Settings:
    return replace(settings, prosody=with_emphasis(settings.prosody, attributes.get("level", "moderate")))


def _voice(settings: Settings, attributes: Attributes) -> Settings:
    return replace(settings, prosody=replace(settings.prosody, speaker=attributes["name"].strip()))


_SENTENCE = Element((XML_LANG, TONES), apply=_read, is_sentence=True)
ELEMENTS: dict[str, Element] = {
    "speak": Element(("version", XML_LANG, TONES), apply=_root),
    "p": replace(_SENTENCE, is_paragraph=True),
    "s": _SENTENCE,
    "break": Element(("time", "strength"), holds="nothing"),
    "prosody": Element(tuple(_CHANGES), apply=_prosody),
    "emphasis": Element(("level",), apply=_emphasis),
    "sub": Element(("alias",), ("alias",), holds="text"),
    "phoneme": Element(("ph", "alphabet"), ("ph",), holds="text"),
    "say-as": Element(("interpret-as", "format"), ("interpret-as",), holds="text"),
    "lang": Element((XML_LANG, TONES), (XML_LANG,), apply=_read),
    "voice": Element(("name",), ("name",), apply=_voice),
}
"""Every supported element."""
SKIPPED = frozenset(("metadata", "meta"))
"""Elements that describe the document and are not spoken."""
RENDERED: dict[str, Element] = {
    "mark": Element(("name",), holds="nothing"),
    "token": Element(("role", "onlangfailure", XML_LANG), apply=_in_language),
    "w": Element(("role", "onlangfailure", XML_LANG), apply=_in_language),
    "audio": Element(
        (
            *("src", "fetchtimeout", "fetchhint", "maxage", "maxstale", "clipBegin", "clipEnd"),
            *("repeatCount", "repeatDur", "soundLevel", "speed"),
        )
    ),
    "lookup": Element(("ref",)),
}
"""Elements that are rendered outside of strict mode."""
UNHEARD = SKIPPED | {"desc", "lexicon"}
"""Elements that are skipped outside of strict mode."""
SILENT_ATTRIBUTES = frozenset(
    (
        *("onlangfailure", "onvoicefailure", "contour", "duration", "detail", "role", "required"),
        *("ordering", "gender", "age", "variant", "languages", "startmark", "endmark", "type"),
    )
)
"""Attributes of SSML 1.1 without effect here, silently ignored outside of strict mode."""
INSTEAD = {
    "audio": "join the audio after synthesis",
    "mark": "take times from the timing of the words",
    "lexicon": "give the synthesizer a lexicon",
    "lookup": "give the synthesizer a lexicon",
    "token": "write its content alone",
    "w": "write its content alone",
    "desc": "leave it out",
}
"""Unsupported SSML elements, and their alternatives."""


def check(name: str, element: Element, attributes: Attributes) -> None:
    """Raises `MarkupError` for an unsupported or a missing attribute."""
    for attribute in attributes:
        if attribute not in element.attributes:
            known = ", ".join(element.attributes)
            raise MarkupError(f"it has no attribute {attribute[:40]!r} here; it takes {known}")
    for attribute in element.required:
        if not attributes.get(attribute, "").strip():
            raise MarkupError(f"it needs the attribute {attribute!r}")
