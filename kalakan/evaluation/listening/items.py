"""The questions for listeners, and the clips synthesized for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr

from kalakan.synthesis.options import SpeakOptions
from kalakan.text.twi_g2p import TwiG2P

SENTENCES = (
    "Akwaaba! Wo ho te sɛn?",
    "Me din de Kofi, na mefiri Kumasi.",
    "Ɛnnɛ yɛ da pa paa ara, ɛfiri sɛ owia rebɔ na nnoma reto dwom wɔ nnua no so.",
    "Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran.",
    "Memeneda ne Kwasiada deɛ, me ne m'abusua tena fie di agorɔ.",
    "Yɛda mo ase. Yɛbɛhyia bio ɔkyena.",
)
"""Sentences without tone marks."""
TONE_WORDS = {"pápá": "good", "pàpà": "fan", "pàpá": "father"}
"""Words that differ only in tone (docs/frontend.md), and their meanings."""
VOWEL_WORDS = ("keteke", "agoo", "dede", "kosua", "efie", "aboa", "tena", "boa")
"""Words with one of the vowels of `VOWEL_PAIRS`, which spelling does not distinguish."""
VOWEL_PAIRS = {"ɪ": "e", "e": "ɪ", "ʊ": "o", "o": "ʊ"}
RIGHT, OTHER = "right", "other"
PREDICTED, FLAT = "predicted", "written"
KINDS = ("mos", "tones", "words", "vowels")
"""Mean opinion score; predicted against written tones; words that differ in tone; vowels that share a spelling."""


@dataclass(frozen=True)
class Clip:
    """A clip to synthesize."""

    text: str
    """Text, or SSML."""
    options: SpeakOptions


@dataclass(frozen=True)
class Item:
    """A question about one or two clips."""

    kind: str
    """One of `KINDS`."""
    voice: str
    """Name of the voice, as in the table of results."""
    speaker: str
    prompt: str
    """Additional text for listeners; may be empty."""
    clips: dict[str, Clip]
    """Clips by choice; one clip for the kinds "mos" and "words"."""
    answer: str | None = None
    """The correct choice for the kinds "words" and "vowels"."""


def items(
    voice: str, speakers: Sequence[str], sentences: Sequence[str], reader: TwiG2P, predicts_tones: bool
) -> Iterator[Item]:
    """The items of one voice: every speaker reads every sentence to rate; the pairs are divided among the speakers,
    because the test would otherwise take hours."""
    for speaker in speakers:
        options = SpeakOptions(speaker=speaker)
        for sentence in sentences:
            yield Item("mos", voice, speaker, sentence, {"only": Clip(sentence, options)})
        for word in TONE_WORDS:
            yield Item("words", voice, speaker, "", {"only": Clip(word, options)}, word)
    for number, sentence in enumerate(sentences if predicts_tones else ()):
        options = SpeakOptions(speaker=speakers[number % len(speakers)])
        clips = {name: Clip(sentence, replace(options, tones=name)) for name in (PREDICTED, FLAT)}
        yield Item("tones", voice, str(options.speaker), sentence, clips)
    for number, word in enumerate(VOWEL_WORDS):
        speaker = speakers[number % len(speakers)]
        units = reader.text_to_phonemes(word, tones="written")
        swapped = [VOWEL_PAIRS.get(unit, unit) for unit in units]
        clips = {RIGHT: _spelled(word, units, speaker), OTHER: _spelled(word, swapped, speaker)}
        yield Item("vowels", voice, speaker, word, clips, RIGHT)


def _spelled(word: str, units: Sequence[str], speaker: str) -> Clip:
    phonemes = f"<phoneme alphabet='x-kalakan' ph={quoteattr(' '.join(units))}>{escape(word)}</phoneme>"
    return Clip(f"<speak>{phonemes}</speak>", SpeakOptions(speaker=speaker, ssml=True))
