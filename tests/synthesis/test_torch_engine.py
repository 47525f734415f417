"""The vocoder beside the acoustic model: queued in order, waited for late, the same samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kalakan.errors import SynthesisError
from kalakan.models.vocoders.gpu import packed
from kalakan.models.vocoders.gpu.graph_cache import are_wanted
from kalakan.synthesis.engines import torch_engine
from kalakan.synthesis.synthesizer import Synthesizer
from models.vocoders.generators import packed_on_cpu
from vocoded import TEXTS, synthesizer


class LateStream:
    """Stands in for a side stream: its results are poison until they are waited for."""

    log: list[str]

    count: int

    def __init__(self, device: torch.device) -> None:
        type(self).count += 1
        self.passes = 0

    @contextmanager
    def after(self, given: Sequence[Tensor]) -> Iterator[None]:
        assert all(isinstance(tensor, Tensor) for tensor in given)
        self.log.append(f"queued {self.count}")
        yield

    def to_host(self, result: Tensor) -> Callable[[], Any]:
        number, passes = self.count, self.passes
        self.passes += 1

        def array() -> Any:
            if passes == 0:
                self.log.append(f"waited {number}")
            return result.numpy()

        return array


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(LateStream, "log", lines, raising=False)
    monkeypatch.setattr(LateStream, "count", 0, raising=False)
    monkeypatch.setattr(torch_engine, "OVERLAPPING", ("cuda", "cpu"))
    monkeypatch.setattr(torch_engine, "SideStream", LateStream)
    monkeypatch.setattr(torch_engine.TorchEngine, "runs_batches", True)
    return lines


def heard(monkeypatch: pytest.MonkeyPatch, speaker: Synthesizer, log: list[str]) -> None:
    """Writes down when the acoustic model runs."""
    stage = speaker.stages.acoustic
    predict = stage.predict

    def logged(*arguments: Any) -> Any:
        log.append("read")
        return predict(*arguments)

    monkeypatch.setattr(stage, "predict", logged)


@pytest.mark.parametrize("vocoder", ["melgan", "griffin_lim"])
def test_the_next_batch_is_read_before_the_last_is_waited_for(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch, log: list[str], vocoder: str
) -> None:
    speaker = synthesizer(tiny_voice, vocoder)
    with monkeypatch.context() as patch:
        patch.setattr(torch_engine, "OVERLAPPING", ("cuda",))
        expected = [np.asarray(audio) for audio in speaker.synthesize_batch(TEXTS, 2)]
    assert log == []
    heard(monkeypatch, speaker, log)
    found = speaker.synthesize_batch(TEXTS, 2)
    for audio, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(audio), other, atol=1e-6)
    assert log == [
        "read", "queued 1", "read", "queued 2", "waited 1", "read", "queued 3", "waited 2", "waited 3"
    ]  # fmt: skip


def test_pieces_of_a_long_text_overlap_too(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    speaker = synthesizer(tiny_voice, batch_size=2)
    text = " ".join(TEXTS)
    heard(monkeypatch, speaker, log)
    pieces = speaker.stream(text, by_sentence=True)
    first = next(pieces)
    assert log == ["read", "queued 1", "read", "queued 2", "waited 1"], "two batches at most are under way"
    joined = np.concatenate([np.asarray(first), *map(np.asarray, pieces)])
    np.testing.assert_allclose(joined, np.asarray(speaker.synthesize(text)), atol=1e-6)


def test_broken_weights_are_told(tiny_voice: Path, log: list[str]) -> None:
    speaker = synthesizer(tiny_voice)
    torch.nn.init.constant_(speaker.vocoder.project_out.bias, torch.nan)
    with pytest.raises(SynthesisError, match="samples that are not finite"):
        speaker.synthesize_batch(TEXTS, 2, errors="raise")


@pytest.mark.parametrize(("mixed", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_mixed_precision_packs_16_bits(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch, log: list[str], mixed: bool, dtype: torch.dtype
) -> None:
    """bf16 on the CPU, fp16 on a GPU."""
    packed_on_cpu(monkeypatch)
    speaker = synthesizer(tiny_voice, mixed_precision=mixed)
    found = [*speaker.synthesize_batch(TEXTS, 2), speaker.synthesize(TEXTS[0])]
    assert all(audio.dtype == torch.float32 and float(audio.abs().max()) > 0.01 for audio in found)
    assert list(packed._KEPT[speaker.vocoder].by_dtype) == [dtype]


@pytest.mark.parametrize("wanted", [True, False])
def test_the_setting_reaches_the_vocoder(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    speaker = synthesizer(tiny_voice, cuda_graphs=wanted)
    inference, seen = speaker.vocoder.inference, []

    def asked(mel: Tensor) -> Tensor:
        seen.append(are_wanted())
        return inference(mel)

    monkeypatch.setattr(speaker.vocoder, "inference", asked)
    speaker.synthesize("Yoo")
    assert seen == [wanted]
    assert are_wanted()
