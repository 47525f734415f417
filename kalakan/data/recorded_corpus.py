"""`Recordings`: the utterances of a split with their features; damaged ones are skipped and counted."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from kalakan.config.schema import AudioConfig
from kalakan.data.arrays import is_current
from kalakan.data.feature_workers import Stored, fault_of, stored_fault, take_store
from kalakan.data.features import FeatureStore
from kalakan.data.manifest import Utterance, read_manifest
from kalakan.errors import DamagedDataWarning, DataError

LEAST_SHARED_S = 1200.0
"""Seconds of recordings whose features are worth the start of worker processes, half a CPU second."""
MOST_NAMED = 3
"""Maximum number of damaged items named in one warning or note."""


class Recordings(Dataset[dict[str, Tensor]]):
    """Base of the datasets: utterances, their features, and the skipped ones.

    Features are cached in the folder `features`; F0 is kept in memory, mels and audio are read on demand (75 hours of
    mels are 7 GB; the operating system caches what fits). `prepare` reads all of them and skips utterances whose
    recording or features are damaged; damaged records of the manifest are skipped from the start. Each is reported in
    a `DamagedDataWarning`, and its reason stored in `left_out`.
    """

    left_out: dict[str, str]
    """Why an utterance was skipped, by its id, or by its line in the manifest."""

    def __init__(self, folder: str | Path, audio: AudioConfig | None, features: str | Path | None) -> None:
        self.folder = Path(folder)
        self.audio = audio or AudioConfig()
        self.left_out = {}
        self.everything = read_manifest(self.folder, self.left_out)
        """Every valid record of the folder, of all splits."""
        self._warn(self.left_out, "records")
        self.store = FeatureStore(features or Path(".kalakan") / "features", self.audio)
        self.utterances: list[Utterance] = []
        self._f0s: dict[str, NDArray[np.float32]] = {}

    def mel(self, index: int) -> NDArray[np.float32]:
        """Log-mel [M, T] of the whole recording of an utterance, as a new array."""
        return self._load_mel(self.utterances[index])

    def f0(self, index: int) -> NDArray[np.float32]:
        """F0 [T] in Hz of the whole recording of an utterance, 0 where unvoiced."""
        utterance = self.utterances[index]
        if utterance.id not in self._f0s:
            self._f0s[utterance.id] = self.store.f0(utterance)
        return self._f0s[utterance.id]

    def read(self, index: int) -> None:
        """Reads the features of an utterance; raises one of `kalakan.data.feature_workers.DAMAGE` on failure."""
        self.mel(index)

    def stored(self, utterance: Utterance) -> tuple[Stored, ...]:
        """The features that `read` takes from the store."""
        return ("mel",)

    def prepare(self, progress: Callable[[int, int], Any] | None = None, workers: int = 0) -> None:
        """Computes every feature that is not cached yet, in `workers` processes if there are `LEAST_SHARED_S` or more;
        calls `progress(done, total)` after each utterance.

        Skips damaged utterances. Raises `DataError` if all are damaged.
        """
        found: dict[str, str] = {}
        total = len(self.utterances)
        with closing(self._faults(workers)) as faults:
            for index, fault in enumerate(faults):
                if fault is not None:
                    found[self.utterances[index].id] = fault
                if progress:
                    progress(index + 1, total)
        self.leave_out(found)
        self._warn(found, "recordings")

    def fault(self, index: int) -> str | None:
        """Why the features of an utterance cannot be computed; None if they are cached now."""
        return fault_of(lambda: self.read(index))

    def _faults(self, workers: int) -> Generator[str | None, None, None]:
        """The `fault` of each utterance in order."""
        total = len(self.utterances)
        length = sum(item.samples for item in self.utterances) / self.audio.sample_rate
        if min(workers, total) < 2 or length < LEAST_SHARED_S or self._is_cached(total - 1):
            yield from map(self.fault, range(total))
            return
        # Not fork: this process may hold threads of BLAS or torch.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(workers, total), context, take_store, (self.store,)) as pool:
            try:
                wanted = [self.stored(item) for item in self.utterances]
                faults = pool.map(stored_fault, self.utterances, wanted, chunksize=2)
                for index, fault in enumerate(faults):  # a mel from elsewhere is read here
                    yield fault if fault is not None or "mel" in wanted[index] else self.fault(index)
            except BrokenProcessPool as error:
                raise DataError(
                    f"{self.folder}: a process that computed features was ended, perhaps for want of memory: {workers} "
                    "workers (training.workers) may be too many, and a script must train below "
                    "if __name__ == '__main__'; the same command goes on"
                ) from error
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _is_cached(self, index: int) -> bool:
        """Whether the mel of an utterance is cached: the last utterance's is computed last."""
        return is_current(self.store.path(self.utterances[index]), self.utterances[index].audio)

    def leave_out(self, damaged: Mapping[str, str]) -> None:
        """Skips utterances, given by id with a reason each. Raises `DataError` if none is left."""
        kept = [item for item in self.utterances if item.id not in damaged]
        self.left_out |= damaged
        if not kept:
            reason = next(iter(damaged.values()))
            raise DataError(
                f"{self.folder}: no utterance of {len(self.utterances)} can be used; the first: {reason}"
            )
        self.utterances = kept

    def name(self, index: int) -> str:
        """Id of the utterance that an item comes from."""
        return self.utterances[index].id

    def frame_counts(self) -> list[int]:
        """Mel frames of each recording, from the labels, without reading audio."""
        return [item.samples // self.audio.hop_length for item in self.utterances]

    def speakers_of_items(self) -> list[str]:
        """Speaker of each item."""
        return [item.speaker for item in self.utterances]

    def _load_mel(self, utterance: Utterance) -> NDArray[np.float32]:
        return self.store.mel(utterance)

    def _warn(self, damaged: Mapping[str, str], what: str) -> None:
        if damaged:
            warnings.warn(
                f"{self.folder}: damaged {what} left out: {describe_damage(damaged)}",
                DamagedDataWarning,
                stacklevel=1,
            )


def describe_damage(damaged: Mapping[str, str]) -> str:
    """Number of damaged items, and the reasons of the first ones: "2 (x.ogg cannot be read as audio; …)"."""
    reasons = list(damaged.values())
    more = "; …" if len(reasons) > MOST_NAMED else ""
    return f"{len(reasons)} ({'; '.join(reasons[:MOST_NAMED])}{more})"
