"""Vocoders without torch: exported networks in onnxruntime, and signal processing in Rust."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kalakan.audio.harmonic_noise import context_frames, filters_to_audio, network_context
from kalakan.audio.loudness import vocode_unclipped
from kalakan.audio.mel import mel_to_audio
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig
from kalakan.onnx_runtime import input_names
from kalakan.synthesis.engines.sessions import check_names, context_of, identity_of, needs_whole, open_session

Array = NDArray[np.float32]


class OnnxVocoder:
    """An exported vocoder; implements `kalakan.models.interfaces.Vocoder` with numpy arrays.

    It generates window by window if the file's metadata has `context_frames`.
    """

    def __init__(self, path: Path, audio: AudioConfig, threads: int) -> None:
        self._session = open_session(path, threads)
        check_names(self._session, path, "mel_input", "audio_output")
        self.context_frames = context_of(self._session, path)
        self.identity = identity_of(self._session, path)
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length

    def inference(self, mel: ArrayLike) -> Array:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]."""
        result = self._session.run(["audio_output"], {"mel_input": np.asarray(mel, np.float32)})[0]
        audio: Array = result.reshape(len(result), -1)
        return audio

    def render(self, mel: Array, f0: Array | None, first_frame: int, seed: int) -> Array:
        """See `Vocoder`; the file has no input for a seed."""
        if self.context_frames is None:
            whole: Array = vocode_unclipped(self.inference, mel)[None]
            return whole
        return self.inference(mel)


class HarmonicNoiseVocoder:
    """The network of `harmonic_noise` in onnxruntime and its synthesis in Rust: the same sound as the file's own
    `audio_output` in a fraction of the time. Implements `kalakan.models.interfaces.Vocoder` with numpy arrays."""

    takes_f0 = True

    def __init__(self, path: Path, audio: AudioConfig, config: HarmonicNoiseConfig, threads: int) -> None:
        self._session = open_session(path, threads)
        check_names(self._session, path, "mel_input", "filters")
        # `vocoder.onnx` also computes the sound, unless its input `synthesize` is false; `vocoder_filters.onnx` cannot.
        has_sound = "synthesize" in input_names(self._session)
        self._settings = {"synthesize": np.asarray(False)} if has_sound else {}
        self.audio = audio
        self.config = config
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length
        self._network_context = network_context(config)
        context = self._network_context + context_frames(audio, config)
        self.context_frames = None if needs_whole(self._session) else context

    def inference(self, mel: ArrayLike, f0: ArrayLike | None = None) -> Array:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T] and F0 [B, T] (default: estimated from it)."""
        filters, used = self._filters(np.asarray(mel, np.float32), f0)
        rows = zip(filters, used, strict=True)
        audio = np.stack([filters_to_audio(row, pitch, self.audio, self.config) for row, pitch in rows])
        return np.clip(audio, -1.0, 1.0, out=audio)

    def render(self, mel: Array, f0: Array | None, first_frame: int, seed: int) -> Array:
        """See `Vocoder`."""
        frames, network = mel.shape[2], self._network_context
        filters, used = self._filters(mel, None if f0 is None else f0[:, first_frame : first_frame + frames])
        pitch = used[0] if f0 is None else np.maximum(f0[0], 0.0)
        # Frames without full context are dropped later, so they are not synthesized.
        start = network if first_frame > 0 else 0
        end = frames - network if first_frame + frames < len(pitch) else frames
        audio = np.zeros((1, frames * self.hop_length), np.float32)
        audio[0, start * self.hop_length : end * self.hop_length] = filters_to_audio(
            filters[0, start:end], pitch, self.audio, self.config, first_frame + start, seed
        )
        return audio

    def _filters(self, mel: Array, f0: ArrayLike | None) -> tuple[Array, Array]:
        feeds = {"mel_input": mel, **self._settings}
        if f0 is not None:
            feeds["f0"] = np.maximum(np.asarray(f0, np.float32), 0.0)
        filters, used = self._session.run(["filters", "f0_output"], feeds)
        return filters, used


class GriffinLimVocoder:
    """Griffin-Lim in Rust; implements `kalakan.models.interfaces.Vocoder` with numpy arrays.

    Every sample depends on the whole sentence: it streams sentence by sentence.
    """

    context_frames = None

    def __init__(self, audio: AudioConfig, iterations: int, threads: int) -> None:
        self.audio = audio
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length
        self.iterations = iterations
        self.threads = threads

    def inference(self, mel: ArrayLike, seed: int = 0) -> Array:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]; `seed` chooses the initial phases."""
        items = np.asarray(mel, np.float32)
        return np.stack(
            [
                mel_to_audio(item, self.audio, n_iter=self.iterations, seed=seed, threads=self.threads)
                for item in items
            ]
        )

    def render(self, mel: Array, f0: Array | None, first_frame: int, seed: int) -> Array:
        """See `Vocoder`."""
        audio: Array = vocode_unclipped(lambda item: self.inference(item, seed), mel)[None]
        return audio
