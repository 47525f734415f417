"""Sentence splitting."""

from __future__ import annotations

from dataclasses import dataclass

import kalakan._rust as _rust

__all__ = ["Sentence", "split_sentences"]


@dataclass(frozen=True)
class Sentence:
    """A sentence and its span in the text that it was split from: `text == source[start:end]`."""

    text: str
    """The sentence as written."""
    start: int
    """Index of the first character."""
    end: int
    """Index after the last character."""


def split_sentences(text: str) -> list[Sentence]:
    """Returns the sentences of `text` in order, without the space between them.

    Decimals, abbreviations and list numbers do not end a sentence.
    """
    return [Sentence(text[start:end], start, end) for start, end in _rust.split_sentences(text)]
