"""`RecognitionDataset`: recordings and their phones, from one or more corpora; reads no durations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kalakan.config.schema import AudioConfig, RecognitionConfig
from kalakan.data.distortion import distorted
from kalakan.data.manifest import in_split, read_manifest
from kalakan.data.phone_errors import sounds_of
from kalakan.data.recorded_corpus import Recordings
from kalakan.data.utterance import Utterance
from kalakan.errors import DataError
from kalakan.text.phonemes import symbol_to_id


class RecognitionDataset(Recordings):
    """Items: mel [M, T] (log), sounds [N] (phoneme ids), frames (T) and count (N).

    `config.corpora` are further corpus folders of the same split. With `varied`, items are distorted, fixed by seed,
    epoch (`set_epoch`) and index.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        split: str = "train",
        audio: AudioConfig | None = None,
        config: RecognitionConfig | None = None,
        features: str | Path | None = None,
        varied: bool = False,
        seed: int = 1234,
    ) -> None:
        super().__init__(folder, audio, features)
        self.config = config or RecognitionConfig()
        self.utterances = in_split(self.everything, split)
        for more in self.config.corpora:
            self._add(in_split(read_manifest(more, self.left_out), split), more)
        self.utterances = [item for item in self.utterances if sounds_of(item.units)]
        if not self.utterances:
            raise DataError(f"{folder}: holds no utterance of the split {split!r}")
        self.varied, self.seed, self.epoch = varied, seed, 0

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        mel = self.mel(index)
        if self.varied:
            random = np.random.default_rng([self.seed, self.epoch, index])
            mel = distorted(mel, self.audio.frame_rate, self.config.distortion_rate, random)
        sounds = self.sounds(index)
        return {
            "mel": torch.from_numpy(mel.copy()),
            "sounds": torch.tensor([symbol_to_id(sound) for sound in sounds]),
            "frames": torch.tensor(mel.shape[1]),
            "count": torch.tensor(len(sounds)),
        }

    def sounds(self, index: int) -> list[str]:
        """The sounds of one utterance."""
        return sounds_of(self.utterances[index].units)

    def set_epoch(self, epoch: int) -> None:
        """Selects the distortions of the next pass."""
        self.epoch = epoch

    def _add(self, more: Sequence[Utterance], folder: str) -> None:
        """Adds utterances of another corpus; raises `DataError` for a duplicate id, whose features would clash."""
        known = {item.id for item in self.utterances}
        for item in more:
            if item.id in known:
                raise DataError(f"{folder}: has an utterance {item.id!r}, as {self.folder} has; rename one")
        self.utterances += more
