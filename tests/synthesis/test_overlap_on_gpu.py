"""The torch engine on a GPU: two streams, graphs and half precision give the samples of the CPU."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from kalakan.synthesis.engines import torch_engine
from vocoded import TEXTS, synthesizer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("vocoder", ["hifigan", "melgan", "griffin_lim"])
def test_overlapped_equals_one_after_the_other(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch, vocoder: str
) -> None:
    speaker = synthesizer(tiny_voice, vocoder, "cuda")
    texts = TEXTS * 6
    found = [speaker.synthesize_batch(texts, 4) for _ in range(3)]
    monkeypatch.setattr(torch_engine, "OVERLAPPING", ())
    expected = speaker.synthesize_batch(texts, 4)
    for audios in found:
        for audio, other in zip(audios, expected, strict=True):
            np.testing.assert_allclose(np.asarray(audio), np.asarray(other), atol=1e-3)


@pytest.mark.parametrize("vocoder", ["hifigan", "hifigan_v3", "melgan"])
@pytest.mark.parametrize("inference", [{}, {"cuda_graphs": False}, {"mixed_precision": True}])
def test_a_gpu_speaks_like_the_cpu(tiny_voice: Path, vocoder: str, inference: dict[str, bool]) -> None:
    """With the durations of single precision: 16 bits may round a phoneme to another number of frames."""
    cpu, gpu = synthesizer(tiny_voice, vocoder), synthesizer(tiny_voice, vocoder, "cuda", **inference)
    for text in TEXTS:
        wanted, found = np.asarray(cpu.synthesize(text)), np.asarray(gpu.synthesize(text))
        again = np.asarray(gpu.synthesize(text))
        np.testing.assert_allclose(found, again, atol=1e-5)
        if "mixed_precision" not in inference:
            np.testing.assert_allclose(found, wanted, atol=2e-3)
        elif len(found) == len(wanted):
            assert np.sqrt(np.mean((found - wanted) ** 2)) < 0.02


def test_threads_get_their_own_samples(tiny_voice: Path) -> None:
    speaker = synthesizer(tiny_voice, "hifigan", "cuda")
    expected = [np.asarray(speaker.synthesize(text)) for text in TEXTS]
    failed: list[BaseException] = []

    def speak(place: int) -> None:
        try:
            with torch.cuda.stream(torch.cuda.Stream()):
                for row in [(place + turn) % len(TEXTS) for turn in range(20)]:
                    np.testing.assert_allclose(
                        np.asarray(speaker.synthesize(TEXTS[row])), expected[row], atol=1e-3
                    )
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=speak, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


def test_models_are_moved_between_calls(tiny_voice: Path) -> None:
    speaker = synthesizer(tiny_voice, "hifigan", "cuda")
    text = TEXTS[1]
    wanted = np.asarray(speaker.synthesize(text))
    last = f"cuda:{torch.cuda.device_count() - 1}"
    for acoustic, vocoder in (("cpu", "cuda:0"), ("cuda:0", "cpu"), ("cuda:0", last)):
        speaker.acoustic_model.to(acoustic)
        speaker.vocoder.to(vocoder)
        np.testing.assert_allclose(np.asarray(speaker.synthesize(text)), wanted, atol=2e-3)
