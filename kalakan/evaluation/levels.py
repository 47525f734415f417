"""Measures how a voice's level depends on pitch, tempo and phrase length, and the gains that even it out."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.voices.corrections import MAX_GAIN_DB, Curve, Levels

SENTENCES = (
    "Me din de Kofi na mete Kumasi seesei.",
    "Ɛbo yɛ GHS 25.50 nnɛ anɔpa yi.",
    "Mepa wo kyɛw, bra fie na yɛnkasa.",
    "Nkurɔfoɔ pii baa dwa mu ɛnnɛ.",
    "Ɔbaa no tɔɔ nsuo ne paanoo maa mmɔfra no.",
    "Ɔkwan no mu yɛ den, enti fa brɛoo.",
)
"""Sentences of ordinary length, from which the gains at a pitch or tempo are measured."""
SHORT = (
    "Aane. Dabi. Yoo. Bra. Kɔ. Gyae.",
    "Akwaaba. Maakye. Medaase. Anwummerɛ. Ɛnnɛ. Kumasi.",
    "Meda wo ase. Wo ho te sɛn? Da yie. Kɔ fie. Bra ha. Me din de Ama.",
    "Mepa wo kyɛw, bra fie. Yɛbɛhyia bio ɔkyena. Ɔkɔɔ sukuu nnora.",
)
"""Short sentences, in ascending order of length."""
PITCHES = (-12.0, -8.0, -4.0, 0.0, 4.0, 8.0, 12.0)
SPEEDS = (0.5, 0.75, 1.0, 1.5, 2.0)
SOUNDS = (3, 5, 8, 12, 20)
"""Numbers of sounds at which a gain is measured; each phrase counts towards the nearest one."""
BELOW_PEAK_DB = 25.0
FRAME_S = 0.02


def active_level(audio: NDArray[Any], sample_rate: int) -> float:
    """Level in decibels of full scale of the frames of 20 ms within 25 dB of the loudest; −inf for silence."""
    size = round(FRAME_S * sample_rate)
    samples = np.asarray(audio, np.float64)
    power = (samples[: len(samples) // size * size].reshape(-1, size) ** 2).mean(axis=1)
    if not power.any():
        return float("-inf")
    active = power[power > power.max() * 10 ** (-BELOW_PEAK_DB / 10)]
    return float(10 * np.log10(active.mean()))


def level_gains(synthesizer: Synthesizer) -> dict[str, dict[str, Curve]]:
    """The curves of `kalakan.voices.corrections.Levels` that even out each speaker's level; the voice's existing gains
    are not applied in the measurement."""
    engine = synthesizer.stages.engine
    before, engine.levels = engine.levels, Levels({})
    try:
        return {speaker: _curves(synthesizer, speaker) for speaker in synthesizer.speakers}
    finally:
        engine.levels = before


def _curves(synthesizer: Synthesizer, speaker: str) -> dict[str, Curve]:
    def mean_level(**changes: float) -> float:
        options = SpeakOptions(speaker=speaker, **changes)  # type: ignore[arg-type]
        rate = synthesizer.sample_rate
        return float(
            np.mean([active_level(synthesizer.synthesize(text, options), rate) for text in SENTENCES])
        )

    usual = mean_level()
    pitch = [[value, _gain(usual - mean_level(pitch=value)) if value else 0.0] for value in PITCHES]
    speed = [[value, _gain(usual - mean_level(speed=value)) if value != 1.0 else 0.0] for value in SPEEDS]
    return {"pitch": pitch, "speed": speed, "sounds": _by_sounds(synthesizer, speaker, usual)}


def _by_sounds(synthesizer: Synthesizer, speaker: str, usual: float) -> Curve:
    options = SpeakOptions(speaker=speaker)
    stages = synthesizer.stages
    levels = defaultdict(list)
    for text in SHORT:
        for phrase in stages.text.phrases(text, options):
            (acoustics,) = stages.acoustic.predict(stages.batch([phrase], options))
            samples = stages.engine.whole(acoustics, options.seed)
            sounds = phrase.sounds
            nearest = min(SOUNDS[:-1], key=lambda size: abs(size - sounds))
            levels[nearest].append(active_level(samples, synthesizer.sample_rate))
    curve = [[float(count), _gain(usual - float(np.mean(levels[count])))] for count in sorted(levels)]
    return [*curve, [float(SOUNDS[-1]), 0.0]]


def _gain(decibels: float) -> float:
    return round(float(np.clip(decibels, -MAX_GAIN_DB, MAX_GAIN_DB)), 1)
