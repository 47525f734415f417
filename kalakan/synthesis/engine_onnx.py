"""Phonemes to audio with onnxruntime, numpy and Rust: no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import ArrayLike, NDArray

from kalakan.audio.harmonic_noise import filters_to_audio
from kalakan.audio.loudness import vocode_unclipped
from kalakan.audio.mel import mel_to_audio
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig, InferenceConfig
from kalakan.errors import ConfigError, SynthesisError, VoiceError
from kalakan.synthesis.controls import Controls
from kalakan.synthesis.frontend import PhonemeBatch

Audio = NDArray[np.float32]
_OUTPUTS = {
    "mel_output": "mel",
    "mel_lengths": "mel_lengths",
    "durations": "durations",
    "pitch_output": "pitch",
    "energy_output": "energy",
}


class OnnxAcousticModel:
    """An exported acoustic model; obeys `kalakan.models.interfaces.AcousticModel` with numpy arrays."""

    def __init__(self, path: Path, threads: int) -> None:
        self._session = open_session(path, threads)
        _check_names(self._session, path, "phonemes", "mel_output")
        present = {item.name: item.shape for item in self._session.get_outputs()}
        self._outputs = [name for name in _OUTPUTS if name in present]
        self._inputs = {
            item.name: item.type
            for item in (*self._session.get_inputs(), *self._session.get_overridable_initializers())
        }
        self.n_mels: int | None = (
            present["mel_output"][1] if isinstance(present["mel_output"][1], int) else None
        )

    def inference(
        self,
        phonemes: ArrayLike,
        lengths: ArrayLike | None = None,
        speaker: ArrayLike | None = None,
        speed: ArrayLike | None = None,
        pitch: ArrayLike | None = None,
        energy: ArrayLike | None = None,
    ) -> tuple[Audio, dict[str, NDArray[Any]]]:
        """See `AcousticModel.inference`. Raises `SynthesisError` for a control that the file has no input for."""
        ids = np.asarray(phonemes, np.int64)
        if lengths is not None:
            ids = ids * (np.arange(ids.shape[1])[None] < np.asarray(lengths)[:, None])
        feeds: dict[str, NDArray[Any]] = {"phonemes": ids}
        for name, value in (("speaker", speaker), ("speed", speed), ("pitch", pitch), ("energy", energy)):
            if value is None:
                continue
            if name not in self._inputs:
                raise SynthesisError(f"this acoustic model has no input {name!r}; leave it at its default")
            feeds[name] = np.asarray(value, np.int64 if name == "speaker" else np.float32)
        found = dict(zip(self._outputs, self._session.run(self._outputs, feeds), strict=True))
        aux = {_OUTPUTS[name]: value for name, value in found.items() if name != "mel_output"}
        mel: Audio = found["mel_output"]
        aux.setdefault("mel_lengths", np.full(len(mel), mel.shape[2], np.int64))
        return mel, aux


class OnnxVocoder:
    """An exported vocoder; obeys `kalakan.models.interfaces.Vocoder` with numpy arrays."""

    def __init__(self, path: Path, audio: AudioConfig, threads: int) -> None:
        self._session = open_session(path, threads)
        _check_names(self._session, path, "mel_input", "audio_output")
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length

    def inference(self, mel: ArrayLike) -> Audio:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]."""
        result = self._session.run(["audio_output"], {"mel_input": np.asarray(mel, np.float32)})[0]
        audio: Audio = result.reshape(len(result), -1)
        return audio


