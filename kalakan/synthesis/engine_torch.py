"""Phonemes to audio with torch: any device, mixed precision, models that the user replaces or moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from kalakan.audio.loudness import vocode_unclipped
from kalakan.config.schema import InferenceConfig
from kalakan.errors import ConfigError, SynthesisError
from kalakan.synthesis.controls import Controls
from kalakan.synthesis.engine_onnx import given_controls
from kalakan.synthesis.frontend import PhonemeBatch


class TorchEngine:
    """Runs torch modules, each on the device that its parameters or buffers are on at the time of the call.

    `acoustic_model` and `vocoder` may be replaced and moved at any time between calls.
    """

    name = "torch"

    def __init__(
        self, acoustic_model: Any, vocoder: Any, speakers: tuple[str, ...], config: InferenceConfig
    ) -> None:
        self.acoustic_model = acoustic_model
        self.vocoder = vocoder
        self.speakers = speakers
        self.mixed_precision = config.mixed_precision

    @property
    def runs_batches(self) -> bool:
        """True on a GPU: see `Engine.runs_batches`."""
        return device_of(self.acoustic_model).type != "cpu"

    def speak(self, batch: PhonemeBatch, controls: Controls) -> list[Tensor]:
        """Audio [S_i] of each sentence of a batch, on the CPU; may exceed [-1, 1], `join` sees to that."""
        device = device_of(self.acoustic_model)
        given = {
            name: torch.from_numpy(value).to(device)
            for name, value in given_controls(controls, len(batch.ids)).items()
        }
        ids, lengths = torch.from_numpy(batch.ids).to(device), torch.from_numpy(batch.lengths).to(device)
        with torch.no_grad():
            with self._autocast(device):
                mel, aux = self.acoustic_model.inference(ids, lengths, **given)
            mel = mel.to(device_of(self.vocoder), torch.float32)
            frames = aux["mel_lengths"].tolist()
            f0 = aux["pitch"].float() if getattr(self.vocoder, "takes_f0", False) and "pitch" in aux else None
            pieces = []
            for row, count in enumerate(frames):
                pitch = () if f0 is None else (f0[row : row + 1, :count].to(mel.device),)
                pieces.append(self._vocode(mel[row : row + 1, :, :count], *pitch))
            return pieces

    def join(self, pieces: Sequence[Tensor]) -> Tensor:
        """One audio [S] in [-1, 1] of consecutive pieces, with one gain for all of it if it would clip."""
        audio = torch.cat(list(pieces))
        peak = float(audio.abs().max())
        if not math.isfinite(peak):
            raise SynthesisError("the model spoke samples that are not finite; its weights are broken")
        return audio / peak if peak > 1.0 else audio

    def _vocode(self, mel: Tensor, *f0: Tensor) -> Tensor:
        with self._autocast(mel.device):
            audio: Tensor = vocode_unclipped(self.vocoder.inference, mel, *f0)
        return audio.float().cpu()

    def _autocast(self, device: torch.device) -> Any:
        if not self.mixed_precision:
            return nullcontext()
        dtype = torch.float16 if device.type == "cuda" else torch.bfloat16
        return torch.autocast(device.type, dtype=dtype)


def device_of(module: Any) -> torch.device:
    """Where a module's first parameter or buffer is; the CPU for one without any, such as a quantized module."""
    tensor = next(chain(module.parameters(), module.buffers()), None)
    return tensor.device if tensor is not None else torch.device("cpu")


def check_device(name: str) -> torch.device:
    """The torch device of that name; raises `ConfigError` if there is none on this machine."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device {name!r} is not a torch device; use 'cpu' or 'cuda:0'") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {name!r}: torch finds {torch.cuda.device_count()} CUDA devices; use 'cpu'")
    return device


def use_threads(count: int | None) -> None:
    """Lets torch use `count` CPU threads, in the whole process: it knows no smaller scope. None changes nothing."""
    if count is not None:
        torch.set_num_threads(count)
