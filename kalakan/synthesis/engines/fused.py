"""Single-file models from phonemes to audio, adapted to two stages: the acoustic stage runs the whole model and passes
the audio on as frames of `hop_length` samples, which the vocoder stage only joins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike, NDArray

from kalakan.config.schema import AudioConfig
from kalakan.errors import VoiceError
from kalakan.synthesis.engines.onnx_models import Array, Graph, named_controls
from kalakan.synthesis.engines.sessions import identity_of


def as_frames(audio: Any, hop_length: int) -> Any:
    """Audio [B, T * hop_length] as frames [B, hop_length, T], a numpy array or a tensor."""
    return audio.reshape(len(audio), -1, hop_length).swapaxes(1, 2)


class FusedVocoder:
    """Joins the frames of `as_frames`; implements `kalakan.models.interfaces.Vocoder` for arrays of either engine."""

    context_frames = 0

    def __init__(self, audio: AudioConfig) -> None:
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length

    def inference(self, mel: Any) -> Any:
        """Waveform [B, T * hop_length] of frames [B, hop_length, T]."""
        return mel.swapaxes(1, 2).reshape(len(mel), -1)

    def render(self, mel: Any, f0: Any, first_frame: int, seed: int) -> Any:
        """See `Vocoder`; the file has no input for a seed."""
        return self.inference(mel)


class OnnxFused:
    """A fused ONNX graph; implements `kalakan.models.interfaces.AcousticModel` with numpy arrays, and returns the
    frames of `as_frames` instead of a mel."""

    context_frames = None
    n_mels = None

    def __init__(self, path: Path, threads: int) -> None:
        self.path = path
        """The file that it came from."""
        self._graph = Graph(path, threads, "audio_output")
        self.identity = identity_of(self._graph.session, path)
        if self.identity.audio is None:
            raise VoiceError(f"{path}: does not say its sample rate; export it with kalakan export --fuse")
        self.audio = self.identity.audio

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
        audio, aux = self._graph.run(phonemes, lengths, controls)
        frames: Array = as_frames(audio, self.audio.hop_length)
        return frames, aux
