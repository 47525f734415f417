"""Removes characters without a reading: markup, emoji, controls. Keeps digits and signs."""

from __future__ import annotations

import kalakan._rust as _rust

__all__ = ["clean_text"]


def clean_text(text: str, *, chat: str = "narrow") -> str:
    """Returns `text` in NFC, with mojibake, look-alike and chat letters repaired and unreadable characters dropped.

    Idempotent; does not change normalized text. Any `str` is accepted; lone surrogates are read as U+FFFD.

    Args:
        text: Raw or normalized text.
        chat: Chat letters to repair: "off", "narrow" (3 for ɛ, an unbalanced ")" for ɔ) or "wide".

    Raises:
        ConfigError: `chat` has an unknown value.
    """
    options = _rust.TextOptions(variety="asante", human=True, chat=chat, clock_to_hour=False)
    return _rust.clean_text(text, options)
