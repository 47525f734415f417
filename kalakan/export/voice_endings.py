"""Trains how a voice's phrases end, without recordings: applies `kalakan.export.endings` to a voice folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kalakan.errors import ExportError
from kalakan.export.endings import EndingsTrainer, Limits, Outcome, endings_of
from kalakan.export.training_texts import LEAST_PHRASES, LONGEST, own_texts, parted, read_sentences
from kalakan.export.voice import with_acoustic
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.text.framing import MARKS
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import Voice, check_target, load_voice
from kalakan.voices.weights import LoadedModel, load_acoustic

STEPS = 800
MOST_STEPS = 100_000
_LIMITS = {"least_step": (0.0, 12.0), "lowest": (1.0, 24.0)}


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
    kept, held = parted(phrases)
    trainer.train(kept, steps, seed, on_step)
    outcome = trainer.outcome(held)
    done = {"steps": steps, "least_step": limits.least_step, "lowest": limits.lowest}
    manifest = replace(voice.manifest, training={**voice.manifest.training, "endings": done})
    record: ModelRecord = voice.manifest.acoustic
    changed = LoadedModel(trainer.model, record, voice.manifest.audio)
    return with_acoustic(Voice(voice.path, manifest), changed, target), outcome


def read_phrases(texts: Sequence[str], tones: str) -> Iterator[list[int]]:
    """Framed ids of the sentences that an ending can be trained on."""
    return (ids for ids in read_sentences(texts, tones) if ids[-1] in MARKS and endings_of(ids))
