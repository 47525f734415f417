"""Times of sentences and words, in seconds, as objects for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kalakan.synthesis.subtitles.tokens import Token, joined, tokens_of, words
from kalakan.synthesis.timing import Sentence, Timing
from kalakan.text.normalizer import normalize_text


def sentence_objects(
    sentences: Sequence[Sentence], text: str, sample_rate: int, start_s: float = 0.0
) -> list[dict[str, Any]]:
    """`text`, `normalized`, `start`, `end` and `words` of each sentence; `text` is the raw input.

    A word has `text`, `start` and `end`. Markup is not shown. `start_s` is added to all times.
    """
    timing = Timing(sample_rate, tuple(sentences))

    def seconds(sample: int) -> float:
        return round(start_s + sample / sample_rate, 6)

    def word_object(token: Token) -> dict[str, Any]:
        return {"text": token.text, "start": seconds(token.start), "end": seconds(token.end)}

    return [
        {
            "text": joined(tokens),
            "normalized": normalize_text(joined(tokens)),
            "start": seconds(sentence.start),
            "end": seconds(sentence.end),
            "words": [word_object(token) for token in words(tokens) if token.segment.kind == "word"],
        }
        for sentence, tokens in zip(sentences, tokens_of(timing, text), strict=True)
    ]
