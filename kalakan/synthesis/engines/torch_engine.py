"""Phonemes to audio with torch: any device, mixed precision, models that the user replaces or moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kalakan.config.schema import InferenceConfig
from kalakan.models.interfaces import BatchVocoder
from kalakan.models.vocoders.gpu.graph_cache import cuda_graphs
from kalakan.synthesis.engines.side_stream import SideStream
from kalakan.synthesis.engines.stages import (
    AcousticBatch,
    Acoustics,
    AcousticStage,
    Engine,
    Samples,
    VocoderStage,
)

OVERLAPPING = ("cuda",)
"""Device types that queue work, so that two models can run at once."""


class TorchAcousticStage(AcousticStage):
    """A torch acoustic model on the device that it is on at the time of the call."""

    def __init__(self, model: Any, config: InferenceConfig) -> None:
        super().__init__(model)
        self._config = config

    def replaced(self, model: Any) -> TorchAcousticStage:
        """See `AcousticStage`."""
        return TorchAcousticStage(model, self._config)

    def run(self, batch: AcousticBatch) -> list[Acoustics]:
        """See `AcousticStage`."""
        device = device_of(self.model)
        ids, lengths = torch.from_numpy(batch.ids).to(device), torch.from_numpy(batch.lengths).to(device)
        given = {name: torch.from_numpy(value).to(device) for name, value in batch.controls().items()}
        # On a GPU the decoder runs on the whole batch, which saves more than windows would.
        windowed = self.windowed if len(batch.ids) == 1 and batch.durations is None else None
        run: Callable[..., Any] = self.model.inference if windowed is None else windowed.predict_frames
        with inference(device, self._config):
            result, aux = run(ids, lengths, **given)
        counts = aux["mel_lengths"].tolist()
        durations = aux["durations"].cpu().numpy() if "durations" in aux else None  # of all rows: one sync
        return [
            Acoustics(
                frames,
                mel=result[row : row + 1, :, :frames].to(torch.float32) if windowed is None else None,
                hidden=None if windowed is None else result[row : row + 1, :frames],
                f0=aux["pitch"][row : row + 1, :frames].to(torch.float32) if "pitch" in aux else None,
                durations=None if durations is None else durations[row, :phonemes],
            )
            for row, (frames, phonemes) in enumerate(zip(counts, batch.lengths.tolist(), strict=True))
        ]

    def decode(self, hidden: Tensor) -> Tensor:
        """See `AcousticStage`."""
        assert self.windowed is not None, "only a model with windows leaves hidden frames"
        with inference(hidden.device, self._config):
            mel: Tensor = self.windowed.decode_frames(hidden).to(torch.float32)
        return mel

    def join(self, mels: Sequence[Tensor]) -> Tensor:
        """See `AcousticStage`."""
        return torch.cat(list(mels), 2)


class TorchVocoderStage(VocoderStage):
    """A torch vocoder on the device that it is on at the time of the call."""

    def __init__(self, model: Any, config: InferenceConfig) -> None:
        super().__init__(model)
        self._config = config
        self._batched: BatchVocoder | None = model if isinstance(model, BatchVocoder) else None

    def replaced(self, model: Any) -> TorchVocoderStage:
        """See `VocoderStage`."""
        return TorchVocoderStage(model, self._config)

    @property
    def device(self) -> torch.device:
        """Where the model is now."""
        return device_of(self.model)

    def placed(self, array: Tensor | None) -> Tensor | None:
        """A mel or F0 on the model's device."""
        return None if array is None else array.to(self.device)

    def waveform(self, mel: Tensor, f0: Tensor | None, first_frame: int, seed: int) -> Tensor:
        """See `VocoderStage`; the samples stay on the model's device."""
        with inference(self.device, self._config):
            audio: Tensor = super().waveform(self.placed(mel), self.placed(f0), first_frame, seed)
        return audio

    def waveforms(self, batch: Sequence[Acoustics], seed: int) -> list[Tensor]:
        """`waveform` of whole phrases whose mels are decoded, as a batch if the model supports it."""
        if self._batched is None:
            return [self.waveform(item.mel, item.f0, 0, seed) for item in batch]
        with inference(self.device, self._config):
            return self._batched.render_batch([item.mel for item in batch])

    def to_host(self, waveform: Tensor) -> Samples:
        """See `VocoderStage`."""
        samples: Samples = waveform.float().cpu().numpy()
        return samples


class TorchEngine(Engine):
    """Runs torch modules, each on the device that its parameters or buffers are on at the time of the call."""

    name = "torch"
    acoustic: TorchAcousticStage
    vocoder: TorchVocoderStage

    @property
    def runs_batches(self) -> bool:
        """True on a GPU: see `Engine`."""
        return device_of(self.acoustic.model).type != "cpu"

    def generate(
        self, batches: Iterable[AcousticBatch], seed: int
    ) -> Iterator[list[tuple[Acoustics, Samples]]]:
        """See `Engine`; a vocoder on a GPU runs on a batch while the acoustic model runs on the next."""
        if self.vocoder.device.type not in OVERLAPPING:
            yield from super().generate(batches, seed)
            return
        queued: Callable[[], list[tuple[Acoustics, Samples]]] | None = None
        for batch in batches:
            following = self._queue(self.acoustic.predict(batch), seed)
            if queued is not None:
                yield queued()
            queued = following
        if queued is not None:
            yield queued()

    def to_audio(self, samples: Samples) -> Tensor:
        """The samples as a CPU tensor."""
        return torch.from_numpy(np.ascontiguousarray(samples))

    def _queue(self, batch: Sequence[Acoustics], seed: int) -> Callable[[], list[tuple[Acoustics, Samples]]]:
        """Queues the vocoder's work on a batch; returns a function that waits for it."""
        ready = [self._ready(item) for item in batch]
        stream = SideStream(self.vocoder.device)
        with stream.after([array for item in ready for array in (item.mel, item.f0) if array is not None]):
            arrays = stream.to_host(self.vocoder.waveforms(ready, seed))
        finished = self.vocoder.finished
        return lambda: [
            (item, finished(samples, item, 0)) for item, samples in zip(batch, arrays(), strict=True)
        ]

    def _ready(self, item: Acoustics) -> Acoustics:
        """The acoustics, with mel and F0 on the vocoder's device."""
        place = self.vocoder.placed
        return replace(item, mel=place(self.acoustic.mel(item)), hidden=None, f0=place(item.f0))


@contextmanager
def inference(device: torch.device, config: InferenceConfig) -> Iterator[None]:
    """Disables gradients and applies the inference settings for that device."""
    dtype = torch.float16 if device.type == "cuda" else torch.bfloat16
    mixed = torch.autocast(device.type, dtype=dtype) if config.mixed_precision else nullcontext()
    with torch.no_grad(), cuda_graphs(config.cuda_graphs), mixed:
        yield


def device_of(module: Any) -> torch.device:
    """Where a module's first parameter or buffer is; the CPU for one without any, such as a quantized module."""
    tensor = next(chain(module.parameters(), module.buffers()), None)
    return tensor.device if tensor is not None else torch.device("cpu")


def use_threads(count: int | None) -> None:
    """Lets torch use `count` CPU threads, in the whole process: torch has no smaller scope. None changes nothing."""
    if count is not None:
        torch.set_num_threads(count)
