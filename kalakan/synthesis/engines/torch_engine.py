"""Phonemes to audio with torch: any device, mixed precision, and models that the user can replace or move."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kalakan.config.schema import InferenceConfig
from kalakan.errors import SynthesisError
from kalakan.models.devices import check_device
from kalakan.models.interfaces import BatchVocoder
from kalakan.models.quantization import warn_untouched
from kalakan.models.vocoders.gpu.graph_cache import cuda_graphs
from kalakan.synthesis.engines.acoustics import AcousticBatch, Acoustics, Samples
from kalakan.synthesis.engines.finishing import finish
from kalakan.synthesis.engines.side_stream import SideStream
from kalakan.synthesis.engines.stages import NOT_FINITE, AcousticStage, Engine, VocoderStage, controls
from kalakan.voices.corrections import Corrections

OVERLAPPING = ("cuda",)
"""Device types that queue work, so that two models can run at once."""


class TorchAcousticStage(AcousticStage):
    """A torch acoustic model, run on its device at the time of the call."""

    def __init__(self, model: Any, config: InferenceConfig, corrections: Corrections | None = None) -> None:
        super().__init__(model, corrections)
        self._config = config

    def replaced(self, model: Any) -> TorchAcousticStage:
        """See `AcousticStage`."""
        warn_untouched(model)
        return TorchAcousticStage(model, self._config, self.corrections_for(model))

    def run(self, batch: AcousticBatch) -> list[Acoustics]:
        """See `AcousticStage`."""
        device = device_of(self.model)
        ids, lengths = torch.from_numpy(batch.ids).to(device), torch.from_numpy(batch.lengths).to(device)
        given = {name: torch.from_numpy(value).to(device) for name, value in controls(batch).items()}
        # On a GPU the decoder runs on the whole batch, which saves more time than windows would.
        windowed = self.windowed if len(batch.ids) == 1 and batch.durations is None else None
        run: Callable[..., Any] = self.model.inference if windowed is None else windowed.predict_frames
        with inference(device, self._config):
            result, aux = run(ids, lengths, **given)
        counts = aux["mel_lengths"].tolist()
        durations = (
            aux["durations"].cpu().numpy() if "durations" in aux else None
        )  # for all rows, with one sync
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


@dataclass(frozen=True)
class Pass:
    """Phrases of a batch that a vocoder generates together."""

    rows: Sequence[int]
    """The phrases."""
    lengths: Sequence[int]
    """Samples of each."""
    array: Callable[[], Samples]
    """Waits for the output of `finish` and returns it."""


class TorchVocoderStage(VocoderStage):
    """A torch vocoder, run on its device at the time of the call."""

    def __init__(self, model: Any, config: InferenceConfig) -> None:
        super().__init__(model)
        self._config = config
        self._batched: BatchVocoder | None = model if isinstance(model, BatchVocoder) else None

    def replaced(self, model: Any) -> TorchVocoderStage:
        """See `VocoderStage`."""
        warn_untouched(model)
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

    def queue(
        self, batch: Sequence[Acoustics], seed: int, to_host: Callable[[Tensor], Callable[[], Samples]]
    ) -> list[Pass]:
        """Queues `generate` for whole phrases whose mels are decoded, in passes if the model supports it; `to_host`
        gets the samples of each pass before the next is queued."""
        passes = []
        with inference(self.device, self._config):
            for rows, waveforms in self._passes(batch, seed):
                found = finish(waveforms, [batch[row].gain for row in rows], self.hop_length)
                passes.append(Pass(rows, [len(wave) for wave in waveforms], to_host(found)))
        return passes

    def _passes(
        self, batch: Sequence[Acoustics], seed: int
    ) -> Iterator[tuple[Sequence[int], Sequence[Tensor]]]:
        if self._batched is not None:
            yield from self._batched.render_passes([item.mel for item in batch])
            return
        for row, item in enumerate(batch):
            yield [row], [self.waveform(item.mel, item.f0, 0, seed)]

    def generate(self, mel: Tensor, acoustics: Acoustics, first_frame: int, seed: int) -> Samples:
        """See `VocoderStage`."""
        waveform = self.waveform(mel, acoustics.f0, first_frame, seed)
        if waveform.device.type == "cpu":
            return self.finished(self.to_host(waveform), acoustics, first_frame)
        found = finish([waveform], [acoustics.gain], self.hop_length, first_frame)
        return split(found.cpu().numpy(), [len(waveform)])[0]

    def to_host(self, waveform: Tensor) -> Samples:
        """See `VocoderStage`."""
        samples: Samples = waveform.float().cpu().numpy()
        return samples


class TorchEngine(Engine):
    """Runs torch modules, each on the device of its parameters or buffers at the time of the call."""

    name = "torch"
    acoustic: TorchAcousticStage
    vocoder: TorchVocoderStage

    @property
    def runs_batches(self) -> bool:
        """True on a GPU: see `Engine`."""
        return device_of(self.acoustic.model).type != "cpu"

    def copied_to(self, device: str) -> TorchEngine:
        """See `Engine`."""
        place = check_device(device)
        acoustic, vocoder = (deepcopy(stage.model).to(place) for stage in (self.acoustic, self.vocoder))
        copy = self.acoustic.replaced(acoustic)
        copy.corrections = self.acoustic.corrections  # the same voice, although not the same module
        return TorchEngine(copy, self.vocoder.replaced(vocoder), self.speakers, self.levels)

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
        """Queues the vocoder's work on a batch; returns a function that waits for it, pass by pass: the samples of one
        pass are copied while the device computes the next."""
        ready = [self._ready(item) for item in batch]
        stream = SideStream(self.vocoder.device)
        with stream.after([array for item in ready for array in (item.mel, item.f0) if array is not None]):
            passes = self.vocoder.queue(ready, seed, stream.to_host)

        def generated() -> list[tuple[Acoustics, Samples]]:
            samples: dict[int, Samples] = {}
            while passes:
                done = passes.pop(0)
                samples.update(zip(done.rows, split(done.array(), done.lengths), strict=True))
            return [(item, samples[row]) for row, item in enumerate(batch)]

        return generated

    def _ready(self, item: Acoustics) -> Acoustics:
        """The acoustics, with mel and F0 on the vocoder's device."""
        place = self.vocoder.placed
        return replace(item, mel=place(self.acoustic.mel(item)), hidden=None, f0=place(item.f0))


