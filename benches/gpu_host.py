"""python benches/gpu_host.py --as NAME [--output FILE]: what the CPU has to do beside a GPU, measured without one.

Least microseconds or milliseconds of CPU time of: the check before every call of HiFi-GAN V1 that its packed weights
are still the module's; the input of the acoustic model for 32 sentences of 10 s; and what is left of them once the GPU
has generated their samples, with arrays that are there in place of waiting, ordinary memory in place of pinned memory,
and without what the device does. Adds to FILE what it measured, under NAME, the least of all runs. With PYTHONPATH at
a checkout of another commit it measures that one.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kalakan.benchmark.machine import cpu_model
from kalakan.config.schema import AudioConfig, InferenceConfig
from kalakan.models.registry import create_vocoder
from kalakan.models.vocoders.gpu import packed
from kalakan.synthesis.delivery import Chunk, Delivery
from kalakan.synthesis.engines import torch_engine
from kalakan.synthesis.engines.stages import Acoustics, acoustic_batch
from kalakan.synthesis.engines.torch_engine import TorchEngine, TorchVocoderStage
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import Phrase
from kalakan.synthesis.script import PLAIN, Prosody

ITEMS, SECONDS, IDS = 32, 10, 150
PASSES = 4
"""In which the vocoder generates them: 8192 frames each."""
AUDIO = AudioConfig()
ROUNDS = 25


def least(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of CPU time of the fastest of some calls."""
    found = []
    for _ in range(rounds):
        start = time.process_time_ns()
        call()
        found.append(time.process_time_ns() - start)
    return min(found) / 1e9


def check_us(mode: Callable[[], Any]) -> float:
    """Microseconds of one `packed.packed` of weights that did not change."""
    packed.DEVICES = ("cpu",)  # type: ignore[misc, assignment]
    packed.recorder = lambda device: SimpleNamespace()  # type: ignore[misc, assignment, return-value]
    model: Any = create_vocoder("hifigan", AUDIO).eval().requires_grad_(False)
    mel = torch.zeros(1, AUDIO.n_mels, 80)
    with mode():
        packed.packed(model, mel)
        calls = 50
        return 1e6 * least(lambda: [packed.packed(model, mel) for _ in range(calls)], 60) / calls


def phrases(kinds: Sequence[Prosody]) -> list[Phrase]:
    """Of about 10 s each; their ids share the prosodies in stretches."""
    stretch = -(-IDS // len(kinds))
    prosody = tuple(kind for kind in kinds for _ in range(stretch))[:IDS]
    return [Phrase(list(range(2, 2 + IDS)), (), prosody, (0, 1)) for _ in range(ITEMS)]


def batch_ms(kinds: Sequence[Prosody]) -> float:
    """Milliseconds of the acoustic model's input."""
    given = phrases(kinds)
    return 1e3 * least(lambda: acoustic_batch(given, SpeakOptions(), ["a"]))


class Arrived:
    """Stands in for the side stream: what was queued is there."""

    def __init__(self, device: torch.device) -> None:
        pass

    @contextmanager
    def after(self, given: Sequence[Tensor]) -> Iterator[None]:
        yield

    def to_host(self, results: Tensor | Sequence[Tensor]) -> Callable[[], Any]:
        if isinstance(results, Tensor):
            array = results.numpy()
            return lambda: array
        arrays = [result.numpy() for result in results]
        return lambda: [array.copy() for array in arrays]  # as the side stream did


class Recorded(nn.Module):
    """A vocoder that has generated everything."""

    sample_rate, hop_length, context_frames = AUDIO.sample_rate, AUDIO.hop_length, 12

    def __init__(self, waveforms: list[Tensor]) -> None:
        super().__init__()
        self.waveforms = waveforms

    def render(self, mel: Tensor, f0: Tensor | None, first_frame: int, seed: int) -> Tensor:
        raise NotImplementedError

    def render_batch(self, mels: Sequence[Tensor]) -> list[Tensor]:
        return self.waveforms

    def render_passes(self, mels: Sequence[Tensor]) -> Iterator[tuple[list[int], list[Tensor]]]:
        for rows in np.split(np.arange(len(mels)), PASSES):
            yield rows.tolist(), [self.waveforms[row] for row in rows]


def finishing_ms(peak: float) -> float:
    """Milliseconds from samples that have arrived to the audio of every text."""
    torch_engine.SideStream = Arrived  # type: ignore[misc, assignment]
    samples = SECONDS * AUDIO.sample_rate
    waveforms = [peak * torch.sin(torch.arange(samples) / (5.0 + row)) for row in range(ITEMS)]
    model = Recorded(waveforms)
    stage = SimpleNamespace(model=model, mel=lambda item: item.mel)
    engine = TorchEngine(stage, TorchVocoderStage(model, InferenceConfig()), ("a",))  # type: ignore[arg-type]
    delivery = Delivery(engine, SpeakOptions(), ITEMS)
    batch = [Acoustics(800, torch.zeros(1, 80, 800), None, None, None) for _ in range(ITEMS)]
    found = []
    for _ in range(ROUNDS):
        queued = engine._queue(batch, 0)
        start = time.process_time_ns()
        pairs = queued()
        audios = [delivery.joined(iter([Chunk(engine.to_audio(each))])) for _, each in pairs]
        found.append(time.process_time_ns() - start)
        assert len(audios) == ITEMS and len(audios[0]) == samples
    return min(found) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--as", dest="name", default="here", help="name of what is measured, such as before")
    parser.add_argument("--output", type=Path, help="JSON file to add to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    stretches = [PLAIN, Prosody(speed=1.2), Prosody(pitch=2.0, volume=-3.0)]
    found = {
        "check of packed weights, no_grad, us": round(check_us(torch.no_grad), 1),
        "check of packed weights, grad mode, us": round(check_us(torch.enable_grad), 1),
        "input of the acoustic model, 32 x 10 s, ms": round(batch_ms([PLAIN]), 3),
        "the same with stretches of markup, ms": round(batch_ms(stretches), 3),
        "samples to audio, 32 x 10 s, ms": round(finishing_ms(0.7), 2),
        "the same above the limiter's knee, ms": round(finishing_ms(1.1), 2),
    }
    print(json.dumps(found, indent=1))  # noqa: T201
    if arguments.output is not None:
        result: dict[str, Any] = {"measured": {}}
        if arguments.output.is_file():
            result = json.loads(arguments.output.read_text(encoding="utf-8"))
        result |= {
            "what": "least CPU time; see benches/gpu_host.py. Nothing of it ran on a GPU.",
            "machine": {"cpu": cpu_model(), "system": platform.system(), "torch": torch.__version__},
            "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "command": "python benches/gpu_host.py --as NAME --output FILE",
        }
        earlier = result["measured"].get(arguments.name, {})
        result["measured"][arguments.name] = {
            name: min(value, earlier.get(name, value)) for name, value in found.items()
        }
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
