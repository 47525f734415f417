"""Text to audio on the GPU through `Synthesizer`: RTF and memory of fastspeech2 + hifigan V1, at batch 1 and 32."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from gpu_bench.attempts import Attempts, Found
from gpu_bench.cases import AUDIO
from gpu_bench.generator import set_weights
from gpu_bench.machine import build
from gpu_bench.settings import Row, Settings
from gpu_bench.timing import peak_memory_mb, reset_memory, wall_s
from kalakan import Synthesizer
from kalakan.errors import UntrainedModelWarning
from kalakan.text.twi_g2p import TwiG2P

SENTENCE = "Ɛnnɛ yɛ da pa paa ara, ɛfiri sɛ owia rebɔ na nnoma reto dwom wɔ nnua no so wɔ yɛn kurom ha nnɛ."
LOADS = ((1, 3.0), (1, 10.0), (32, 10.0))
"""Sentences at once, and seconds of audio of each."""
ROUNDS = 15


def rows(settings: Settings, _: str) -> Iterator[Row]:
    """Each load in mixed and in single precision."""
    attempts = Attempts()
    yield attempts.row("build", partial(build, settings))
    for items, seconds in ((1, 0.1), (2, 0.1)) if settings.is_dry else LOADS:
        texts = rotations(items, SENTENCE[:6] if settings.is_dry else SENTENCE)
        for name, mixed in (("mixed precision", True), ("single precision", False)):
            yield attempts.row(
                f"{items} x {seconds:g} s, {name}", partial(measure, texts, seconds, mixed, settings)
            )
    attempts.finish()


def measure(texts: list[str], seconds: float, mixed: bool, settings: Settings) -> Found:
    """Seconds on the wall from text to samples on the CPU, RTF (that time ÷ audio), and the peak of memory."""
    reset_memory(settings.device)
    synthesizer = untrained(seconds, mixed, settings)

    def speak() -> list[Tensor]:
        if len(texts) == 1:
            return [synthesizer.synthesize(texts[0])]
        return synthesizer.synthesize_batch(texts, batch_size=len(texts))

    spoken = speak()
    audio_s = sum(len(audio) for audio in spoken) / synthesizer.sample_rate
    peak = max(float(audio.abs().max()) for audio in spoken)
    if not 0.01 < peak <= 1:
        raise AssertionError(f"the loudest sample is {peak:g}; this is no audio to time")
    found = wall_s(speak, 1 if settings.is_dry else ROUNDS, settings.device)
    rtf = {"rtf": round(found["s"] / audio_s, 7), "audio_s": round(audio_s, 3)}
    return {**found, **rtf, **peak_memory_mb(settings.device)}


def untrained(seconds: float, mixed: bool, settings: Settings) -> Synthesizer:
    """Untrained models whose sentences last about `seconds`: every phoneme has the same duration."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UntrainedModelWarning)
        synthesizer = Synthesizer(
            acoustic_model_type="fastspeech2_small" if settings.is_dry else "fastspeech2",
            vocoder_type="hifigan_v2" if settings.is_dry else "hifigan",
            device="cuda:0" if settings.device == "cuda" else "cpu",
            config={"inference": {"mixed_precision": mixed}},
        )
    count = len(TwiG2P(tones="written").text_to_phoneme_sequence(SENTENCE))
    frames = max(1, round(seconds * AUDIO.frame_rate / count))
    out = synthesizer.acoustic_model.duration_predictor.out
    torch.nn.init.zeros_(out.weight)
    torch.nn.init.constant_(out.bias, math.log(frames + 1))
    set_weights(synthesizer.vocoder)
    return synthesizer


def rotations(count: int, sentence: str) -> list[str]:
    """As many different sentences of nearly one length: the words of one, turned."""
    words = sentence.rstrip(".").replace(",", "").split()
    turned = [words[shift % len(words) :] + words[: shift % len(words)] for shift in range(count)]
    swapped = [list(reversed(each)) if shift >= len(words) else each for shift, each in enumerate(turned)]
    return [" ".join(each).capitalize() + "." for each in swapped]
