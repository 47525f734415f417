"""Phonemes to audio with torch: any device, mixed precision, models that the user replaces or moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kalakan.config.schema import InferenceConfig
from kalakan.models.vocoders.gpu.graph_cache import cuda_graphs
from kalakan.synthesis.batching import control_arrays, speak_in_turn
from kalakan.synthesis.controls import Controls
from kalakan.synthesis.frontend import Breath, pad
from kalakan.synthesis.side_stream import SideStream
from kalakan.synthesis.streaming import DecodedMel, Mel, Rendering, Samples, WholeMel, vocoder_call

OVERLAPPING = ("cuda",)
"""Kinds of device on which work is queued, so that two models work at once."""


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
        self.cuda_graphs = config.cuda_graphs

    @property
    def runs_batches(self) -> bool:
        """True on a GPU: see `Engine.runs_batches`."""
        return device_of(self.acoustic_model).type != "cpu"

    def render(self, breaths: Sequence[Breath], controls: Controls) -> list[Rendering]:
        """See `Engine`."""
        return [part.rendering for part in self._acoustics(breaths, controls)]

    def speak(
        self, batches: Iterable[Sequence[Breath]], controls: Controls
    ) -> Iterator[list[tuple[Rendering, Samples]]]:
        """See `Engine`; where the vocoder is on a GPU, it speaks a batch while the acoustic model reads the next."""
        if device_of(self.vocoder).type not in OVERLAPPING:
            yield from speak_in_turn(self, batches, controls)
            return
        queued: Callable[[], list[tuple[Rendering, Samples]]] | None = None
        for breaths in batches:
            following = self._queue(self._acoustics(breaths, controls))
            if queued is not None:
                yield queued()
            queued = following
        if queued is not None:
            yield queued()

    def to_audio(self, samples: Samples) -> Tensor:
        """The samples as a CPU tensor."""
        return torch.from_numpy(np.ascontiguousarray(samples))

    def _acoustics(self, breaths: Sequence[Breath], controls: Controls) -> list[_Acoustics]:
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
        with self._inference(device):
            result, aux = run(ids, lengths, **given)
        counts = aux["mel_lengths"].tolist()
        if has_windows:
            mels: list[Mel] = [
                DecodedMel(result[:, : counts[0]], model.context_frames, self._decode, torch.cat)
            ]
        else:
            result = result.to(device_of(self.vocoder), torch.float32)
            mels = [WholeMel(result[row : row + 1, :, :count]) for row, count in enumerate(counts)]
        durations = aux["durations"].cpu().numpy() if "durations" in aux else None  # of all rows: one wait
        return [
            self._acoustics_of(
                mel, aux, row, None if durations is None else durations[row, : len(breath.ids)], controls.seed
            )
            for row, (mel, breath) in enumerate(zip(mels, breaths, strict=True))
        ]

    def _acoustics_of(
        self, mel: Mel, aux: dict[str, Tensor], row: int, durations: NDArray[np.int64] | None, seed: int
    ) -> _Acoustics:
        device = device_of(self.vocoder)
        f0 = aux["pitch"][row : row + 1, : mel.frames].to(device, torch.float32) if "pitch" in aux else None
        vocode, context = vocoder_call(self.vocoder, f0, seed)

        def samples(window: Tensor, first: int) -> Samples:
            with self._inference(device):
                audio: Samples = vocode(window, first).float().cpu().numpy()
            return audio

        rendering = Rendering(durations, mel, samples, context, self.vocoder.hop_length)
        return _Acoustics(rendering, vocode, f0)

    def _queue(self, batch: Sequence[_Acoustics]) -> Callable[[], list[tuple[Rendering, Samples]]]:
        """Queues the vocoder's work on a batch; the call that waits for it."""
        device = device_of(self.vocoder)
        stream = SideStream(device)
        mels = [part.rendering.mel.window(0, part.rendering.mel.frames) for part in batch]
        with (
            stream.after([*mels, *(part.f0 for part in batch if part.f0 is not None)]),
            self._inference(device),
        ):
            if hasattr(self.vocoder, "render_batch"):
                audios = self.vocoder.render_batch(mels)
            else:
                audios = [part.vocode(mel, 0) for part, mel in zip(batch, mels, strict=True)]
            arrays = stream.to_host(audios)
        renderings = [part.rendering for part in batch]
        return lambda: [
            (rendering, rendering.finished(audio))
            for rendering, audio in zip(renderings, arrays(), strict=True)
        ]

    def _decode(self, frames: Tensor) -> Tensor:
        """Log-mel of a window of frames, where the vocoder is."""
        with self._inference(frames.device):
            mel: Tensor = self.acoustic_model.decode_frames(frames)
        return mel.to(device_of(self.vocoder), torch.float32)

    @contextmanager
    def _inference(self, device: torch.device) -> Iterator[None]:
        """Without gradients, and with what the settings ask for on that device."""
        dtype = torch.float16 if device.type == "cuda" else torch.bfloat16
        mixed = torch.autocast(device.type, dtype=dtype) if self.mixed_precision else nullcontext()
        with torch.no_grad(), cuda_graphs(self.cuda_graphs), mixed:
            yield


@dataclass(frozen=True)
class _Acoustics:
    """A breath whose acoustics are known, for a vocoder that leaves its waveform on its device."""

    rendering: Rendering
    vocode: Callable[[Tensor, int], Tensor]
    f0: Tensor | None
    """What `vocode` also reads, [1, T]."""


def device_of(module: Any) -> torch.device:
    """Where a module's first parameter or buffer is; the CPU for one without any, such as a quantized module."""
    tensor = next(chain(module.parameters(), module.buffers()), None)
    return tensor.device if tensor is not None else torch.device("cpu")


def use_threads(count: int | None) -> None:
    """Lets torch use `count` CPU threads, in the whole process: it knows no smaller scope. None changes nothing."""
    if count is not None:
        torch.set_num_threads(count)
