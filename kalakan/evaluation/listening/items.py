"""What listeners are asked, and what is synthesized for it."""

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
"""Words that only their tones tell apart (docs/frontend.md), and what they mean."""
VOWEL_WORDS = ("keteke", "agoo", "dede", "kosua", "efie", "aboa", "tena", "boa")
"""Words with one of the vowels of `VOWEL_PAIRS`, which writing does not tell apart."""
VOWEL_PAIRS = {"ɪ": "e", "e": "ɪ", "ʊ": "o", "o": "ʊ"}
RIGHT, OTHER = "right", "other"
PREDICTED, FLAT = "predicted", "written"
KINDS = ("mos", "tones", "words", "vowels")
"""Mean opinion score; predicted against written tones; words that tones tell apart; vowels that writing does not."""


@dataclass(frozen=True)
class Clip:
    """One sound to synthesize."""

    text: str
    """Text, or SSML."""
    options: SpeakOptions


@dataclass(frozen=True)
class Item:
    """One question about one clip, or about two of them."""

    kind: str
    """One of `KINDS`."""
    voice: str
    """Name of the voice, as in the table of the answers."""
    speaker: str
    prompt: str
    """What listeners see besides the question; empty: nothing."""
    clips: dict[str, Clip]
    """By what they are; of the kind "mos" and "words" one."""
    answer: str | None = None
    """The right choice of the kinds "words" and "vowels"."""


def items(
    voice: str, speakers: Sequence[str], sentences: Sequence[str], reader: TwiG2P, predicts_tones: bool
) -> Iterator[Item]:
    """The items of one voice: every sentence by every speaker to be rated; the pairs are shared out among the
    speakers, or a test would last for hours."""
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
