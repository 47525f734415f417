"""A corpus in which every sound has a colour of its own: noise bands that follow the units, with times known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

RATE = 24_000
BANDS = {
    "a": 500,
    "k": 5500,
    "ʊ": 900,
    "m": 250,
    "s": 8000,
    "i": 2600,
    "n": 1300,
    "t": 3800,
    "o": 700,
    "w": 1800,
}
WORDS = ("k a", "m ʊ s i", "t o", "w a n i", "s a k ʊ", "i t a m a", "n o s a")


def make_spoken_corpus(folder: Path, clips: int = 30, seed: int = 0) -> dict[str, list[tuple[float, float]]]:
    """Writes an unaligned corpus; returns the true start and end in seconds of each sound, by id."""
    random = np.random.default_rng(seed)
    (folder / "audio").mkdir(parents=True)
    truth, lines = {}, []
    for number in range(clips):
        name = f"clip_{number:05d}"
        units = [*" _ ".join(random.choice(WORDS, size=3, replace=False)).split(" "), "."]
        audio, truth[name] = _speak(units, random)
        soundfile.write(folder / "audio" / f"{name}.flac", audio, RATE)
        split = ("test", "validation")[number] if number < 2 else "train"
        record = {
            "id": name,
            "speaker": "s",
            "text": "x",
            "split": split,
            "units": units,
            "samples": len(audio),
        }
        lines.append(json.dumps(record, ensure_ascii=False))
    (folder / "meta.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return truth


def _speak(units: list[str], random: np.random.Generator) -> tuple[np.ndarray, list[tuple[float, float]]]:
    pieces = [_noise(0, random.uniform(0.1, 0.2), random)]
    times = []
    for unit in units:
        begin = sum(map(len, pieces)) / RATE
        seconds = random.uniform(0.06, 0.16)
        if unit == "_":
            if random.random() < 0.5:
                continue
            seconds *= 0.6
        pieces.append(_noise(BANDS.get(unit, 0), seconds, random))
        if unit in BANDS:
            times.append((begin, begin + seconds))
    return np.concatenate(pieces).astype(np.float32), times


def _noise(centre: float, seconds: float, random: np.random.Generator) -> np.ndarray:
    size = int(seconds * RATE)
    floor = 1e-4 * random.standard_normal(size)
    if not centre:
        return floor
    time = np.arange(size) / RATE
    slow = np.repeat(random.standard_normal(size // 120 + 1), 120)[:size]
    return 0.2 * np.sin(2 * np.pi * (centre * time + 0.02 * np.cumsum(slow) / 10)) + floor
