"""A corpus of a few seconds, generated: tones whose pitch and length follow their labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 24_000
_UNITS = ("a", "k", "ʊ", "_", "n̩", "s", "u", "o", "_", "m", "a", ".")


def make_corpus(folder: Path, clips: int = 12, seed: int = 0, equally_long: bool = False) -> Path:
    """Writes `clips` labelled utterances of two speakers in the layout of the voice corpus; returns the folder.

    Every 20th id, counted from 7, is of the test split; ids are chosen so that a quarter of the clips is.
    With `equally_long` all have the same units and times, and no tones.
    """
    random = np.random.default_rng(seed)
    (folder / "audio").mkdir(parents=True)
    lines = [
        json.dumps(_clip(folder, random, index, equally_long), ensure_ascii=False) for index in range(clips)
    ]
    (folder / "meta.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _clip(folder: Path, random: np.random.Generator, index: int, equally_long: bool) -> dict[str, object]:
    speaker = ("akosua", "kwame")[index % 2]
    number = index * 20 + (7 if index % 4 == 0 else 8)
    size = len(_UNITS) if equally_long else int(random.integers(5, len(_UNITS) + 1))
    units = [*_UNITS[: size - 1], "."]
    is_tone = index % 3 == 0 and not equally_long
    tones = [int(random.integers(1, 4)) if is_tone and unit in "aʊuo" else 0 for unit in units]
    frames = [2 if equally_long else int(random.integers(1, 4)) for _ in units]
    lead, tail = 4, 2.5
    samples = int(600 * (lead + sum(frames) + tail))
    pitch = (200.0 if speaker == "akosua" else 120.0) * np.ones(samples // 300)
    pitch[: lead * 2] = 0
    phase = np.cumsum(np.repeat(pitch, 300) / SAMPLE_RATE)
    audio = 0.2 * np.sin(2 * np.pi * np.resize(phase, samples)) + 0.01 * random.standard_normal(samples)
    name = f"{speaker}_{number:05d}"
    soundfile.write(folder / "audio" / f"{name}.ogg", audio, SAMPLE_RATE)
    return {
        "id": name,
        "speaker": speaker,
        "text": "Akonta dwom.",
        "units": units,
        "tones": tones,
        "tone_mode": "tone" if is_tone else "natural",
        "frames": frames,
        "lead": lead,
        "tail": tail,
        "samples": samples,
        "f0": [round(float(value)) for value in pitch],
    }
