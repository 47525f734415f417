"""How text is read: normalized, as phonemes, with its tones."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from kalakan.api.routes.state import ERRORS, Served, check_length
from kalakan.api.schemas import NormalizeRequest, PhonemizeRequest
from kalakan.text.normalizer import normalize_text
from kalakan.text.phonemes import SYMBOLS, format_units

router = APIRouter(responses=ERRORS)
SPLIT = "send it in parts"


@router.post("/normalize")
async def normalize(body: NormalizeRequest, service: Served) -> dict[str, Any]:
    """A text as the words that are spoken; `unread` counts the characters without a reading."""
    check_length(body.text, service.settings.max_stream_characters, SPLIT)

    def work() -> dict[str, Any]:
        lost: dict[str, int] = {}
        settings = {"variety": body.variety, "chat": body.chat, "clock_to_hour": body.clock_to_hour}
        found = normalize_text(body.text, **settings, report=lost)  # type: ignore[arg-type]
        if body.write_tones:
            found = service.reader(**settings).write_tones(body.text)
        return {"normalized": found, "unread": {_printable(name): count for name, count in lost.items()}}

    return await service.call(work)  # type: ignore[no-any-return]


@router.post("/phonemize")
async def phonemize(body: PhonemizeRequest, service: Served) -> dict[str, Any]:
    """A text as phonemes, word by word, and the reasons for the tones of its words.

    `words` have the characters `start` to `end` of the text and their units; `tones` are the words of the normalized
    text, whose number differs from that of the written words if there are numbers.
    """
    check_length(body.text, service.settings.max_characters, SPLIT)

    def work() -> dict[str, Any]:
        reader = service.reader(variety=body.variety, tone=body.tone, tones=body.tones)
        reading = reader.read(body.text)
        words = [
            {
                "text": _printable(body.text[word.start : word.end]),
                "start": word.start,
                "end": word.end,
                "units": [SYMBOLS[item] for item in reading.ids[word.first : word.last]],
            }
            for word in reading.words
        ]
        return {
            "phonemes": format_units(reading.ids),
            "ids": reading.ids,
            "words": words,
            "tones": [decision._asdict() for decision in reader.explain_tones(body.text)],
        }

    return await service.call(work)  # type: ignore[no-any-return]


def _printable(text: str) -> str:
    """Text that JSON in UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()
