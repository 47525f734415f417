"""Praat TextGrid: tiers of sentences, words and phones, each without a gap from 0 to the end of the audio."""

from __future__ import annotations

from kalakan.audio.textgrid import format_tiers
from kalakan.synthesis.subtitles.tokens import Token, joined, words
from kalakan.synthesis.timing import Timing


def format_textgrid(timing: Timing, sentences: list[list[Token]]) -> str:
    """A timing as a TextGrid in Praat's long text form, in UTF-8; pauses have empty labels.

    The label of an item without duration joins the preceding one.
    """
    shown = [token for tokens in sentences for token in words(tokens)]
    tiers = {
        "sentences": [(tokens[0].start, tokens[-1].end, joined(tokens)) for tokens in sentences if tokens],
        "words": [(token.start, token.end, token.text) for token in shown if token.segment.kind == "word"],
        "phones": [(phone.start, phone.end, phone.symbol) for word in timing.words for phone in word.phones],
    }
    return format_tiers(tiers, timing.samples, timing.sample_rate)
