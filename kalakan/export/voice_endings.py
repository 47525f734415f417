"""Trains how a voice's phrases end, without recordings: applies `kalakan.export.endings` to a voice folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from kalakan.errors import ExportError
from kalakan.export.endings import EndingsTrainer, Limits, Outcome, endings_of
from kalakan.export.onnx.calibration import TEXTS
from kalakan.export.voice import with_acoustic
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.text.framing import MARKS, frame
from kalakan.text.sentences import split_sentences
from kalakan.text.twi_g2p import TwiG2P
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import Voice, check_target, load_voice
from kalakan.voices.weights import LoadedModel, load_acoustic

STEPS = 800
MOST_STEPS = 100_000
LEAST_PHRASES = 20
"""Minimum number of different phrases; fewer would be memorized."""
LONGEST = 300
"""Maximum number of units in a phrase; longer sentences are left out."""
HELD_OUT = 10
"""Every tenth phrase is held out for evaluation."""
UNTONED = 4
"""Every fourth sentence is read without predicted tones, or with them if the voice has none by default."""
_LIMITS = {"least_step": (0.0, 12.0), "lowest": (1.0, 24.0)}
_ONSETS = [
    "p",
    "b",
    "t",
    "d",
    "k",
    "g",
    "f",
    "s",
    "h",
    "m",
    "n",
    "w",
    "y",
    "r",
    "ky",
    "gy",
    "tw",
    "dw",
    "hy",
    "kw",
]
_VOWELS = "aeɛioɔu"
_TONES = ("", "\N{COMBINING ACUTE ACCENT}", "\N{COMBINING GRAVE ACCENT}")
_CODAS = ("", "", "", "m", "n")


def end_voice(
    source: str | Path,
    target: str | Path,
    *,
    texts: Sequence[str] | None = None,
    steps: int = STEPS,
    limits: Limits | None = None,
    seed: int = 0,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> tuple[Voice, Outcome]:
    """Writes the voice in `source`, its pitch and voicing predictors trained and weights in 16 bits, to `target`.

    `texts` (default: Kalakan's own) need no recordings; every tenth sentence is held out for the returned evaluation.
    Only the two predictors change. Raises `ExportError` for a model other than FastSpeech2, a
    value out of range and too few sentences, `VoiceError` for a broken voice or a target that cannot be written.
    """
    limits = limits or Limits()
    if not 1 <= steps <= MOST_STEPS:
        raise ExportError(f"steps is {steps}; it must lie between 1 and {MOST_STEPS}")
    for name, (low, high) in _LIMITS.items():
        value = getattr(limits, name)
        if not low <= value <= high:
            raise ExportError(f"{name} is {value:g}; it must lie between {low:g} and {high:g} semitones")
    voice = load_voice(source)
    model = load_acoustic(voice)
    if not isinstance(model, FastSpeech2):
        raise ExportError(
            f"{voice.path}: its model is {voice.manifest.acoustic.type}; only FastSpeech2 has predictors to train"
        )
    phrases = list(read_phrases(own_texts() if texts is None else texts, voice.manifest.tones))
    if len(phrases) < LEAST_PHRASES:
        raise ExportError(
            f"the texts hold {len(phrases)} sentences of at most {LONGEST} units that end in a vowel or a nasal; give "
            f"at least {LEAST_PHRASES}"
        )
    check_target(target)  # fail before minutes of training
    trainer = EndingsTrainer(model, voice.manifest.corrections, limits)
    trainer.train([ids for place, ids in enumerate(phrases) if place % HELD_OUT], steps, seed, on_step)
    outcome = trainer.outcome(phrases[::HELD_OUT])
    done = {"steps": steps, "least_step": limits.least_step, "lowest": limits.lowest}
    manifest = replace(voice.manifest, training={**voice.manifest.training, "endings": done})
    record: ModelRecord = voice.manifest.acoustic
    changed = LoadedModel(trainer.model, record, voice.manifest.audio)
    return with_acoustic(Voice(voice.path, manifest), changed, target), outcome


def read_phrases(texts: Sequence[str], tones: str) -> Iterator[list[int]]:
    """Framed ids of the sentences that an ending can be trained on."""
    reader = TwiG2P()
    other = "written" if tones == "predicted" else "predicted"
    number = 0
    for text in texts:
        for sentence in split_sentences(text):
            number += 1
            way = tones if number % UNTONED else other
            ids = frame(reader.text_to_phoneme_sequence(sentence.text, tones=way))
            if len(ids) <= LONGEST and ids[-1] in MARKS and endings_of(ids):
                yield ids


def own_texts() -> list[str]:
    """Kalakan's own sentences, and those with other last words: every onset before every vowel, high, low and
    unmarked, before a full stop, a question mark and an exclamation mark."""
    openings = cycle([text.rstrip(".?!").rsplit(" ", 1)[0] for text in TEXTS])
    marks, codas = cycle(".?.!."), cycle(_CODAS)
    made = []
    for tone in _TONES:
        for onset in _ONSETS:
            for vowel in _VOWELS:
                word = unicodedata.normalize("NFC", onset + vowel + tone + next(codas))
                made.append(f"{next(openings)} {word}{next(marks)}")
    return [*TEXTS, *made]
