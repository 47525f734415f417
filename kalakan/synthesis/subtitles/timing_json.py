"""JSON: the whole timing, for programs.

Schema, version 1. The document: `format` ("kalakan-timing"), `version`, `sample_rate`, `samples` and `seconds` (length
of the audio), `sentences`. A sentence: `text`, `source`, times, `segments`. A segment: `kind` ("word" or "pause"),
`text`, `source`, times, `phones`. A phone: `symbol`, times. Times are `start` and `end` in seconds, `start_sample` and
`end_sample` in samples; an end is the start of the next item. `source` is [first code point, the one after the last] in
the raw text. `text` is its visible text: without markup, on one line, and only once if several words come from the same
characters. Segments follow each other without a gap from sample 0 to the end, as do the phones of a segment.
"""

from __future__ import annotations

import json
from typing import Any

from kalakan.errors import SubtitleError
from kalakan.synthesis.subtitles.tokens import Token, joined
from kalakan.synthesis.timing import Phone, Segment, Sentence, Timing

VERSION = 1


def format_json(timing: Timing, sentences: list[list[Token]]) -> str:
    """A timing as JSON of the schema above."""
    rate = timing.sample_rate
    document = {
        "format": "kalakan-timing",
        "version": VERSION,
        "sample_rate": rate,
        "samples": timing.samples,
        "seconds": _seconds(timing.samples, rate),
        "sentences": [
            {
                "text": joined(tokens),
                "source": list(sentence.source),
                **_times(sentence, rate),
                "segments": [_segment(token, rate) for token in tokens],
            }
            for sentence, tokens in zip(timing.sentences, sentences, strict=True)
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _segment(token: Token, rate: int) -> dict[str, Any]:
    segment = token.segment
    return {
        "kind": segment.kind,
        "text": token.text,
        "source": list(segment.source),
        **_times(segment, rate),
        "phones": [{"symbol": phone.symbol, **_times(phone, rate)} for phone in segment.phones],
    }


def _times(item: Sentence | Segment | Phone, rate: int) -> dict[str, Any]:
    return {
        "start": _seconds(item.start, rate),
        "end": _seconds(item.end, rate),
        "start_sample": item.start,
        "end_sample": item.end,
    }


def _seconds(sample: int, rate: int) -> float:
    return round(sample / rate, 6)


def parse_json(content: str | bytes, text: str) -> Timing:
    """The timing that `format_json` wrote for the raw text `text`. Raises `SubtitleError` for anything else."""
    try:
        document = json.loads(content)
        if (document["format"], document["version"]) != ("kalakan-timing", VERSION):
            raise ValueError(f"version {document['version']} of {document['format']}")
        sentences = tuple(_sentence_of(sentence, text) for sentence in document["sentences"])
        return Timing(int(document["sample_rate"]), sentences)
    except (KeyError, TypeError, ValueError) as error:
        raise SubtitleError(f"this is no timing in JSON of version {VERSION}: {error}") from error


def _sentence_of(fields: dict[str, Any], text: str) -> Sentence:
    first, last = fields["source"]
    return Sentence((first, last), tuple(_segment_of(segment, text) for segment in fields["segments"]))


def _segment_of(fields: dict[str, Any], text: str) -> Segment:
    first, last = fields["source"]
    phones = tuple(
        Phone(phone["symbol"], phone["start_sample"], phone["end_sample"]) for phone in fields["phones"]
    )
    start, end = fields["start_sample"], fields["end_sample"]
    return Segment(fields["kind"], text[first:last], (first, last), start, end, phones)
