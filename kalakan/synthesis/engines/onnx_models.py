"""Models without torch: exported networks in onnxruntime (the acoustic model as one graph, or as two that predict
window by window), and signal processing in Rust."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kalakan.audio.harmonic_noise import context_frames, filters_to_audio, network_context
from kalakan.audio.loudness import vocode_unclipped
from kalakan.audio.mel import mel_to_audio
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig
from kalakan.errors import SynthesisError
from kalakan.onnx_runtime import SPEAKER_MIX, input_names
from kalakan.synthesis.engines.acoustics import AcousticBatch, Acoustics
from kalakan.synthesis.engines.sessions import check_names, context_of, identity_of, needs_whole, open_session
from kalakan.synthesis.engines.stages import AcousticStage, controls

Array = NDArray[np.float32]
_OUTPUTS = {
    "mel_lengths": "mel_lengths",
    "durations": "durations",
    "pitch_output": "pitch",
    "energy_output": "energy",
}


class OnnxAcousticStage(AcousticStage):
    """An exported acoustic model, or any other that takes numpy arrays."""

    def replaced(self, model: Any) -> OnnxAcousticStage:
        """See `AcousticStage`."""
        return OnnxAcousticStage(model, self.corrections_for(model))

    def run(self, batch: AcousticBatch) -> list[Acoustics]:
        """See `AcousticStage`."""
        run = self.model.inference if self.windowed is None else self.windowed.predict_frames
        result, aux = run(batch.ids, batch.lengths, **controls(batch))
        counts, lengths = aux["mel_lengths"].tolist(), batch.lengths.tolist()
        return [
            Acoustics(
                frames,
                mel=result[row : row + 1, :, :frames] if self.windowed is None else None,
                hidden=None if self.windowed is None else result[row : row + 1, :frames],
                f0=aux["pitch"][row : row + 1, :frames] if "pitch" in aux else None,
                durations=aux["durations"][row, :phonemes] if "durations" in aux else None,
            )
            for row, (frames, phonemes) in enumerate(zip(counts, lengths, strict=True))
        ]

    def decode(self, hidden: Array) -> Array:
        """See `AcousticStage`."""
        assert self.windowed is not None, "only a model with windows leaves hidden frames"
        mel: Array = self.windowed.decode_frames(hidden)
        return mel

    def join(self, mels: Sequence[Array]) -> Array:
        """See `AcousticStage`."""
        return np.concatenate(mels, axis=2)


class Graph:
    """A graph from phonemes to frame-level features, with the controls as optional inputs."""

    def __init__(self, path: Path, threads: int, output: str) -> None:
        self.session = open_session(path, threads)
        check_names(self.session, path, "phonemes", output)
        self.shapes = {item.name: item.shape for item in self.session.get_outputs()}
        self._outputs = [output, *(name for name in _OUTPUTS if name in self.shapes)]
        self._inputs = input_names(self.session)

    def run(
        self, phonemes: ArrayLike, lengths: ArrayLike | None, controls: dict[str, ArrayLike | None]
    ) -> tuple[Array, dict[str, NDArray[Any]]]:
        """The main output, and the graph's other outputs by their names in `AcousticModel`."""
        ids = np.asarray(phonemes, np.int64)
        if lengths is not None:
            ids = ids * (np.arange(ids.shape[1])[None] < np.asarray(lengths)[:, None])
        feeds: dict[str, NDArray[Any]] = {"phonemes": ids}
        for name, value in controls.items():
            if value is None:
                continue
            if name == "speaker" and np.ndim(value) == 2:
                if SPEAKER_MIX not in self._inputs:
                    raise SynthesisError(
                        "this acoustic model was exported without mixes of speakers; export its voice again, or name "
                        "one speaker"
                    )
                feeds[name] = np.full(1, -1, np.int64)  # no speaker's row, so that only the mix counts
                feeds[SPEAKER_MIX] = np.asarray(value, np.float32)
                continue
            if name not in self._inputs:
                raise SynthesisError(f"this acoustic model has no input {name!r}; leave it at its default")
            feeds[name] = np.asarray(value, np.int64 if name == "speaker" else np.float32)
        first, *others = self.session.run(self._outputs, feeds)
        return first, {_OUTPUTS[name]: value for name, value in zip(self._outputs[1:], others, strict=True)}


class OnnxAcousticModel:
    """`acoustic.onnx`; implements `kalakan.models.interfaces.AcousticModel` with numpy arrays."""

    context_frames = None

    def __init__(self, path: Path, threads: int) -> None:
        self._graph = Graph(path, threads, "mel_output")
        self._session = self._graph.session
        self.n_mels = _size(self._graph.shapes["mel_output"][1])
        self.identity = identity_of(self._session, path)

    def inference(
        self,
        phonemes: ArrayLike,
        lengths: ArrayLike | None = None,
        speaker: ArrayLike | None = None,
        speed: ArrayLike | None = None,
        pitch: ArrayLike | None = None,
        energy: ArrayLike | None = None,
        pitch_range: ArrayLike | None = None,
    ) -> tuple[Array, dict[str, NDArray[Any]]]:
        """See `AcousticModel.inference`. Raises `SynthesisError` for a control that the file has no input for."""
        controls = named_controls(speaker, speed, pitch, energy, pitch_range)
        mel, aux = self._graph.run(phonemes, lengths, controls)
        aux.setdefault("mel_lengths", np.full(len(mel), mel.shape[2], np.int64))
        return mel, aux


