"""`PhoneRecognizer`: a trained recognizer, run on recordings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kalakan.audio.mel import log_mel
from kalakan.audio.resample import Resampler
from kalakan.data.phone_errors import Pair, aligned, sounds_of, sounds_of_ids
from kalakan.errors import VoiceError
from kalakan.models.recognizer import Recognizer, best_sounds
from kalakan.voices.package import file_hash
from kalakan.voices.weights import load_pt


class PhoneRecognizer:
    """The recognizer in a `recognizer.pt`, on the CPU. When pickled, only its path is sent, and it is loaded again.

    Raises `VoiceError` for a file without a recognizer.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        loaded = load_pt(self.path)
        if not isinstance(loaded.module, Recognizer):
            raise VoiceError(
                f"{path}: holds a {loaded.record.type}, not a recognizer; kalakan train --model-type recognizer makes "
                "one"
            )
        self._model, self._audio = loaded.module, loaded.audio

    def __reduce__(self) -> tuple[type[PhoneRecognizer], tuple[Path]]:
        return PhoneRecognizer, (self.path,)

    @property
    def sha256(self) -> str:
        """Hash of its file."""
        return file_hash(self.path)

    def sounds(self, audio: NDArray[np.float32], rate: int) -> list[str]:
        """The phones recognized in audio [S] in [-1, 1] at `rate` Hz; empty for less than one frame."""
        resampler = Resampler(rate, self._audio.sample_rate)
        samples = np.concatenate([resampler.push(audio), resampler.flush()])
        if len(samples) < self._audio.hop_length:
            return []
        mel = torch.from_numpy(log_mel(samples, self._audio))[None]
        with torch.inference_mode():
            (heard,) = best_sounds(*self._model(mel, torch.tensor([mel.shape[2]])))
        return sounds_of_ids(heard)

    def compare(self, audio: NDArray[np.float32], rate: int, units: Iterable[str]) -> list[Pair]:
        """The recognized phones for the units of audio [S], aligned sound by sound."""
        return aligned(sounds_of(units), self.sounds(audio, rate))
