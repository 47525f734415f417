"""Phonemes to audio with torch: any device, mixed precision, models that the user replaces or moves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kalakan.config.schema import InferenceConfig
from kalakan.errors import ConfigError
from kalakan.synthesis.batching import control_arrays
from kalakan.synthesis.controls import Controls
from kalakan.synthesis.frontend import Breath, pad
from kalakan.synthesis.streaming import DecodedMel, Mel, Rendering, WholeMel, vocoder_call


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

    def render(self, breaths: Sequence[Breath], controls: Controls) -> list[Rendering]:
        """See `Engine`."""
        device = device_of(self.acoustic_model)
        batch = pad([breath.ids for breath in breaths])
        given = {
            name: torch.from_numpy(value).to(device)
            for name, value in control_arrays(controls, breaths, self.speakers).items()
        }
        model = self.acoustic_model
        # Side by side, sentences go through the decoder together, on a GPU; that saves more than windows would.
        has_windows = getattr(model, "context_frames", None) is not None and len(breaths) == 1
        run = model.predict_frames if has_windows else model.inference
        ids, lengths = torch.from_numpy(batch.ids).to(device), torch.from_numpy(batch.lengths).to(device)
        with torch.no_grad(), self._autocast(device):
            result, aux = run(ids, lengths, **given)
        counts = aux["mel_lengths"].tolist()
        if has_windows:
            mels: list[Mel] = [
                DecodedMel(result[:, : counts[0]], model.context_frames, self._decode, torch.cat)
            ]
        else:
            result = result.to(device_of(self.vocoder), torch.float32)
            mels = [WholeMel(result[row : row + 1, :, :count]) for row, count in enumerate(counts)]
        return [
            self._rendering(mel, aux, row, len(breath.ids), controls.seed)
            for row, (mel, breath) in enumerate(zip(mels, breaths, strict=True))
        ]

    def to_audio(self, samples: NDArray[np.float32]) -> Tensor:
        """The samples as a CPU tensor."""
        return torch.from_numpy(np.ascontiguousarray(samples))

    def _rendering(self, mel: Mel, aux: dict[str, Tensor], row: int, phonemes: int, seed: int) -> Rendering:
        device = device_of(self.vocoder)
        f0 = aux["pitch"][row : row + 1, : mel.frames].to(device, torch.float32) if "pitch" in aux else None
        durations = aux["durations"][row, :phonemes].cpu().numpy() if "durations" in aux else None
        vocode, context = vocoder_call(self.vocoder, f0, seed)

        def samples(window: Tensor, first: int) -> NDArray[np.float32]:
            with torch.no_grad(), self._autocast(device):
                audio: NDArray[np.float32] = vocode(window, first).float().cpu().numpy()
            return audio

        return Rendering(durations, mel, samples, context, self.vocoder.hop_length)

    def _decode(self, frames: Tensor) -> Tensor:
        """Log-mel of a window of frames, where the vocoder is."""
        with torch.no_grad(), self._autocast(frames.device):
            mel: Tensor = self.acoustic_model.decode_frames(frames)
        return mel.to(device_of(self.vocoder), torch.float32)

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
