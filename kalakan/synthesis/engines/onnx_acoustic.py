"""The acoustic stage without torch: exported models in onnxruntime, in one graph, or in two that predict window by
window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kalakan.errors import SynthesisError
from kalakan.onnx_runtime import input_names
from kalakan.synthesis.engines.sessions import check_names, context_of, identity_of, open_session
from kalakan.synthesis.engines.stages import AcousticBatch, Acoustics, AcousticStage

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
        return OnnxAcousticStage(model)

    def run(self, batch: AcousticBatch) -> list[Acoustics]:
        """See `AcousticStage`."""
        run = self.model.inference if self.windowed is None else self.windowed.predict_frames
        result, aux = run(batch.ids, batch.lengths, **batch.controls())
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


class _Graph:
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
            if name not in self._inputs:
                raise SynthesisError(f"this acoustic model has no input {name!r}; leave it at its default")
            feeds[name] = np.asarray(value, np.int64 if name == "speaker" else np.float32)
        first, *others = self.session.run(self._outputs, feeds)
        return first, {_OUTPUTS[name]: value for name, value in zip(self._outputs[1:], others, strict=True)}


class OnnxAcousticModel:
    """`acoustic.onnx`; implements `kalakan.models.interfaces.AcousticModel` with numpy arrays."""

    context_frames = None

    def __init__(self, path: Path, threads: int) -> None:
        self.path = path
        """The file that it came from."""
        self._graph = _Graph(path, threads, "mel_output")
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
    ) -> tuple[Array, dict[str, NDArray[Any]]]:
        """See `AcousticModel.inference`. Raises `SynthesisError` for a control that the file has no input for."""
        controls = {"speaker": speaker, "speed": speed, "pitch": pitch, "energy": energy}
        mel, aux = self._graph.run(phonemes, lengths, controls)
        aux.setdefault("mel_lengths", np.full(len(mel), mel.shape[2], np.int64))
        return mel, aux


class OnnxAcousticParts:
    """`acoustic_encoder.onnx` and `acoustic_decoder.onnx`; implements `kalakan.models.interfaces.AcousticModel` with
    numpy arrays, and its windows if the decoder's metadata has `context_frames`. A dynamically quantized decoder
    has none: its rounding depends on the range of its whole input."""

    def __init__(self, encoder: Path, decoder: Path, threads: int) -> None:
        self.path = encoder
        """The first of the files that it came from."""
        self._graph = _Graph(encoder, threads, "frames")
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
    ) -> tuple[Array, dict[str, NDArray[Any]]]:
        """See `AcousticModel`. Raises `SynthesisError` for a control that the file has no input for."""
        controls = {"speaker": speaker, "speed": speed, "pitch": pitch, "energy": energy}
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
    ) -> tuple[Array, dict[str, NDArray[Any]]]:
        """See `AcousticModel.inference`; mel past a sentence's end is 0."""
        frames, aux = self.predict_frames(phonemes, lengths, speaker, speed, pitch, energy)
        counts = aux["mel_lengths"].tolist()
        rows = [
            self.decode_frames(frames[row : row + 1, :count])[0] for row, count in enumerate(counts)
        ]  # [M, T_i]
        mel = np.zeros((len(rows), rows[0].shape[0], frames.shape[1]), np.float32)
        for item, row, count in zip(mel, rows, counts, strict=True):
            item[:, :count] = row
        return mel, aux


def _size(axis: object) -> int | None:
    return axis if isinstance(axis, int) else None
