"""Griffin-Lim as one would write it with torch alone: loops of torch's own transforms, eager and compiled.

torch.compile has no complex numbers and `torch.istft` looks at its window on the host, so neither the loop that one
writes nor Kalakan's reference can be captured whole. What can is compiled here: one iteration in real numbers, between
transforms that stay cuFFT's, its window sums computed once; on a GPU the 32 of them are then one CUDA graph.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gpu_bench.cases import Arguments
from gpu_bench.compiling import WITHOUT_GRAPHS, compiled
from gpu_bench.settings import Settings
from gpu_bench.timing import time_ms
from kalakan.ops.griffin_lim import reference


def times(inputs: Sequence[Arguments], settings: Settings) -> dict[str, Any]:
    """Milliseconds of each eager loop."""
    loops: dict[str, Callable[..., Tensor]] = {"torch.stft": stft_loop}
    if importlib.util.find_spec("torchaudio") is not None:
        loops["torchaudio"] = torchaudio_loop
    return {
        name: time_ms(partial(_spread, loop), inputs, settings.rounds, settings.device)
        for name, loop in loops.items()
    }


def _spread(loop: Callable[..., Tensor], arguments: Arguments) -> Tensor:
    return loop(*arguments)


def stft_loop(
    magnitude: Tensor, n_fft: int, win_length: int, hop: int, n_iter: int, momentum: float, seed: int
) -> Tensor:
    """The loop of torch.stft and torch.istft, frames centred as they want them."""
    window = torch.hann_window(win_length, device=magnitude.device)
    sizes: dict[str, Any] = {"n_fft": n_fft, "hop_length": hop, "win_length": win_length, "window": window}
    phase = torch.polar(torch.ones_like(magnitude), 2 * torch.pi * torch.rand_like(magnitude))
    previous = torch.zeros_like(phase)
    for _ in range(n_iter):
        rebuilt = torch.stft(torch.istft(magnitude * phase, **sizes), return_complex=True, **sizes)
        phase = rebuilt - previous * (momentum / (1 + momentum))
        phase = phase / (phase.abs() + 1e-16)
        previous = rebuilt
    return torch.istft(magnitude * phase, **sizes)


def torchaudio_loop(
    magnitude: Tensor, n_fft: int, win_length: int, hop: int, n_iter: int, momentum: float, seed: int
) -> Tensor:
    """torchaudio's own."""
    from torchaudio.functional import griffinlim

    window = torch.hann_window(win_length, device=magnitude.device)
    return griffinlim(magnitude, window, n_fft, hop, win_length, 1.0, n_iter, momentum, None, True)


class CompiledLoop:
    """All iterations with one compiled step, for magnitudes of one shape."""

    def __init__(self, example: Arguments, device: str) -> None:
        magnitude, self.n_fft, win_length, self.hop, self.n_iter, momentum, self.seed = example
        self.magnitude = magnitude.clone()
        self.share = momentum / (1 + momentum)
        self.window = torch.hann_window(win_length, device=device)
        left = (self.n_fft - win_length) // 2
        self.padded = F.pad(self.window, [left, self.n_fft - win_length - left])[None, :, None]
        self.reciprocals = 1 / self._fold((self.padded**2).expand(1, -1, magnitude.size(2)))
        self.start = torch.view_as_real(reference.initial_phase(self.seed, magnitude)).contiguous()
        self.step = compiled(self._step, device, WITHOUT_GRAPHS)
        self.how = "one iteration compiled"
        self.graph: torch.cuda.CUDAGraph | None = None
        if device == "cuda":
            self._capture()

    def __call__(self, magnitude: Tensor, *_: object) -> Tensor:
        """Audio [B, T * hop_length]."""
        self.magnitude.copy_(magnitude)
        if self.graph is None:
            return self._run()
        self.graph.replay()
        return self.audio

    def _capture(self) -> None:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # compiles, and lets cuFFT make its plans
            for _ in range(3):
                self._run()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self.audio = self._run()
        except RuntimeError as error:
            self.how += f"; the loop is no CUDA graph: {str(error).splitlines()[0]}"
            return
        self.graph, self.how = graph, self.how + ", all iterations one CUDA graph"

    def _run(self) -> Tensor:
        audio = self._inverse(self.magnitude[..., None] * self.start)
        previous = torch.zeros_like(self.magnitude[..., None].expand(-1, -1, -1, 2))
        for _ in range(self.n_iter):
            audio, previous = self.step(self.magnitude, audio, previous)
        return audio

    def _step(self, magnitude: Tensor, audio: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
        rebuilt = torch.view_as_real(reference.forward(audio, self.window, self.n_fft, self.hop))
        direction = rebuilt - previous * self.share
        scale = magnitude / (direction.square().sum(-1).sqrt() + 1e-16)
        return self._inverse(scale[..., None] * direction), rebuilt

    def _inverse(self, spectrum: Tensor) -> Tensor:
        frames = torch.fft.irfft(torch.view_as_complex(spectrum.contiguous()), self.n_fft, dim=1)
        return (self._fold(frames * self.padded) * self.reciprocals).flatten(1)

    def _fold(self, frames: Tensor) -> Tensor:
        """Frames [B, n_fft, T] added where they lie: [B, 1, 1, T * hop]."""
        samples, padding = frames.size(2) * self.hop, (self.n_fft - self.hop) // 2
        folded = F.fold(frames, (1, samples + 2 * padding), (1, self.n_fft), stride=(1, self.hop))
        return folded.narrow(3, padding, samples)
