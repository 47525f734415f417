"""`TwiDataset`: utterances as arrays for training an acoustic model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kalakan.config.schema import AudioConfig, DataConfig
from kalakan.data.collate import collate
from kalakan.data.feature_workers import DAMAGE, Stored
from kalakan.data.features import log_energy, speaker_names
from kalakan.data.manifest import Split, Utterance, in_split
from kalakan.data.recorded_corpus import MOST_NAMED, Recordings, describe_damage
from kalakan.data.silences import fault
from kalakan.data.tones import pitch_weights, with_predicted_tones
from kalakan.data.units import UnitSequence, plain_sequence, varied_sequence
from kalakan.errors import DataError, SilenceWarning, UnalignedWarning


class TwiDataset(Recordings):
    """Utterances of a corpus folder as tensors.

    `dataset[i]` is one utterance: phonemes [N], durations [N] (frames), mel [M, T] (log), pitch [T] (Hz, 0
    unvoiced), energy [T] (log), frames (T before padding) and speaker (row); with predicted tones (`data.tones`) also
    pitch_weight [T], the weight of each frame in the pitch loss. `dataset.__getitems__`, which
    `DataLoader` calls for a batch, returns them padded to one length, so the default collate works.

    A folder that is not aligned yet (`is_aligned` is false) yields no durations, and the mel of the whole recording;
    in a partly aligned one the other utterances are skipped, with an `UnalignedWarning`.

    `varied=True` applies the augmentation of `DataConfig`, fixed by seed, epoch (`set_epoch`) and index. Features
    are cached in `features` (default: a folder `features` in the current directory's `.kalakan`). `prosody=False`
    omits pitch and energy, for models that use neither.

    Damaged items are skipped with a `DamagedDataWarning`: records immediately, recordings by `prepare`, or, if that
    was not called, when batches are built. `dataset[i]` raises the item's error.
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
        prosody: bool = True,
    ) -> None:
        super().__init__(folder, audio, features)
        everything = self.everything
        self.is_aligned = any(item.is_aligned for item in everything)
        if self.is_aligned:
            self._warn_of_unaligned(in_split(everything, split), split)
            everything = [item for item in everything if item.is_aligned]
        self.data = data or DataConfig()
        if self.data.skip_doubtful:
            everything = [item for item in everything if not item.doubtful]
        self.speakers = speaker_names(everything, self.data.speakers)
        self.utterances = in_split(everything, split)
        if not self.utterances:
            raise DataError(f"{folder}: holds no utterance of the split {split!r}")
        if self.data.tones == "predicted":
            self._predict_tones()
        self.split, self.varied = split, varied
        self.silent: dict[str, str] = {}
        """Why `prepare` left out an utterance for a silence, by its id."""
        self.seed = seed
        self.epoch = 0
        self.prosody = prosody

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
        item["mel"] = torch.from_numpy(np.ascontiguousarray(mel))
        if self.prosody:
            item["pitch"] = torch.from_numpy(self.f0(index)[window].copy())
            item["energy"] = torch.from_numpy(log_energy(mel))
            if self.data.tones == "predicted":
                weights = pitch_weights(
                    utterance, self.f0(index), self.audio.hop_length, self.data.contradicted_weight
                )
                item["pitch_weight"] = torch.from_numpy(weights[window].copy())
        return {
            **item,
            "frames": torch.tensor(mel.shape[1]),
            "speaker": torch.tensor(self.speakers.index(utterance.speaker)),
        }

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """The items of one batch, each padded to the longest: ids and durations with 0, mel with its floor.

        Damaged items are skipped; raises `DataError` if all are damaged.
        """
        found: dict[str, str] = {}
        items = []
        for index in indices:
            try:
                items.append(self[index])
            except DAMAGE as error:
                found[self.name(index)] = str(error)
        self._warn(found, "recordings")
        if not items:
            raise DataError(
                f"{self.folder}: a whole batch is damaged; the first: {next(iter(found.values()))}"
            )
        batch = collate(items, self.audio.mel_floor)
        return [{key: value[row] for key, value in batch.items()} for row in range(len(items))]

    def read(self, index: int) -> None:
        """Loads the mel, and the F0 of a dataset with prosody."""
        super().read(index)
        if self.prosody:
            self.f0(index)

    def stored(self, utterance: Utterance) -> tuple[Stored, ...]:
        """See `Recordings`."""
        return ("mel", "f0") if self.prosody else ("mel",)

    def prepare(self, progress: Callable[[int, int], Any] | None = None, workers: int = 0) -> None:
        """Like the base class; then skips utterances with silences that `data` forbids, with a `SilenceWarning`."""
        super().prepare(progress, workers)
        if self.split != "train" or not (self.data.longest_silence_ms or self.data.quietest_nasal_db):
            return
        self.silent = {
            item.id: reason
            for index, item in enumerate(self.utterances)
            if (reason := fault(item, self.mel(index), self.audio, self.data))
        }
        if not self.silent:
            return
        total = len(self.utterances)
        self.utterances = [item for item in self.utterances if item.id not in self.silent]
        if not self.utterances:
            raise DataError(
                f"{self.folder}: every utterance has a silence that data.longest_silence_ms or data.quietest_nasal_db "
                f"forbids; the first: {next(iter(self.silent.values()))}"
            )
        warnings.warn(
            f"{self.folder}: {len(self.silent)} of {total} utterances are left out for silences: "
            f"{describe_damage(self.silent)}",
            SilenceWarning,
            stacklevel=2,
        )

    def sequence(self, index: int) -> UnitSequence:
        """Phoneme ids and durations of one utterance, augmented if `varied`."""
        utterance = self.utterances[index]
        if not self.varied:
            return plain_sequence(utterance, self.audio)
        random = np.random.default_rng([self.seed, self.epoch, index])
        return varied_sequence(utterance, self.audio, self.data, random)

    def _predict_tones(self) -> None:
        """Raises `DataError` if no utterance has tones then: the model would learn none."""
        self.utterances, count = with_predicted_tones(self.utterances)
        if not count and not any(any(item.tones) for item in self.utterances):
            raise DataError(
                f"{self.folder}: data.tones is 'predicted' and no transcript is read as the units of its utterance, so "
                "none gets tones; prepare the corpus again with this version, or set data.tones=written"
            )

    def _warn_of_unaligned(self, chosen: Sequence[Utterance], split: Split) -> None:
        missing = [item.id for item in chosen if not item.is_aligned]
        if missing:
            names = ", ".join([*missing[:MOST_NAMED], *(["…"] if len(missing) > MOST_NAMED else [])])
            warnings.warn(
                f"{self.folder}: {len(missing)} of {len(chosen)} utterances of the split {split!r} have no "
                f"durations and are left out ({names}); `kalakan align {self.folder}` aligns them",
                UnalignedWarning,
                stacklevel=3,
            )

    def set_epoch(self, epoch: int) -> None:
        """Selects the augmentation of the next pass."""
        self.epoch = epoch
