"""`TwiDataset`: utterances as arrays that an acoustic model trains on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from kalakan.config.schema import AudioConfig, DataConfig
from kalakan.data.collate import collate
from kalakan.data.features import FeatureStore, log_energy, speaker_names
from kalakan.data.manifest import F0_SAMPLES, Utterance, read_manifest
from kalakan.data.units import UnitSequence, plain_sequence, varied_sequence
from kalakan.errors import DataError

Split = str
"""One of "train", "test" and "all"."""


class TwiDataset(Dataset[dict[str, Tensor]]):
    """Utterances of a corpus folder as tensors.

    `dataset[i]` is one utterance: phonemes [N], durations [N] (frames), mel [M, T] (log), pitch [T] (Hz, 0
    unvoiced), energy [T] (log) and speaker (row). `dataset.__getitems__`, which `DataLoader` calls for a batch,
    returns them padded to one length, so the default collate works.

    `varied=True` applies the augmentation of `DataConfig`, fixed by seed, epoch (`set_epoch`) and index. Features
    are cached in `features` (default: a folder `features` in the current directory's `.kalakan`).
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        split: Split = "train",
        audio: AudioConfig | None = None,
        data: DataConfig | None = None,
        features: str | Path | None = None,
        varied: bool = False,
        seed: int = 1234,
    ) -> None:
        if split not in ("train", "test", "all"):
            raise DataError(f"split is {split!r}; choose 'train', 'test' or 'all'")
        everything = read_manifest(folder)
        self.speakers = speaker_names(everything)
        self.utterances = [item for item in everything if split == "all" or item.is_test == (split == "test")]
        if not self.utterances:
            raise DataError(f"{folder}: holds no utterance of the split {split!r}")
        self.audio = audio or AudioConfig()
        self.data = data or DataConfig()
        self.store = FeatureStore(features or Path(".kalakan") / "features", self.audio)
        self.varied = varied
        self.seed = seed
        self.epoch = 0
        self._mels: dict[int, NDArray[np.float32]] = {}

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        utterance = self.utterances[index]
        sequence = self.sequence(index)
        window = slice(sequence.first_frame, sequence.first_frame + sequence.frames)
        mel = self.mel(index)[:, window]
        return {
            "phonemes": torch.from_numpy(sequence.ids),
            "durations": torch.from_numpy(sequence.durations),
            "mel": torch.from_numpy(mel.copy()),
            "pitch": torch.from_numpy(_frame_pitch(utterance, self.audio.hop_length, window)),
            "energy": torch.from_numpy(log_energy(mel)),
            "speaker": torch.tensor(self.speakers.index(utterance.speaker)),
        }

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """The items of one batch, each padded to the longest: ids and durations with 0, mel with its floor."""
        batch = collate([self[index] for index in indices], self.audio.mel_floor)
        return [{key: value[row] for key, value in batch.items()} for row in range(len(indices))]

    def sequence(self, index: int) -> UnitSequence:
        """Phoneme ids and durations of one utterance, augmented if `varied`."""
        utterance = self.utterances[index]
        if not self.varied:
            return plain_sequence(utterance, self.audio.hop_length)
        random = np.random.default_rng([self.seed, self.epoch, index])
        return varied_sequence(utterance, self.audio.hop_length, self.data, random)

    def mel(self, index: int) -> NDArray[np.float32]:
        """Log-mel [M, T] of the whole recording, kept in memory after the first reading."""
        if index not in self._mels:
            self._mels[index] = self.store.mel(self.utterances[index])
        return self._mels[index]

    def set_epoch(self, epoch: int) -> None:
        """Chooses the augmentation of the next pass."""
        self.epoch = epoch

    def name(self, index: int) -> str:
        """Id of the utterance that an item comes from."""
        return self.utterances[index].id

    def frame_counts(self) -> list[int]:
        """Mel frames of each recording, from the labels: no audio is read."""
        return [item.samples // self.audio.hop_length for item in self.utterances]

    def prepare(self, progress: Callable[[int, int], Any] | None = None) -> None:
        """Computes every feature that is not cached yet; `progress(done, total)` after each."""
        for index in range(len(self)):
            self.mel(index)
            if progress:
                progress(index + 1, len(self))


def _frame_pitch(utterance: Utterance, hop_length: int, window: slice) -> NDArray[np.float32]:
    centres = (np.arange(window.start, window.stop) * hop_length + hop_length // 2) // F0_SAMPLES
    pitch: NDArray[np.float32] = utterance.f0[np.clip(centres, 0, len(utterance.f0) - 1)]
    return pitch
