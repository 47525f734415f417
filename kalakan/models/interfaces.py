"""The interfaces that engines, the Trainer and the exporters rely on: two contracts and optional capabilities.

Each optional capability is a separate protocol. An engine checks once, on construction, which ones its model
implements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class AcousticModel(Protocol):
    """Phoneme ids to log-mel."""

    n_mels: int
    """Mel bands M of the output."""

    def inference(
        self,
        phonemes: Tensor,
        lengths: Tensor | None = None,
        speaker: Tensor | None = None,
        speed: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        pitch_range: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Log-mel [B, M, T] of phoneme ids [B, N] (int64, 0 is padding), and the model's other outputs.

        `lengths` [B] defaults to the number of ids before the padding; `speaker` [B] to speaker 0; it
        may also be weights of speakers [B, S], a mix of them.
        `speed` (factor), `pitch` (semitones), `energy` (amplitude factor) and `pitch_range` (factor of log F0 around
        the speaker's mean, before `pitch` is added) are [B, 1] or, for control of single phonemes, [B, N]; a model
        that does not support one raises `SynthesisError` when it is given. The dict always holds `mel_lengths` [B]
        (frames) and, where the model predicts them, `durations` [B, N] (frames) and `pitch` [B, T] (Hz, 0 where
        unvoiced).
        """
        ...


@runtime_checkable
class WindowedAcousticModel(Protocol):
    """An acoustic model that can predict a sentence window by window. Arrays are of its engine's kind."""

    context_frames: int | None
    """Frames at each end of a window, except at the sentence's own ends, that lack their neighbors; None for a model
    that needs whole sentences."""

    def predict_frames(
        self, phonemes: Any, lengths: Any = None, **controls: Any
    ) -> tuple[Any, dict[str, Any]]:
        """All of `AcousticModel.inference` except its last step: frames [B, T, C], and the same dict."""
        ...

    def decode_frames(self, frames: Any) -> Any:
        """Log-mel [B, M, W] of a window of frames [B, W, C]."""
        ...


@runtime_checkable
class DurationAcousticModel(Protocol):
    """An acoustic model that accepts the duration of each phoneme."""

    takes_durations: bool
    """Whether `inference` takes `durations` [B, N] in frames instead of predicting them."""


@runtime_checkable
class Vocoder(Protocol):
    """Log-mel to waveform."""

    sample_rate: int
    """Samples per second of the output."""
    hop_length: int
    """Output samples per mel frame."""

    def inference(self, mel: Tensor) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]."""
        ...


@runtime_checkable
class F0Vocoder(Protocol):
    """A vocoder that takes F0 in addition to the mel."""

    takes_f0: bool
    """Whether `inference` takes a second argument `f0` [B, T] (Hz, 0 where unvoiced), which it estimates from the mel
    where it is not given."""


@runtime_checkable
class WindowedVocoder(Protocol):
    """A vocoder that can generate a sentence window by window. Arrays are of its engine's kind."""

    context_frames: int | None
    """Frames at each end of a window, except at the sentence's own ends, that lack their neighbors; None for a
    vocoder that needs whole sentences."""

    def render(self, mel: Any, f0: Any, first_frame: int, seed: int) -> Any:
        """Waveform [1, W * hop_length] of the log-mel [1, M, W] of a sentence's frames from `first_frame` on; it may
        exceed [-1, 1].

        `f0` [1, T] is the whole sentence's, or None; `seed` initializes the vocoder's noise and is ignored by one
        without noise.
        """
        ...


@runtime_checkable
class BatchVocoder(Protocol):
    """A vocoder that generates sentences of different lengths in one batch."""

    def render_passes(self, mels: Sequence[Tensor]) -> Iterator[tuple[list[int], list[Tensor]]]:
        """Generates log-mels [1, M, T_i] of whole sentences in passes, each when it is requested: the rows of a
        pass and their waveforms [T_i * hop_length]. Every row is in one pass.

        The samples are those that `WindowedVocoder.render` generates for each, up to rounding."""
        ...


def takes_f0(vocoder: Any) -> bool:
    """Whether a vocoder takes F0 in addition to the mel."""
    return isinstance(vocoder, F0Vocoder) and bool(vocoder.takes_f0)
