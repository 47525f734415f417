"""`AlignmentDataset`: recordings and the states to align with them; no durations are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kalakan.config.schema import AudioConfig
from kalakan.data.alignment_states import States, states_of
from kalakan.data.manifest import Utterance, in_split
from kalakan.data.recorded_corpus import Recordings
from kalakan.errors import DataError


class AlignmentDataset(Recordings):
    """Items: mel [M, T] (log), states [N] (classes), optional [N] (1 or 0), frames (T) and count (N).

    The split "train" is everything except the test split, since no labels are used. Recordings with fewer frames than
    sounds are skipped and listed in `too_short`.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        split: str = "train",
        audio: AudioConfig | None = None,
        features: str | Path | None = None,
    ) -> None:
        super().__init__(folder, audio, features)
        everything = self.everything
        chosen = (
            [item for item in everything if not item.is_test]
            if split == "train"
            else in_split(everything, split)
        )
        self.too_short = [item for item in chosen if not _fits(item, self.audio)]
        self.utterances = [item for item in chosen if _fits(item, self.audio)]
        if not self.utterances:
            raise DataError(f"{folder}: holds no utterance to align in the split {split!r}")

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        mel, states = self.mel(index), self.states(index)
        return {
            "mel": torch.from_numpy(mel.copy()),
            "states": torch.from_numpy(states.ids),
            "optional": torch.from_numpy(states.optional.astype(np.int64)),
            "frames": torch.tensor(mel.shape[1]),
            "count": torch.tensor(len(states.ids)),
        }

    def states(self, index: int) -> States:
        """The states of one utterance."""
        return states_of(self.utterances[index])

    def set_epoch(self, epoch: int) -> None:
        """No effect: there is no augmentation."""


def _fits(utterance: Utterance, audio: AudioConfig) -> bool:
    return int(np.sum(~states_of(utterance).optional)) <= utterance.samples // audio.hop_length
