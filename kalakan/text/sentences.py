"""Where the sentences of a text are."""

from __future__ import annotations

from dataclasses import dataclass

import kalakan._rust as _rust
from kalakan.errors import ConfigError

__all__ = ["Sentence", "split_sentences"]


@dataclass(frozen=True)
class Sentence:
    """A sentence and its span in the text that it was split from: `text == source[start:end]`."""

    text: str
    """The sentence as written."""
    start: int
    """First character."""
    end: int
    """Character after the last."""


def split_sentences(text: str, *, max_chars: int | None = None) -> list[Sentence]:
    """Returns the sentences of `text` in order, without the space between them.

    Decimals, abbreviations and list numbers do not end a sentence. With `max_chars` a longer sentence is split
    further, at `;` `:` `,` and then at spaces.

    Raises:
        ConfigError: `max_chars` is not a positive number.
    """
    if max_chars is not None and max_chars < 1:
        raise ConfigError(f"max_chars is {max_chars}; it must be at least 1")
    spans = _rust.split_sentences(text, max_chars)
    return [Sentence(text[start:end], start, end) for start, end in spans]
