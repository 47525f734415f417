"""Models for the torch engine that are not Kalakan modules: TorchScript files, and ONNX files used with a torch
model."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig
from kalakan.errors import ConfigError, SynthesisError
from kalakan.models.interfaces import takes_f0
from kalakan.models.quantization import quantize_module
from kalakan.synthesis.engines.fused import FusedVocoder, as_frames
from kalakan.voices.scripted import Scripted

_LOG = logging.getLogger(__name__)


def in_integers(model: Any) -> Any:
    """A model with its linear and recurrent layers in 8 bits, logged; exported models stay as they are.

    Raises `ConfigError` for an exported file that computes in floats.
    """
    if isinstance(model, ScriptedAcoustic | ScriptedVocoder):
        if "quantized::" not in str(model.scripted.inference.inlined_graph):
            raise ConfigError(
                "inference.quantize is True and the TorchScript file computes in floats; export it with --quantize"
            )
        return model
    if isinstance(model, NumpyAcoustic | NumpyVocoder | FusedModule):
        return model
    quantized = quantize_module(model)
    _LOG.info("%s: %s", type(model).__name__, quantized.summary())
    return quantized.module


class ScriptedAcoustic(nn.Module):
    """A TorchScript acoustic model; implements `kalakan.models.interfaces.AcousticModel`.

    A fused file returns its audio instead of a mel; see `kalakan.synthesis.engines.fused`.
    """

    context_frames = None

    def __init__(self, scripted: Scripted) -> None:
        super().__init__()
        self.scripted = scripted.module
        self._audio = scripted.audio
        self._is_fused = scripted.role == "fused_model"
        self.n_mels = scripted.audio.n_mels

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
        """See `AcousticModel.inference`. Raises `SynthesisError` for a control that the model does not take."""
        try:
            result, more = self.scripted.inference(
                phonemes, lengths, speaker, speed, pitch, energy, pitch_range
            )
        except torch.jit.Error as error:
            raise SynthesisError(
                f"the TorchScript model refuses this input ({str(error).splitlines()[-1]})"
            ) from error
        return (as_frames(result, self._audio.hop_length) if self._is_fused else result), more


class ScriptedVocoder(nn.Module):
    """A TorchScript vocoder; implements `kalakan.models.interfaces.Vocoder` for whole phrases."""

    def __init__(self, scripted: Scripted) -> None:
        super().__init__()
        self.scripted = scripted.module
        self.sample_rate = scripted.audio.sample_rate
        self.hop_length = scripted.audio.hop_length
        self.takes_f0 = any(item.name == "f0" for item in self.scripted.inference.schema.arguments)

    def inference(self, mel: Tensor, f0: Tensor | None = None) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]."""
        audio: Tensor = (
            self.scripted.inference(mel.float(), f0) if self.takes_f0 else self.scripted.inference(mel)
        )
        return audio


class FusedModule(FusedVocoder, nn.Module):
    """A `FusedVocoder` for the torch engine: it has no weights, and runs on the device of its input."""

    def __init__(self, audio: AudioConfig) -> None:
        nn.Module.__init__(self)
        FusedVocoder.__init__(self, audio)


class NumpyAcoustic(nn.Module):
    """An acoustic model that takes numpy arrays, such as an ONNX file, with tensors in and out."""

    context_frames = None

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.n_mels = model.n_mels

    def inference(
        self, phonemes: Tensor, lengths: Tensor | None = None, **controls: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `AcousticModel.inference`; runs on the CPU."""
        given = {name: value.cpu().numpy() for name, value in controls.items()}
        sizes = None if lengths is None else lengths.cpu().numpy()
        result, more = self.model.inference(phonemes.cpu().numpy(), sizes, **given)
        return torch.from_numpy(result), {name: torch.from_numpy(value) for name, value in more.items()}


class NumpyVocoder(nn.Module):
    """A vocoder that takes numpy arrays, with tensors in and out; windows and seeds work as before."""

    def __init__(self, model: Any, audio: AudioConfig) -> None:
        super().__init__()
        self.model = model
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length
        self.takes_f0 = takes_f0(model)
        self.context_frames = model.context_frames

    def inference(self, mel: Tensor, f0: Tensor | None = None) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]; runs on the CPU."""
        more = () if f0 is None or not self.takes_f0 else (f0.cpu().numpy(),)
        return torch.from_numpy(self.model.inference(mel.float().cpu().numpy(), *more))

    def render(self, mel: Tensor, f0: Tensor | None, first_frame: int, seed: int) -> Tensor:
        """See `Vocoder`."""
        given = None if f0 is None else f0.cpu().numpy()
        return torch.from_numpy(self.model.render(mel.float().cpu().numpy(), given, first_frame, seed))
