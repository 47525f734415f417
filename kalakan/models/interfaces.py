"""The two contracts that every engine, trainer and exporter relies on."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class AcousticModel(Protocol):
    """Phoneme ids to log-mel.

    One that can speak a sentence window by window also has `context_frames` (not None) and, in place of `inference`,
    `predict_frames`, which takes the same and gives frames [B, T, C] and the same dict, and `decode_frames`, which
    turns a window of them [B, W, C] into its log-mel [B, M, W]. But for the sentence's own ends, `context_frames` at
    each end of a window lack their neighbors.
    """

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
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Log-mel [B, M, T] of phoneme ids [B, N] (int64, 0 is padding), and what else the model knows.

        `lengths` [B] defaults to the number of ids before the padding; `speaker` [B] to speaker 0.
        `speed` (factor), `pitch` (semitones) and `energy` (amplitude factor) are [B, 1] or, for control of
        single phonemes, [B, N]; a model that cannot obey one raises `SynthesisError` when it is given. The dict
        always holds `mel_lengths` [B] (frames) and `durations` [B, N] (frames), and, where the model knows it,
        `pitch` [B, T] (Hz, 0 where unvoiced).
        """
        ...


@runtime_checkable
class Vocoder(Protocol):
    """Log-mel to waveform.

    One whose attribute `takes_f0` is true takes a second argument `f0` [B, T] (Hz, 0 where unvoiced), and hears it
    from the mel where it is not given.

    One with a method `render(mel, f0, first_frame, seed)` is run by that: mel [1, M, W] of the frames from
    `first_frame` on, F0 [1, T] of the whole sentence or None, and what its noise begins with (ignored by one that
    has none); the waveform [1, W * hop_length] may exceed [-1, 1]. Its `context_frames` are the frames at each end of
    a window, but for the sentence's own ends, that lack their neighbors; None takes whole sentences only.

    One that also has `render_batch(mels)` speaks log-mels [1, M, T_i] of whole sentences together: the waveforms
    [T_i * hop_length] that `render` gives each, but for rounding, in order.
    """

    sample_rate: int
    """Samples a second of the output."""
    hop_length: int
    """Samples that one mel frame becomes."""

    def inference(self, mel: Tensor) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]."""
        ...
