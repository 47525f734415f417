"""The three stages of a synthesizer, for separate use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kalakan.synthesis.engines.acoustics import AcousticBatch
from kalakan.synthesis.engines.stages import AcousticStage, Engine, VocoderStage, acoustic_batch
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import Phrase, TextStage


@dataclass(frozen=True)
class Stages:
    """The stages of a synthesizer. None of them holds request state."""

    text: TextStage
    """Text stage, text to phrases: `text.phrases(text, options)`."""
    acoustic: AcousticStage
    """Acoustic stage, phrases to acoustics: `acoustic.predict(stages.batch(phrases, options))`."""
    vocoder: VocoderStage
    """Vocoder stage, acoustics to samples: `vocoder.generate(mel, acoustics, first_frame, seed)`."""
    speakers: tuple[str, ...]
    """Speakers in the order of their rows."""
    engine: Engine
    """The engine that owns the acoustic and vocoder stages; a model replaced later is replaced in it."""

    def batch(self, phrases: Sequence[Phrase], options: SpeakOptions | None = None) -> AcousticBatch:
        """A batch of phrases, the input of the acoustic stage."""
        return acoustic_batch(phrases, options or SpeakOptions(), self.speakers, self.engine.levels)