def split(finished: Samples, lengths: Sequence[int]) -> list[Samples]:
    """Copies of the samples [S_i] in the output of `finish`; raises `SynthesisError` if any is not finite."""
    if not math.isfinite(float(finished[-1])):
        raise SynthesisError(NOT_FINITE)
    ends = np.cumsum(lengths).tolist()
    return [finished[end - length : end].copy() for length, end in zip(lengths, ends, strict=True)]


@contextmanager
def inference(device: torch.device, config: InferenceConfig) -> Iterator[None]:
    """Disables gradients and applies the inference settings for that device."""
    dtype = torch.float16 if device.type == "cuda" else torch.bfloat16
    mixed = torch.autocast(device.type, dtype=dtype) if config.mixed_precision else nullcontext()
    with torch.no_grad(), cuda_graphs(config.cuda_graphs), mixed:
        yield


def device_of(module: Any) -> torch.device:
    """The device of a module's first parameter or buffer; the CPU for a module without any, such as a quantized one."""
    tensor = next(chain(module.parameters(), module.buffers()), None)
    return tensor.device if tensor is not None else torch.device("cpu")


def use_threads(count: int | None) -> None:
    """Sets torch's CPU threads to `count` for the whole process, the smallest scope that torch has. None changes
    nothing."""
    if count is not None:
        torch.set_num_threads(count)
