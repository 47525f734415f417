"""Text normalization for Twi: numbers, money, dates and abbreviations become words."""

from __future__ import annotations

from collections.abc import MutableMapping

import kalakan._rust as _rust

__all__ = ["normalize_text"]


def normalize_text(
    text: str,
    *,
    variety: str = "asante",
    human: bool = True,
    chat: str = "narrow",
    clock_to_hour: bool = False,
    report: MutableMapping[str, int] | None = None,
) -> str:
    """Returns `text` as lower-case words and pause marks of the closed alphabet, in NFC; idempotent.

    Any `str` is accepted; lone surrogates are read as U+FFFD.

    Args:
        text: Raw text in any Unicode form.
        variety: Variety of the number words: "asante" or "akuapem". Other words keep their spelling.
        human: Whether to count people with baanu, baasa, ... ("nnipa 2" is "nnipa baanu").
        chat: Chat letters to repair: "off", "narrow" (3 for ɛ, an unbalanced ")" for ɔ) or "wide".
        clock_to_hour: Whether to read 3:45 as minutes to the next hour.
        report: Receives the count of each character without a reading, added to its previous counts: letters of other
            scripts, emoji, signs without a name. White space, quotes, brackets and invisible characters are not
            counted.

    Raises:
        ConfigError: An option has an unknown value.
    """
    options = _rust.TextOptions(variety=variety, human=human, chat=chat, clock_to_hour=clock_to_hour)
    if report is None:
        return _rust.normalize_text(text, options)
    normalized, lost = _rust.normalize_counting(text, options)
    for character, count in lost.items():
        report[character] = report.get(character, 0) + count
    return normalized
