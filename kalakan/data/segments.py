"""`SegmentDataset`: short stretches of recordings with their mel and F0, for vocoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from kalakan.audio.files import read_audio
from kalakan.config.schema import AudioConfig, Settings
from kalakan.data.collate import Batch
from kalakan.data.features import FeatureStore
from kalakan.data.manifest import Split, in_split, read_manifest
from kalakan.errors import DataError


class SegmentDataset(Dataset[dict[str, Tensor]]):
    """Segments of `frames` mel frames: mel [M, T], f0 [T] (Hz, 0 unvoiced) and audio [T * hop_length].

    A recording gives as many segments an epoch as fit into it. They begin anywhere, fixed by seed, epoch and index
    (`varied`), or one after another. The mel is the recording's, cached in `features`, or, where the folder
    `predicted` has an `<id>.npy` [M, T] of it, an acoustic model's.
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
    ) -> None:
        self.audio = audio or AudioConfig()
        self.frames = frames
        self.varied = varied
        self.seed = seed
        self.epoch = 0
        self.store = FeatureStore(features, self.audio)
        self.predicted = Path(predicted) if predicted else None
        self.utterances = in_split(read_manifest(folder), split)
        self.segments = [
            (index, place)
            for index, item in enumerate(self.utterances)
            for place in range(item.samples // self.audio.hop_length // frames)
        ]
        if not self.segments:
            raise DataError(f"{folder}: holds no recording of {frames} frames in the split {split!r}")
        self._mels: dict[int, NDArray[np.float32]] = {}
        self._f0s: dict[int, NDArray[np.float32]] = {}
        self._audio: dict[int, NDArray[np.int16]] = {}

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
        return {
            "mel": torch.from_numpy(mel[:, first : first + self.frames].copy()),
            "f0": torch.from_numpy(self.f0(number)[first : first + self.frames].copy()),
            "audio": torch.from_numpy(sound),
        }

    def mel(self, number: int) -> NDArray[np.float32]:
        """Log-mel [M, T] of a whole recording, kept in memory."""
        if number not in self._mels:
            utterance = self.utterances[number]
            mel = self.store.mel(utterance)
            if self.predicted is not None and (self.predicted / f"{utterance.id}.npy").is_file():
                mel = self._predicted(self.predicted / f"{utterance.id}.npy", mel)
            self._mels[number] = mel
        return self._mels[number]

    def f0(self, number: int) -> NDArray[np.float32]:
        """F0 [T] in Hz of a whole recording, 0 where unvoiced, kept in memory."""
        if number not in self._f0s:
            self._f0s[number] = self.store.f0(self.utterances[number])
        return self._f0s[number]

    def samples(self, number: int) -> NDArray[np.int16]:
        """Audio [S] of a whole recording in 16 bits, padded to its label's length, kept in memory."""
        if number not in self._audio:
            utterance = self.utterances[number]
            audio, _ = read_audio(utterance.audio)
            padded = np.zeros(utterance.samples, dtype=np.int16)
            size = min(len(audio), utterance.samples)
            padded[:size] = np.round(np.clip(audio[:size], -1.0, 1.0) * 32767.0).astype(np.int16)
            self._audio[number] = padded
        return self._audio[number]

    def set_epoch(self, epoch: int) -> None:
        """Chooses where the segments of the next pass begin."""
        self.epoch = epoch

    def name(self, index: int) -> str:
        """Id of the utterance that an item comes from."""
        return self.utterances[self.segments[index][0]].id

    def frame_counts(self) -> list[int]:
        """Every segment is as long as every other."""
        return [self.frames] * len(self.segments)

    def prepare(self, progress: Callable[[int, int], Any] | None = None) -> None:
        """Computes every mel and F0 that is not cached yet; `progress(done, total)` after each segment."""
        for index, (number, _) in enumerate(self.segments):
            self.mel(number)
            self.f0(number)
            if progress:
                progress(index + 1, len(self))

    def _predicted(self, path: Path, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        found = np.load(path)
        if found.shape != mel.shape or not np.isfinite(found).all():
            raise DataError(f"{path}: has shape {found.shape}; it must be {mel.shape} and finite")
        return np.asarray(found, dtype=np.float32)


def segment_splits(
    folder: str | Path, features: str | Path, settings: Settings
) -> tuple[SegmentDataset, SegmentDataset]:
    """What a vocoder trains on: random segments of the training split, longer, fixed ones of the
    validation split."""
    options = settings.segments
    shared: dict[str, Any] = {"audio": settings.audio, "features": features}
    shared["predicted"] = options.predicted or None
    return (
        SegmentDataset(folder, frames=options.frames, varied=True, seed=settings.training.seed, **shared),
        SegmentDataset(folder, frames=options.validation_frames, split="validation", **shared),
    )


def stack(items: Sequence[dict[str, Tensor]]) -> Batch:
    """Segments, which are equally long, as one batch."""
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}
