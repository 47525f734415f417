"""The whole generator of HiFi-GAN V1 in half precision: torch eager, and as Kalakan runs it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from gpu_bench.attempts import Attempts, Found
from gpu_bench.cases import AUDIO
from gpu_bench.machine import build
from gpu_bench.settings import Row, Settings
from gpu_bench.timing import peak_memory_mb, poison, relative_error, reset_memory, time_ms
from kalakan.config.environment import OPS
from kalakan.config.schema import HifiGanConfig
from kalakan.models.registry import create_vocoder
from kalakan.models.vocoders.gpu.graph_cache import cuda_graphs
from kalakan.ops import use

Call = Callable[[Tensor], Tensor]
LOADS = ((1, 1), (32, 10))
"""Items and seconds of audio."""
REFERENCE = dict.fromkeys(OPS, "torch")
"""Every op by its reference."""
TOLERANCE = 1e-3
"""Relative error that half precision may have in any case; what torch eager's is twice of may be, too."""
INPUTS = 3


def rows(settings: Settings, _: str) -> Iterator[Row]:
    """Each load: error, milliseconds and memory of torch eager, of the same with cuDNN's search, and of Kalakan."""
    model = build_generator(settings)
    exact = copy.deepcopy(model).double()
    half = copy.deepcopy(model).to(half_type(settings))
    attempts = Attempts()
    yield attempts.row("build", partial(build, settings))
    with torch.no_grad():
        for items, seconds, frames in loads(settings):
            load, mels = f"{items} x {seconds} s", make_mels(items, frames, settings)
            wanted = exact_audio(exact, mels[0])
            yield {"case": f"{load}, work", "gflop": gflop(items, frames, settings)}
            allowed = TOLERANCE
            for name, call in ways(half).items():
                row = attempts.row(f"{load}, {name}", partial(measure, call, mels, wanted, settings))
                allowed = max(allowed, 2 * row.get("error", 0.0)) if name == "torch" else allowed
                if "error" in row:
                    row |= attempts.wrong(row["case"], row["error"], allowed)
                yield row
    attempts.finish()


def ways(half: Any) -> dict[str, Call]:
    """How the audio is made: torch's first."""
    return {
        "torch": eager(half),
        "torch, cudnn.benchmark": _with_search(eager(half)),
        "kalakan": half.inference,
        "kalakan, no CUDA graph": _without_graphs(half.inference),
    }


def eager(model: Any) -> Call:
    """The model's `forward`, which runs no kernel but torch's, every op by its reference."""

    def call(mel: Tensor) -> Tensor:
        with use(**REFERENCE):
            audio: Tensor = model(mel)
        return audio

    return call


def _with_search(call: Call) -> Call:
    def searching(mel: Tensor) -> Tensor:
        torch.backends.cudnn.benchmark = True
        try:
            return call(mel)
        finally:
            torch.backends.cudnn.benchmark = False

    return searching


def _without_graphs(call: Call) -> Call:
    def launching(mel: Tensor) -> Tensor:
        with cuda_graphs(False):
            return call(mel)

    return launching


def loads(settings: Settings) -> list[tuple[int, int, int]]:
    """Items, seconds and frames."""
    if settings.is_dry:
        return [(1, 0, 2), (2, 0, 3)]
    return [(items, seconds, round(seconds * AUDIO.frame_rate)) for items, seconds in LOADS]


def half_type(settings: Settings) -> torch.dtype:
    """fp16; single precision in a dry run, whose CPU may be slow at it."""
    return torch.float32 if settings.is_dry else torch.float16


def build_generator(settings: Settings) -> Any:
    """A V1 with random weights, the same ones in every section."""
    torch.manual_seed(1)
    model = create_vocoder("hifigan", AUDIO, config=sizes(settings))
    set_weights(model)
    torch.seed()
    return model.eval().requires_grad_(False).to(settings.device)


def set_weights(model: nn.Module) -> None:
    """Random weights that keep signals at a steady size.

    With the paper's initial weights half precision underflows: nothing would be compared, and zeros are fast.
    """
    for module in model.modules():
        if isinstance(module, nn.ConvTranspose1d):
            taps = module.kernel_size[0] / module.stride[0]
            nn.init.normal_(module.weight, std=(2 / (module.in_channels * taps)) ** 0.5)
        elif isinstance(module, nn.Conv1d):
            nn.init.normal_(module.weight, std=0.7 / (module.in_channels * module.kernel_size[0]) ** 0.5)


def make_mels(items: int, frames: int, settings: Settings) -> list[Tensor]:
    """Fresh log-mels [B, M, T] to rotate through."""
    options: dict[str, Any] = {"device": settings.device, "dtype": half_type(settings)}
    return [torch.randn(items, AUDIO.n_mels, frames, **options) for _ in range(INPUTS)]


def exact_audio(model: Any, mel: Tensor) -> Tensor:
    """The last item in float64."""
    return eager(model)(mel[-1:].double())


def measure(call: Call, mels: list[Tensor], wanted: Tensor, settings: Settings) -> Found:
    """Error against float64, memory poisoned before; then time and peak of memory."""
    call(mels[-1])  # compiles, captures, searches: not what is poisoned
    poison(settings.device)
    found: Found = {"error": relative_error(call(mels[0])[-len(wanted) :], wanted)}
    reset_memory(settings.device)
    found |= time_ms(call, mels, settings.rounds, settings.device)
    return found | peak_memory_mb(settings.device)


def gflop(items: int, frames: int, settings: Settings) -> float:
    """What one call computes, counted by torch on tensors without memory."""
    with FakeTensorMode(), FlopCounterMode(display=False) as counter, torch.no_grad():
        model: Any = create_vocoder("hifigan", AUDIO, config=sizes(settings)).eval()
        eager(model)(torch.empty(items, AUDIO.n_mels, frames))
    return float(round(counter.get_total_flops() / 1e9, 3))


def sizes(settings: Settings) -> HifiGanConfig:
    """V1's; a few convolutions in a dry run."""
    return HifiGanConfig(16, (75, 4), (3,), ((1, 3),)) if settings.is_dry else HifiGanConfig()