class HarmonicNoiseVocoder:
    """The network of `harmonic_noise` in onnxruntime and its synthesis in Rust: the same sound as the file's own
    `audio_output` in a fraction of the time. Obeys `kalakan.models.interfaces.Vocoder` with numpy arrays."""

    takes_f0 = True

    def __init__(self, path: Path, audio: AudioConfig, config: HarmonicNoiseConfig, threads: int) -> None:
        self._session = open_session(path, threads)
        _check_names(self._session, path, "mel_input", "filters")
        self.audio = audio
        self.config = config
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length

    def inference(self, mel: ArrayLike, f0: ArrayLike | None = None) -> Audio:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T] and F0 [B, T] (default: heard from it)."""
        feeds = {"mel_input": np.asarray(mel, np.float32), "synthesize": np.asarray(False)}
        if f0 is not None:
            feeds["f0"] = np.maximum(np.asarray(f0, np.float32), 0.0)
        filters, used = self._session.run(["filters", "f0_output"], feeds)
        rows = zip(filters, used, strict=True)
        audio = np.stack([filters_to_audio(row, pitch, self.audio, self.config) for row, pitch in rows])
        return np.clip(audio, -1.0, 1.0, out=audio)


class GriffinLimVocoder:
    """Griffin-Lim in Rust; obeys `kalakan.models.interfaces.Vocoder` with numpy arrays."""

    def __init__(self, audio: AudioConfig, iterations: int, threads: int) -> None:
        self.audio = audio
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length
        self.iterations = iterations
        self.threads = threads

    def inference(self, mel: ArrayLike) -> Audio:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]."""
        items = np.asarray(mel, np.float32)
        return np.stack(
            [mel_to_audio(item, self.audio, n_iter=self.iterations, threads=self.threads) for item in items]
        )


class OnnxEngine:
    """Runs an exported voice on the CPU; one instance may serve many threads."""

    name = "onnx"

    def __init__(
        self, acoustic_model: Any, vocoder: Any, speakers: tuple[str, ...], config: InferenceConfig
    ) -> None:
        if config.mixed_precision:
            raise ConfigError(
                "inference.mixed_precision is True and the onnx engine has none; use engine='torch' or leave it off"
            )
        self.acoustic_model = acoustic_model
        self.vocoder = vocoder
        self.speakers = speakers

    @property
    def runs_batches(self) -> bool:
        """False: see `Engine.runs_batches`."""
        return False

    def speak(self, batch: PhonemeBatch, controls: Controls) -> list[Audio]:
        """Audio [S_i] of each sentence of a batch; may exceed [-1, 1], `join` sees to that."""
        mel, aux = self.acoustic_model.inference(
            batch.ids, batch.lengths, **given_controls(controls, len(batch.ids))
        )
        frames = aux["mel_lengths"].tolist()
        takes_f0 = getattr(self.vocoder, "takes_f0", False) and "pitch" in aux
        pieces = []
        for row, count in enumerate(frames):
            f0 = (aux["pitch"][row : row + 1, :count],) if takes_f0 else ()
            pieces.append(vocode_unclipped(self.vocoder.inference, mel[row : row + 1, :, :count], *f0))
        return pieces

    def join(self, pieces: Sequence[Audio]) -> Audio:
        """One audio [S] in [-1, 1] of consecutive pieces, with one gain for all of it if it would clip."""
        audio = np.concatenate(pieces)
        peak = float(np.abs(audio).max())
        if not math.isfinite(peak):
            raise SynthesisError("the model spoke samples that are not finite; its weights are broken")
        return audio / np.float32(peak) if peak > 1.0 else audio


def given_controls(controls: Controls, batch: int) -> dict[str, NDArray[Any]]:
    """The controls that differ from the defaults as arrays: speaker [B], the others [B, 1]."""
    given: dict[str, NDArray[Any]] = {}
    if controls.speaker:
        given["speaker"] = np.full(batch, controls.speaker, np.int64)
    for name, default in (("speed", 1.0), ("pitch", 0.0), ("energy", 1.0)):
        value = getattr(controls, name)
        if value != default:
            given[name] = np.full((batch, 1), value, np.float32)
    return given


def open_session(path: Path, threads: int) -> Any:
    """An onnxruntime session on the CPU that leaves idle cores alone; raises `VoiceError` for a damaged file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every sentence has its own length, so a memory pattern would be planned anew for each. The arena stays: it saves a
    # tenth of the time, and what it keeps is bounded by `inference.max_characters`.
    options.enable_mem_pattern = False
    if not path.is_file():
        raise VoiceError(f"{path}: there is no such file")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exception classes have no public name
        raise VoiceError(
            f"{path}: is damaged or no ONNX model ({str(error).splitlines()[0][:120]})"
        ) from error


def _check_names(session: Any, path: Path, needed_input: str, needed_output: str) -> None:
    inputs = [item.name for item in session.get_inputs()]
    outputs = [item.name for item in session.get_outputs()]
    if needed_input not in inputs or needed_output not in outputs:
        raise VoiceError(
            f"{path}: has inputs {', '.join(inputs)} and outputs {', '.join(outputs)}; "
            f"{needed_input} and {needed_output} must be among them"
        )
