"""Grapheme-to-phoneme conversion for Twi."""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import kalakan._rust as _rust
from kalakan.errors import TextError
from kalakan.text.english import english_source, english_version
from kalakan.text.lexicon import read_lexicon

__all__ = ["CacheInfo", "Reading", "ToneDecision", "TwiG2P", "WordSpan", "check_plain", "is_foreign"]

_BEGINNINGS = {
    "{\\rtf": "RTF",
    "%PDF-": "PDF",
    "PK\x03\x04": "a packed document, as DOCX, ODT and EPUB are",
}
"""First characters of files that are not plain text and would be read aloud as noise."""


@dataclass(frozen=True)
class CacheInfo:
    """Counters of a word cache."""

    hits: int
    """Number of words found in the cache."""
    misses: int
    """Number of words that the rules had to read."""
    size: int
    """Number of words in the cache."""
    capacity: int
    """Maximum number of words in the cache; 0 turns it off."""


class WordSpan(NamedTuple):
    """A word as written, or several words that are read together ("GHS 25.50"), and their ids."""

    start: int
    """First code point in the text."""
    end: int
    """Code point after the last."""
    first: int
    """First id."""
    last: int
    """Id after the last; equal to `first` for text without a sound, such as an emoji or a dash."""


@dataclass(frozen=True)
class Reading:
    """The reading of a text."""

    ids: list[int]
    """Phoneme ids, as `TwiG2P.text_to_phoneme_sequence` returns them."""
    words: list[WordSpan]
    """Spans in the order of the text and of the ids. Every code point except white space lies in exactly one span; ids
    outside all spans are word boundaries and pauses."""


class ToneDecision(NamedTuple):
    """A word and the decision on its tones."""

    word: str
    """The word, normalized."""
    form: str
    """The word with its tone marks; unchanged if nothing was decided."""
    rule: str
    """Names of the rules applied, joined by `+`; "written" for marks in the text, empty if no rule applied."""
    confidence: str
    """"sure", "likely" or "guess", from the least certain rule; empty if nothing was decided."""
    source: str
    """Source of the tones of the word or its stem, as a key of `rust/kalakan-text/data/TONES.md`."""


