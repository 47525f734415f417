"""A labelled corpus of humming, written in a second: what training is timed on."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np

from kalakan.config.schema import AudioConfig
from kalakan.data.manifest import F0_SAMPLES, LABEL_SAMPLES

UNITS = ("a", "k", "ʊ", "_", "n̩", "s", "u", "o", "_", "m", "a")
SPEAKERS = ("akosua", "kwame")
HERTZ = (200, 120)
FRAMES_A_UNIT = 4
LEAD = 4


def write_corpus(folder: Path, clips: int, seconds: float, audio: AudioConfig) -> Path:
    """`clips` recordings of about `seconds` for training, with units, durations and F0, and one for validation."""
    random = np.random.default_rng()
    (folder / "audio").mkdir(parents=True)
    lines = [
        json.dumps(_clip(folder, random, index, seconds, audio), ensure_ascii=False)
        for index in range(clips + 1)
    ]
    (folder / "meta.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _clip(
    folder: Path, random: np.random.Generator, index: int, seconds: float, audio: AudioConfig
) -> dict[str, object]:
    labels = seconds * audio.sample_rate / LABEL_SAMPLES
    count = max(2, round((labels - 2 * LEAD) / FRAMES_A_UNIT))
    units = [*(UNITS[place % len(UNITS)] for place in range(count - 1)), "."]
    frames = [int(size) for size in random.integers(FRAMES_A_UNIT - 2, FRAMES_A_UNIT + 3, count)]
    samples = (2 * LEAD + sum(frames)) * LABEL_SAMPLES
    hertz = HERTZ[index % 2]
    time = np.arange(samples) / audio.sample_rate
    sound = sum(np.sin(2 * np.pi * hertz * partial * time) / partial for partial in range(1, 20))
    sound = 0.2 * sound + random.normal(0, 0.01, samples)
    name = f"{SPEAKERS[index % 2]}_{index:05d}"
    _write(folder / "audio" / f"{name}.wav", sound, audio.sample_rate)
    return {
        "id": name,
        "speaker": SPEAKERS[index % 2],
        "text": "Akonta dwom.",
        "units": units,
        "tones": [0] * count,
        "frames": frames,
        "lead": LEAD,
        "samples": samples,
        "f0": [float(hertz)] * (samples // F0_SAMPLES),
        "split": "train" if index else "validation",
    }


def _write(path: Path, sound: np.ndarray, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(sound.clip(-1, 1) * 32767).astype("<i2").tobytes())
