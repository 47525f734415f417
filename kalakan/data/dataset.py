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
from kalakan.data.manifest import Split, in_split, read_manifest
from kalakan.data.units import UnitSequence, plain_sequence, varied_sequence
from kalakan.errors import DataError


class TwiDataset(Dataset[dict[str, Tensor]]):
    """Utterances of a corpus folder as tensors.

    `dataset[i]` is one utterance: phonemes [N], durations [N] (frames), mel [M, T] (log), pitch [T] (Hz, 0
    unvoiced), energy [T] (log), frames (T before padding) and speaker (row). `dataset.__getitems__`, which
    `DataLoader` calls for a batch, returns them padded to one length, so the default collate works.

    A folder that is not aligned yet (`is_aligned` is false) gives no durations, and the mel of the whole recording;
    one that is aligned in part leaves the other utterances out.

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
        everything = read_manifest(folder)
        self.is_aligned = any(item.is_aligned for item in everything)
        if self.is_aligned:
            everything = [item for item in everything if item.is_aligned]
        self.speakers = speaker_names(everything)
        self.utterances = in_split(everything, split)
        if not self.utterances:
            raise DataError(f"{folder}: holds no utterance of the split {split!r}")
        self.audio = audio or AudioConfig()
        self.data = data or DataConfig()
        self.store = FeatureStore(features or Path(".kalakan") / "features", self.audio)
        self.varied = varied
        self.seed = seed
        self.epoch = 0
        self._mels: dict[int, NDArray[np.float32]] = {}
        self._f0s: dict[int, NDArray[np.float32]] = {}

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        utterance = self.utterances[index]
        sequence = self.sequence(index)
        window = slice(None)
        item = {"phonemes": torch.from_numpy(sequence.ids)}
        if self.is_aligned:
            window = slice(sequence.first_frame, sequence.first_frame + sequence.frames)
            item["durations"] = torch.from_numpy(sequence.durations)
        mel = self.mel(index)[:, window]
        return {
            **item,
            "mel": torch.from_numpy(mel.copy()),
            "pitch": torch.from_numpy(self.f0(index)[window].copy()),
            "energy": torch.from_numpy(log_energy(mel)),
            "frames": torch.tensor(mel.shape[1]),
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

    def f0(self, index: int) -> NDArray[np.float32]:
        """F0 [T] in Hz of the whole recording, 0 where unvoiced, kept in memory after the first reading."""
        if index not in self._f0s:
            self._f0s[index] = self.store.f0(self.utterances[index])
        return self._f0s[index]

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
            self.f0(index)
            if progress:
                progress(index + 1, len(self))
