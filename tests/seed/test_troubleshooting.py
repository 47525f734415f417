"""Blocks of the guide's chapter Troubleshooting Performance Issues."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.text.twi_g2p import TwiG2P


@pytest.fixture
def synthesizer(models: Any, device: str) -> Synthesizer:
    return Synthesizer(acoustic_model=models.acoustic, vocoder=models.vocoder, device=device)


def test_clearing_caches(synthesizer: Synthesizer, device: str, text: str) -> None:
    expected = synthesizer.synthesize(text)
    torch.cuda.empty_cache()
    gc.collect()
    assert torch.equal(synthesizer.synthesize(text), expected)


def test_finding_tensors(device: str) -> None:
    held = torch.ones(3, 129, device=device)
    found = []

    # Find all tensors
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # looking at an attribute of some objects warns
        for obj in gc.get_objects():
            try:
                if torch.is_tensor(obj) or (hasattr(obj, "data") and torch.is_tensor(obj.data)):
                    found.append((type(obj), obj.size(), obj.device))
            except BaseException:  # the guide's bare one: some objects raise anything
                pass

    assert (torch.Tensor, held.size(), held.device) in found


def test_context_managers(synthesizer: Synthesizer, text: str) -> None:
    @contextlib.contextmanager
    def inference_context() -> Iterator[None]:
        try:
            yield
        finally:
            torch.cuda.empty_cache()
            gc.collect()

    with inference_context():
        audio = synthesizer.synthesize(text)
    assert len(audio) > 0


def test_batches_use_the_gpu(synthesizer: Synthesizer) -> None:
    texts = ["Yoo.", "Maakye, Kofi."] * 5
    audios = synthesizer.synthesize_batch(texts, batch_size=8)
    assert [len(audio) for audio in audios[:2]] * 5 == [len(audio) for audio in audios]


def test_cuda_streams(synthesizer: Synthesizer, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if device == "cpu":  # a dry run: there are no streams
        monkeypatch.setattr(torch.cuda, "Stream", object)
        monkeypatch.setattr(torch.cuda, "stream", lambda _: nullcontext())
        monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    acoustic_model, vocoder = synthesizer.acoustic_model, synthesizer.vocoder
    read = synthesizer.g2p.text_to_phoneme_sequence
    phonemes1, phonemes2 = (torch.tensor([read(text)], device=device) for text in ("Yoo.", "Maakye, Kofi."))

    # Create CUDA streams
    stream1 = torch.cuda.Stream()
    stream2 = torch.cuda.Stream()

    with torch.no_grad():
        # Process in parallel streams
        with torch.cuda.stream(stream1):
            mel1, _ = acoustic_model.inference(phonemes1)

        with torch.cuda.stream(stream2):
            mel2, _ = acoustic_model.inference(phonemes2)

        # Synchronize streams
        torch.cuda.synchronize()

        # Process vocoder
        audio1 = vocoder.inference(mel1)
        audio2 = vocoder.inference(mel2)

        torch.testing.assert_close(audio1, vocoder.inference(acoustic_model.inference(phonemes1)[0]))
    assert audio2.shape[1] > audio1.shape[1] > 0


def test_profiling_for_bottlenecks(synthesizer: Synthesizer, device: str, text: str) -> None:
    cuda = [torch.profiler.ProfilerActivity.CUDA] if torch.cuda.is_available() else []
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU, *cuda], acc_events=True
    ) as prof:
        audio = synthesizer.synthesize(text)
    table = prof.key_averages().table(sort_by="device_time_total" if cuda else "cpu_time_total")
    assert len(audio) > 0
    assert "aten::" in table


def test_cached_phonemes(text: str) -> None:
    g2p = TwiG2P()

    # Cache phoneme sequences
    phoneme_cache: dict[str, list[int]] = {}

    def get_phoneme_sequence(text: str) -> list[int]:
        if text in phoneme_cache:
            return phoneme_cache[text]

        phoneme_sequence = g2p.text_to_phoneme_sequence(text)
        phoneme_cache[text] = phoneme_sequence
        return phoneme_sequence

    first = get_phoneme_sequence(text)
    assert first == g2p.text_to_phoneme_sequence(text)
    assert get_phoneme_sequence(text) is first


def test_processes_for_text(text: str) -> None:
    preprocess_text = TwiG2P().text_to_phoneme_sequence
    spawn = multiprocessing.get_context("spawn")

    def preprocess_batch(texts: list[str]) -> list[list[int]]:
        with ProcessPoolExecutor(max_workers=4, mp_context=spawn) as executor:
            return list(executor.map(preprocess_text, texts))

    assert preprocess_batch([text, "Yoo"]) == [preprocess_text(text), preprocess_text("Yoo")]


def test_moving_data_early(synthesizer: Synthesizer, device: str, text: str) -> None:
    phoneme_sequence = synthesizer.g2p.text_to_phoneme_sequence(text)
    # Move data to GPU early in the pipeline
    phonemes = torch.tensor(phoneme_sequence, dtype=torch.long).to(device)
    with torch.no_grad():
        mel, _ = synthesizer.acoustic_model.inference(phonemes[None])
    assert mel.device == phonemes.device