class OnnxAcousticParts:
    """`acoustic_encoder.onnx` and `acoustic_decoder.onnx`; implements `kalakan.models.interfaces.AcousticModel` with
    numpy arrays, and its windows if the decoder's metadata has `context_frames`. A dynamically quantized decoder
    has none: its rounding depends on the range of its whole input."""

    def __init__(self, encoder: Path, decoder: Path, threads: int) -> None:
        self._graph = Graph(encoder, threads, "frames")
        self._session = open_session(decoder, threads)
        check_names(self._session, decoder, "frames", "mel_output")
        self.context_frames = context_of(self._session, decoder)
        self.n_mels = _size(self._session.get_outputs()[0].shape[1])

    def predict_frames(
        self,
        phonemes: ArrayLike,
        lengths: ArrayLike | None = None,
        speaker: ArrayLike | None = None,
        speed: ArrayLike | None = None,
        pitch: ArrayLike | None = None,
        energy: ArrayLike | None = None,
        pitch_range: ArrayLike | None = None,
    ) -> tuple[Array, dict[str, NDArray[Any]]]:
        """See `AcousticModel`. Raises `SynthesisError` for a control that the file has no input for."""
        controls = named_controls(speaker, speed, pitch, energy, pitch_range)
        return self._graph.run(phonemes, lengths, controls)

    def decode_frames(self, frames: Array) -> Array:
        """See `AcousticModel`."""
        mel: Array = self._session.run(["mel_output"], {"frames": frames})[0]
        return mel

    def inference(
        self,
        phonemes: ArrayLike,
        lengths: ArrayLike | None = None,
        speaker: ArrayLike | None = None,
        speed: ArrayLike | None = None,
        pitch: ArrayLike | None = None,
        energy: ArrayLike | None = None,
        pitch_range: ArrayLike | None = None,
    ) -> tuple[Array, dict[str, NDArray[Any]]]:
        """See `AcousticModel.inference`; mel past a sentence's end is 0."""
        frames, aux = self.predict_frames(phonemes, lengths, speaker, speed, pitch, energy, pitch_range)
        counts = aux["mel_lengths"].tolist()
        rows = [
            self.decode_frames(frames[row : row + 1, :count])[0] for row, count in enumerate(counts)
        ]  # [M, T_i]
        mel = np.zeros((len(rows), rows[0].shape[0], frames.shape[1]), np.float32)
        for item, row, count in zip(mel, rows, counts, strict=True):
            item[:, :count] = row
        return mel, aux


class OnnxVocoder:
    """An exported vocoder; implements `kalakan.models.interfaces.Vocoder` with numpy arrays.

    It generates window by window if the file's metadata has `context_frames`, and takes F0 if the file has an input for
    it.
    """

    def __init__(self, path: Path, audio: AudioConfig, threads: int) -> None:
        self._session = open_session(path, threads)
        check_names(self._session, path, "mel_input", "audio_output")
        self.context_frames = context_of(self._session, path)
        self.identity = identity_of(self._session, path)
        self.takes_f0 = "f0" in input_names(self._session)
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length

    def inference(self, mel: ArrayLike, f0: ArrayLike | None = None) -> Array:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T] and, if the file takes it, F0 [B, T]."""
        feeds = {"mel_input": np.asarray(mel, np.float32)}
        if self.takes_f0 and f0 is not None:
            feeds["f0"] = np.maximum(np.asarray(f0, np.float32), 0.0)
        result = self._session.run(["audio_output"], feeds)[0]
        audio: Array = result.reshape(len(result), -1)
        return audio

    def render(self, mel: Array, f0: Array | None, first_frame: int, seed: int) -> Array:
        """See `Vocoder`; the file has no input for a seed."""
        given = () if f0 is None or not self.takes_f0 else (f0[:, first_frame : first_frame + mel.shape[2]],)
        if self.context_frames is None:
            whole: Array = vocode_unclipped(self.inference, mel, *given)[None]
            return whole
        return self.inference(mel, *given)


class HarmonicNoiseVocoder:
    """The network of `harmonic_noise` in onnxruntime with synthesis in Rust: the same sound as the file's own
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


def named_controls(
    speaker: ArrayLike | None,
    speed: ArrayLike | None,
    pitch: ArrayLike | None,
    energy: ArrayLike | None,
    pitch_range: ArrayLike | None,
) -> dict[str, ArrayLike | None]:
    """Controls by the names of their graph inputs."""
    return {
        "speaker": speaker,
        "speed": speed,
        "pitch": pitch,
        "energy": energy,
        "pitch_range": pitch_range,
    }


def _size(axis: object) -> int | None:
    return axis if isinstance(axis, int) else None
