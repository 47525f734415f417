"""The test sentences of a corpus, as arrays aligned with a voice's output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kalakan.config.schema import AudioConfig
from kalakan.data.dataset import TwiDataset
from kalakan.data.manifest import Utterance
from kalakan.errors import DataError


@dataclass(frozen=True)
class Sample:
    """One recording, cut to its units."""

    utterance: Utterance
    """Labels of the whole recording."""
    ids: NDArray[np.int64]
    """Phoneme ids [N], tone units inline."""
    durations: NDArray[np.int64]
    """Labelled mel frames of each id [N]."""
    mel: NDArray[np.float32]
    """Log-mel [M, T]."""
    f0: NDArray[np.float32]
    """Labelled F0 [T] in Hz, 0 where unvoiced."""
    audio: NDArray[np.float32]
    """Audio [T * hop_length] in [-1, 1]."""

    @property
    def has_tones(self) -> bool:
        """True if the sentence is marked with tones."""
        return any(self.utterance.tones)


class Samples:
    """The test sentences of the speakers that a voice has: `limit` of each (default: all), spread over the split.

    Damaged utterances are skipped with a `DamagedDataWarning`, and their reasons stored in `damaged`. Raises
    `DataError` for a corpus that has no test split or is not aligned, for speakers that the corpus or the voice lacks,
    and if no requested sentence is left.
    """

    damaged: dict[str, str]
    """Why an utterance was skipped, by its id, or by its line in the manifest (of any split)."""

    def __init__(
        self,
        folder: str | Path,
        audio: AudioConfig,
        voice_speakers: Sequence[str],
        features: str | Path,
        asked: Sequence[str] = (),
        limit: int | None = None,
    ) -> None:
        self.dataset = TwiDataset(folder, split="test", audio=audio, features=features)
        if not self.dataset.is_aligned:
            raise DataError(f"{folder}: has no durations yet; run `kalakan align {folder}` first")
        self.audio = audio
        self.mark_tones = any(any(item.tones) for item in self.dataset.everything)
        """Whether any utterance of the corpus has tone labels."""
        present = sorted({item.speaker for item in self.dataset.utterances})
        self.speakers = _shared(present, voice_speakers, asked, folder)
        self.left_out = [speaker for speaker in present if speaker not in self.speakers]
        self._prepare(asked)
        self.rows = [row for speaker in self.speakers for row in self._rows_of(speaker, limit)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Sample:
        row = self.rows[index]
        utterance, sequence, item = (
            self.dataset.utterances[row],
            self.dataset.sequence(row),
            self.dataset[row],
        )
        hop = self.audio.hop_length
        window = slice(sequence.first_frame * hop, (sequence.first_frame + sequence.frames) * hop)
        return Sample(
            utterance,
            sequence.ids,
            sequence.durations,
            item["mel"].numpy(),
            item["pitch"].numpy(),
            self.dataset.store.audio(utterance)[window],
        )

    def voiced_f0(self, speaker: str) -> NDArray[np.float32]:
        """All F0 values in Hz of one speaker's test sentences, 0 where unvoiced."""
        rows = [row for row, item in enumerate(self.dataset.utterances) if item.speaker == speaker]
        return np.concatenate([self.dataset.f0(row) for row in rows])

    def _prepare(self, asked: Sequence[str]) -> None:
        """Reads the speakers' recordings; skips damaged ones, and speakers without remaining recordings."""
        dataset = self.dataset
        dataset.utterances = [item for item in dataset.utterances if item.speaker in self.speakers]
        dataset.prepare()
        self.damaged = dataset.left_out
        left = {item.speaker for item in dataset.utterances}
        for speaker in self.speakers:
            if speaker in asked and speaker not in left:
                raise DataError(
                    f"{dataset.folder}: no test recording of speaker {speaker!r} can be used; mend one"
                )
        self.left_out += [speaker for speaker in self.speakers if speaker not in left]
        self.speakers = [speaker for speaker in self.speakers if speaker in left]

    def _rows_of(self, speaker: str, limit: int | None) -> list[int]:
        rows = [row for row, item in enumerate(self.dataset.utterances) if item.speaker == speaker]
        if limit is None or limit >= len(rows):
            return rows
        # Sentences with tones are few: keep their share.
        rows.sort(key=lambda row: not any(self.dataset.utterances[row].tones))
        places = np.linspace(0, len(rows) - 1, limit).round().astype(int)
        return [rows[place] for place in places]


def _shared(present: list[str], known: Sequence[str], asked: Sequence[str], folder: str | Path) -> list[str]:
    for speaker in asked:
        for names, place in ((known, "this voice"), (present, f"the test split of {folder}")):
            if speaker not in names:
                raise DataError(f"speaker {speaker!r} is not in {place}; choose one of {', '.join(names)}")
    shared = [speaker for speaker in present if speaker in known and (not asked or speaker in asked)]
    if not shared:
        raise DataError(
            f"{folder}: is spoken by {', '.join(present)} and the voice by {', '.join(known)}; no speaker is shared"
        )
    return shared
