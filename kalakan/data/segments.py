"""`SegmentDataset`: short stretches of recordings with their mel and F0, for vocoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kalakan.config.schema import AudioConfig, Settings
from kalakan.data.arrays import ArrayFiles
from kalakan.data.collate import Batch
from kalakan.data.feature_workers import Stored
from kalakan.data.manifest import Split, Utterance, in_split
from kalakan.data.recorded_corpus import Recordings
from kalakan.errors import DataError


class SegmentDataset(Recordings):
    """Segments of `frames` mel frames: mel [M, T], audio [T * hop_length], and, with `f0`, f0 [T] (Hz, 0 unvoiced).

    A recording yields as many segments per epoch as fit into it. They start at random offsets, determined by seed,
    epoch and index (`varied`), or one after another. The mel is the recording's, cached in `features`, or an acoustic
    model's, if the folder `predicted` has an `<id>.npy` [M, T] for it.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        frames: int,
        split: Split = "train",
        audio: AudioConfig | None = None,
        features: str | Path = Path(".kalakan") / "features",
        predicted: str | Path | None = None,
        varied: bool = False,
        seed: int = 1234,
        f0: bool = True,
    ) -> None:
        super().__init__(folder, audio, features)
        self.frames = frames
        self.varied = varied
        self.seed = seed
        self.epoch = 0
        self.has_f0 = f0
        self.split = split
        self.predicted = Path(predicted) if predicted else None
        self.utterances = in_split(self.everything, split)
        self._lay_out()
        self._files = ArrayFiles(np.float32)

    def __len__(self) -> int:
        return len(self.segments)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        number, place = self.segments[index]
        mel, audio = self.mel(number), self.samples(number)
        first = place * self.frames
        if self.varied:
            random = np.random.default_rng([self.seed, self.epoch, index])
            first = int(random.integers(0, mel.shape[1] - self.frames + 1))
        hop = self.audio.hop_length
        sound = audio[first * hop : (first + self.frames) * hop].astype(np.float32) / 32768.0
        item = {
            "mel": torch.from_numpy(mel[:, first : first + self.frames].copy()),
            "audio": torch.from_numpy(sound),
        }
        if self.has_f0:
            item["f0"] = torch.from_numpy(self.f0(number)[first : first + self.frames].copy())
        return item

    def samples(self, index: int) -> NDArray[np.int16]:
        """16-bit audio [S] of a whole recording, of the length in its label, as a new array."""
        return self.store.samples(self.utterances[index])

    def read(self, index: int) -> None:
        """Reads mel and audio, and the F0 if it is used."""
        super().read(index)
        self.samples(index)
        if self.has_f0:
            self.f0(index)

    def stored(self, utterance: Utterance) -> tuple[Stored, ...]:
        """See `Recordings`."""
        mel: tuple[Stored, ...] = () if self._predicted_mel(utterance) else ("mel",)
        f0: tuple[Stored, ...] = ("f0",) if self.has_f0 else ()
        return (*mel, "samples", *f0)

    def leave_out(self, damaged: Mapping[str, str]) -> None:
        """As `Recordings.leave_out`; raises `DataError` too if what is left holds no segment."""
        super().leave_out(damaged)
        self._lay_out()

    def set_epoch(self, epoch: int) -> None:
        """Selects the segment offsets of the next pass."""
        self.epoch = epoch

    def name(self, index: int) -> str:
        """Id of the utterance that an item comes from."""
        return self.utterances[self.segments[index][0]].id

    def frame_counts(self) -> list[int]:
        """All segments have the same length."""
        return [self.frames] * len(self.segments)

    def speakers_of_items(self) -> list[str]:
        """Speaker of each segment."""
        return [self.utterances[number].speaker for number, _ in self.segments]

    def _lay_out(self) -> None:
        """Enumerates the segments: index of the utterance, and position in it."""
        self.segments = [
            (index, place)
            for index, item in enumerate(self.utterances)
            for place in range(item.samples // self.audio.hop_length // self.frames)
        ]
        if not self.segments:
            raise DataError(
                f"{self.folder}: holds no recording of {self.frames} frames in the split {self.split!r}"
            )

    def _load_mel(self, utterance: Utterance) -> NDArray[np.float32]:
        """The mel of a recording: an acoustic model's if there is one."""
        path = self._predicted_mel(utterance)
        if path is None:
            return super()._load_mel(utterance)
        try:
            return self._files.read(path, (self.audio.n_mels, utterance.samples // self.audio.hop_length))
        except DataError as error:
            raise DataError(f"{error}; predict it again") from error

    def _predicted_mel(self, utterance: Utterance) -> Path | None:
        """The file of an acoustic model's mel, if there is one."""
        path = None if self.predicted is None else self.predicted / f"{utterance.id}.npy"
        return path if path is not None and path.is_file() else None


def segment_splits(
    folder: str | Path, features: str | Path, settings: Settings, *, f0: bool
) -> tuple[SegmentDataset, SegmentDataset]:
    """Training data of a vocoder: random segments of the training split, longer, fixed ones of the validation split.

    `f0`: whether the vocoder uses the F0 of its segments.
    """
    options = settings.segments
    shared: dict[str, Any] = {"audio": settings.audio, "features": features, "f0": f0}
    shared["predicted"] = options.predicted or None
    return (
        SegmentDataset(folder, frames=options.frames, varied=True, seed=settings.training.seed, **shared),
        SegmentDataset(folder, frames=options.validation_frames, split="validation", **shared),
    )


def stack(items: Sequence[dict[str, Tensor]]) -> Batch:
    """Stacks segments, which are equally long, into one batch."""
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}
