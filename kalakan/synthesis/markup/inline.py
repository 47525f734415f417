"""Inline tags: `[en]…[/en]` and `[tw]…[/tw]` mark the language of a stretch of plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kalakan.errors import TextError
from kalakan.synthesis.script import Part, Text

TAG = re.compile(r"\[(/?)(en|tw)\]")
"""A tag: the slash of an end tag, and the language."""


def read_markup(text: str) -> list[Part]:
    """The script of plain text with inline tags; tags may nest.

    An unpaired tag stays text, as does anything else in brackets. Raises `TextError` if `text` is not a string.
    """
    if not isinstance(text, str):
        raise TextError(f"the text is a {type(text).__name__}; it must be a string")
    tags = _paired(TAG.finditer(text))
    return list(_stretches(text, tags))


def strip_tags(text: str) -> str:
    """`text` without its paired tags."""
    return "".join(part.text for part in read_markup(text) if isinstance(part, Text))


def _paired(tags: Iterator[re.Match[str]]) -> list[re.Match[str]]:
    """The paired tags in order: an end tag matches the last open tag of its language."""
    opened: list[re.Match[str]] = []
    count = {"en": 0, "tw": 0}
    paired = []
    for tag in tags:
        slash, language = tag.groups()
        if not slash:
            opened.append(tag)
            count[language] += 1
        elif count[language]:
            while True:  # tags opened since then are unpaired
                last = opened.pop()
                count[last[2]] -= 1
                if last[2] == language:
                    break
            paired += [last, tag]
    return sorted(paired, key=lambda tag: tag.start())


def _stretches(text: str, tags: list[re.Match[str]]) -> Iterator[Text]:
    languages: list[str | None] = [None]
    start = 0
    for tag in tags:
        yield from _stretch(text, start, tag.start(), languages[-1])
        if tag[1]:
            languages.pop()
        else:
            languages.append(tag[2])
        start = tag.end()
    yield from _stretch(text, start, len(text), None)


def _stretch(text: str, start: int, end: int, language: str | None) -> Iterator[Text]:
    if start < end:
        yield Text(text[start:end], range(start, end), end, language=language)
