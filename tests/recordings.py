"""Source folders in every layout that `kalakan prepare` reads: a second of a tone for each sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

TEXTS = {
    "one": "Akwaaba, wo ho te sɛn?",
    "two": "Mekɔ sukuu anɔpa biara.",
    "three": "Ɔno na ɔbaa ha nnora.",
    "four": "Yɛbɛhyia bio ɔkyena.",
}


def tone(seconds: float = 1.6, rate: int = 16_000, seed: int = 0, silence: float = 0.4) -> np.ndarray:
    """Audio [S]: silence, a tone with a little noise, silence."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    speech = 0.3 * np.sin(2 * np.pi * (150 + 10 * seed) * time) + 0.003 * random.standard_normal(len(time))
    quiet = 1e-5 * random.standard_normal(int(silence * rate))
    return np.concatenate([quiet, speech, quiet]).astype(np.float32)


def write(path: Path, audio: np.ndarray, rate: int = 16_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate)


def ljspeech(root: Path) -> None:
    for number, name in enumerate(TEXTS):
        write(root / "wavs" / f"{name}.wav", tone(seed=number))
    lines = [f"{name}|raw {text}|{text}" for name, text in TEXTS.items()]
    (root / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def commonvoice(root: Path) -> None:
    lines = ["client_id\tpath\tsentence\tup_votes"]
    for number, (name, text) in enumerate(TEXTS.items()):
        write(root / "clips" / f"{name}.mp3", tone(seed=number))
        lines.append(f"{'ab' * 32}\t{name}.mp3\t{text}\t2")
    (root / "validated.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "invalidated.tsv").write_text("\n".join([lines[0], *lines[1:2]]) + "\n", encoding="utf-8")


def table(root: Path) -> None:
    lines = ["path,speaker,sentence"]
    for number, (name, text) in enumerate(TEXTS.items()):
        write(root / "audio" / f"{name}.ogg", tone(seed=number))
        lines.append(f'{name}.ogg,akosua,"{text}"')
    (root / "list.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def bibletts(root: Path) -> None:
    for number, (name, text) in enumerate(TEXTS.items()):
        stem = root / "asante-twi" / "dev" / "EZR" / f"EZR_001_Verse_{name}"
        write(stem.with_suffix(".flac"), tone(seed=number))
        stem.with_suffix(".txt").write_text(text, encoding="utf-8")


def plain(root: Path) -> None:
    for number, (name, text) in enumerate(TEXTS.items()):
        write(root / f"{name}.wav", tone(seed=number))
        (root / f"{name}.txt").write_text(text, encoding="utf-8")


SOURCES: dict[str, Callable[[Path], None]] = {
    "ljspeech": ljspeech,
    "commonvoice": commonvoice,
    "table": table,
    "bibletts": bibletts,
    "folder": plain,
}
