"""Benchmark texts: Twi for Kalakan, and English of the same duration for engines without Twi."""

from __future__ import annotations

from collections.abc import Callable

GREETING = "Akwaaba! Wo ho te sɛn?"
SENTENCE = "Ɛnnɛ yɛ da pa paa ara, ɛfiri sɛ owia rebɔ na nnoma reto dwom wɔ nnua no so."
PARAGRAPH = (
    "Me din de Kofi, na mefiri Kumasi. Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran. Anɔpa biara mekɔ adwuma nnɔnson, na "
    "mesan ba fie anwummerɛ. Memeneda ne Kwasiada deɛ, me ne m'abusua tena fie di agorɔ."
)
TEXTS = {"greeting": GREETING, "sentence": SENTENCE, "paragraph": PARAGRAPH}
"""Texts by name, from short to long."""
MANY = (
    "Maakye, wo ho te sɛn?",
    "Me din de Kofi.",
    "Mefiri Kumasi.",
    "Ɛnnɛ yɛ da pa paa ara.",
    "Yɛbɛhyia bio ɔkyena anɔpa.",
    "Sukuu no wɔ Nkran.",
    "Mepɛ sɛ mekɔ fie seesei ara.",
    "Da yie, na nante yie.",
)
"""Sentences of different lengths, for throughput."""
ENGLISH = (
    "My name is Kofi and I come from Kumasi. I work in a large school in the city of Accra. Each morning I go to work "
    "at seven o'clock and I come back home in the evening. On Saturday and Sunday my family and I stay at home "
    "together and play games until it is time to eat. Today is a very good day indeed because the sun is shining and "
    "the birds are singing in the trees. We thank you for coming and we will meet again tomorrow in the market."
)
_NEAR = 0.03
"""Relative difference of durations at which the search for an English text ends early."""


def english_of_length(seconds: float, audio_s: Callable[[str], float]) -> tuple[str, float]:
    """The first words of `ENGLISH`, repeated if it is too short, whose audio duration is closest to `seconds`, and that
    duration; `audio_s` synthesizes a text and returns its duration."""
    words = ENGLISH.split()
    low, high = 1, len(words)
    while high < 100 * len(words) and audio_s(_of(words, high)) < seconds:
        low, high = high, 2 * high
    best: tuple[float, str, float] | None = None
    while low <= high:
        middle = (low + high) // 2
        text = _of(words, middle)
        length = audio_s(text)
        if best is None or abs(length - seconds) < best[0]:
            best = abs(length - seconds), text, length
        if best[0] <= _NEAR * seconds:
            break
        if length < seconds:
            low = middle + 1
        else:
            high = middle - 1
    assert best is not None
    return best[1], best[2]


def _of(words: list[str], count: int) -> str:
    repeated = (words * (count // len(words) + 1))[:count]
    return " ".join(repeated).rstrip(".") + "."
