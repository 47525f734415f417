"""Synthesizes clips of given sentences, with a manifest, for external evaluation; no sentence is rejected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalakan.audio.files import write_audio
from kalakan.errors import AudioError, TextError
from kalakan.storage import replacing

SILENCE_S = 0.5
"""Length of the clip for a text without pronounceable content."""
MANIFEST = "manifest.tsv"
HEADER = ("file", "text", "speaker", "seconds", "note")


@dataclass(frozen=True)
class ClipCounts:
    """Statistics of the written clips."""

    clips: int
    """All clips."""
    silent: int
    """Silent clips, of texts without pronounceable content."""
    seconds: float
    """Total length of all clips."""


def read_texts(content: str) -> list[str]:
    """The lines of a text file, split at line breaks only; the last may lack one."""
    lines = [line.removesuffix("\r") for line in content.removeprefix("\ufeff").split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def write_clips(
    folder: str | Path,
    texts: Sequence[str],
    speak: Callable[[str], Any],
    sample_rate: int,
    speaker: str,
    progress: Callable[[int, int], Any] | None = None,
) -> ClipCounts:
    """Writes folder/0001.wav … and `MANIFEST` (tab-separated, with `HEADER`), one clip per text.

    `speak` returns audio [S] in [-1, 1]; if it raises `TextError`, the clip is silence and the note gives the reason.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    lines = ["\t".join(HEADER)]
    silent, samples = 0, 0
    for number, text in enumerate(texts, start=1):
        note = ""
        try:
            audio = speak(text)
        except TextError as error:
            audio, note = np.zeros(round(SILENCE_S * sample_rate), np.float32), f"silence: {error}"
            silent += 1
        name = f"{number:04d}.wav"
        write_audio(folder / name, audio, sample_rate)
        samples += len(audio)
        cells = (name, text, speaker, f"{len(audio) / sample_rate:.3f}", note)
        lines.append("\t".join(" ".join(cell.split("\t")).replace("\r", " ") for cell in cells))
        if progress:
            progress(number, len(texts))
    with replacing(folder / MANIFEST) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return ClipCounts(len(texts), silent, samples / sample_rate)