class TwiG2P:
    """Reads Twi text as phoneme ids of `kalakan.text.phonemes`.

    Any `str` has a reading. Thread-safe (the GIL is released while reading), can be pickled, and works in a forked
    child. Pickles and forks keep the settings, but not the cache and its counters.
    """

    def __init__(
        self,
        variety: str = "asante",
        *,
        lexicon: Mapping[str, str] | str | Path | None = None,
        english: str | bool = "auto",
        tone: str = "full",
        tones: str = "written",
        cache_size: int = 8192,
        normalize: bool = True,
        human: bool = True,
        chat: str = "narrow",
        clock_to_hour: bool = False,
    ) -> None:
        """Builds a reader.

        Args:
            variety: Variety of the number words: "asante" or "akuapem". lexicon: Readings that take precedence over all
            rules: word to units ({"kojo": "k o dʑ o"}) or to `=` and a respelling in
                Twi letters ({"wifi": "=waifai"}); or the path of a UTF-8 file of lines `word<TAB>reading`.
            english: Whether to use the lexicon of the package ghana-english-g2p, which has more English words than the
                built-in ones: "auto" uses it if it is installed, True requires it, False never uses it. It is loaded at
                the first word that needs it; words on no list are read by letter rules. A word is English if its
                spelling cannot be Twi (`is_foreign`), if it is one that only looks Twi ("time", "operation"), if it is
                a word of both languages ("team") beside an English word, or a short one ("to") between two. A word with
                ɛ or ɔ is never English, nor is an Akan name in its English spelling: Asamoah is always read as Asamoa.
            tone: How written tone marks are read: "full" (a bare syllable is undetermined) or "economic" (bare before
                the first mark is low, bare after a mark is as that mark). A word without marks gets no tone units.
            tones: "predicted" adds tones to Twi words without marks, from published tones of words and from rules
                (`explain_tones` shows them); "written" reads only marked tones. Marked words never change, and words
                without evidence, such as foreign words, get no tones.
            cache_size: Maximum number of words in the cache; 0 turns it off.
            normalize: Whether to run `normalize_text` first. Turn it off only for text that is already normalized.
            human: As in `normalize_text`.
            chat: As in `normalize_text`.
            clock_to_hour: As in `normalize_text`.

        Raises:
            ConfigError: An option has an unknown value.
            MissingDependencyError: `english` is True and ghana-english-g2p is not installed.
            TextError: A lexicon line or entry is invalid; the message names it.
            UnknownPhonemeError: A lexicon uses a symbol outside the table.
        """
        self._settings: dict[str, Any] = {
            "text": {"variety": variety, "human": human, "chat": chat, "clock_to_hour": clock_to_hour},
            "g2p": {
                "lexicon": read_lexicon(lexicon),
                "english": english,
                "tone": tone,
                "tones": tones,
                "cache_size": cache_size,
                "normalize": normalize,
            },
        }
        self._build()

    def _build(self) -> None:
        g2p = {**self._settings["g2p"], "english": english_source(self._settings["g2p"]["english"])}
        self._core = _rust.G2p(_rust.TextOptions(**self._settings["text"]), **g2p)
        _forked.track(self)

    @property
    def variety(self) -> str:
        """The variety of Twi for number words: "asante" or "akuapem"."""
        return str(self._settings["text"]["variety"])

    @property
    def fingerprint(self) -> str:
        """Hash of everything that a reading depends on besides the text: settings, lexicon, text rules, English
        data."""
        english = english_version(self._settings["g2p"]["english"])
        record = [self._settings, _rust.TEXT_RULES, english]
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        return self._settings

    def __setstate__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._build()

    def text_to_phoneme_sequence(
        self, text: str, language: str | None = None, tones: str | None = None
    ) -> list[int]:
        """Returns the phoneme ids [N] of any text, without begin and end marks.

        `_` separates two words; a pause mark directly follows the last unit of its word and replaces the `_`.
        Empty if nothing in the text makes a sound.

        Args:
            text: Raw text.
            language: None reads Twi, with English words in it as English. "tw" reads every word by the rules of Twi.
                "en" reads every word as English, including integers, decimals, years, clock times, money and
                percentages; initials keep their letter names, and dates with a slash are read as numbers.
            tones: As in the constructor, for this text; None uses the constructor's.

        Raises:
            ConfigError: `language` or `tones` has an unknown value.
        """
        return self._core.text_to_ids(text, language, tones)

    def read(self, text: str, language: str | None = None, tones: str | None = None) -> Reading:
        """Returns the ids of `text_to_phoneme_sequence` with the words of the raw text that they come from.

        White space separates the words of the raw text; a span never ends inside a word.
        """
        ids, words = self._core.read(text, language, tones)
        return Reading(ids, list(map(WordSpan._make, words)))

    def texts_to_phoneme_sequences(
        self, texts: Iterable[str], language: str | None = None, tones: str | None = None
    ) -> list[list[int]]:
        """Returns `text_to_phoneme_sequence` for each text, and releases the GIL once for all of them."""
        return self._core.texts_to_ids(list(texts), language, tones)

    def text_to_phonemes(self, text: str, language: str | None = None, tones: str | None = None) -> list[str]:
        """Returns the symbols of the ids of `text_to_phoneme_sequence`."""
        return self._core.text_to_units(text, language, tones)

    def write_tones(self, text: str, language: str | None = None) -> str:
        """Returns the normalized text with the marks of its predicted tones.

        Marked words do not change; undecided words get no marks. Read with `tones="written"`, the result has the same
        ids as `text` with `tones="predicted"`.
        """
        return self._core.write_tones(text, language)

    def explain_tones(self, text: str, language: str | None = None) -> list[ToneDecision]:
        """Returns the tones of each word of the normalized text, with the reasons for them."""
        return list(map(ToneDecision._make, self._core.explain_tones(text, language)))

    def word_to_phonemes(self, word: str) -> list[str]:
        """Returns the units of one written word. The word is cleaned but not normalized, so digits are `<unk>`."""
        return self._core.word_to_units(word)

    def syllables(self, word: str) -> list[list[str]]:
        """Returns the units of one written word by syllable: kwan is [["kʷ", "a"], ["n̩"]]."""
        return self._core.syllables(word)

    def cache_info(self) -> CacheInfo:
        """Returns the counters of the word cache."""
        return CacheInfo(**self._core.cache_info())

    @property
    def unknown(self) -> dict[str, int]:
        """Counts of letters without a reading, which were read as `<unk>`. Normalized text has none."""
        return self._core.unknown()

    def clear(self) -> None:
        """Empties the cache and sets its counters and `unknown` to zero."""
        self._core.clear()


def is_foreign(word: str) -> bool:
    """Returns whether the spelling of a word cannot be Twi: loan letters, finals and clusters that Twi lacks."""
    return _rust.is_foreign(word)


class _Forked:
    """Gives every reader a fresh core in a forked child, where a lock held by another thread would stay locked."""

    def __init__(self) -> None:
        self._readers: weakref.WeakSet[TwiG2P] = weakref.WeakSet()
        self._registered = False

    def track(self, reader: TwiG2P) -> None:
        self._readers.add(reader)
        if not self._registered and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._rebuild)
            self._registered = True

    def _rebuild(self) -> None:
        for reader in list(self._readers):
            reader._build()


_forked = _Forked()


def check_plain(text: str, source: str) -> None:
    """Raises `TextError` where `text`, which comes from `source`, is a document of a word processor."""
    beginning = text[:64].lstrip("\ufeff \t\r\n")
    for magic, name in _BEGINNINGS.items():
        if beginning.startswith(magic):
            raise TextError(f"{source} is {name}, not plain text; save it as text in UTF-8")
