"""Blocks of the guide's chapter Inference Optimization."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
import torch

from kalakan.errors import ConfigError, StopTokenWarning, UntrainedModelWarning
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.text.cleaner import clean_text
from kalakan.text.normalizer import normalize_text
from kalakan.text.twi_g2p import TwiG2P
from kalakan.utils.config import Config


@pytest.fixture
def synthesizer(models: Any, device: str) -> Synthesizer:
    return Synthesizer(acoustic_model=models.acoustic, vocoder=models.vocoder, device=device)


def is_audio(audio: torch.Tensor) -> bool:
    return (
        audio.dim() == 1
        and len(audio) > 0
        and audio.device.type == "cpu"
        and bool(torch.isfinite(audio).all())
    )


def test_model_selection(device: str) -> None:
    with pytest.warns(UntrainedModelWarning) as warned:
        # High quality, slower inference
        synthesizer_high_quality = Synthesizer(
            acoustic_model_type="tacotron2", vocoder_type="hifigan", device=device
        )
        # Balanced quality and speed
        synthesizer_balanced = Synthesizer(
            acoustic_model_type="fastspeech2", vocoder_type="melgan", device=device
        )
        # Fastest inference
        synthesizer_fast = Synthesizer(
            acoustic_model_type="fastspeech2_small", vocoder_type="griffin_lim", device=device
        )
    said = [str(item.message) for item in warned]
    for name in ("tacotron2", "hifigan", "fastspeech2", "melgan"):
        assert any(f"{name} was built without weights and speaks noise" in text for text in said)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StopTokenWarning)  # without weights it stops anywhere
        for synthesizer in (synthesizer_high_quality, synthesizer_balanced, synthesizer_fast):
            assert synthesizer.engine == "torch"
            assert is_audio(synthesizer.synthesize("Yoo"))


def test_unknown_types_are_named() -> None:
    with pytest.raises(ConfigError, match="is not known to this version; choose one of"):
        Synthesizer(acoustic_model_type="wavenet")


def test_batch_processing(synthesizer: Synthesizer) -> None:
    # Process multiple texts in a batch
    texts = ["Text 1", "Text 2", "Text 3", "Text 4"]
    audios = synthesizer.synthesize_batch(texts, batch_size=4)
    assert [len(audio) for audio in audios] == [len(synthesizer.synthesize(text)) for text in texts]


def test_gpu_acceleration(models: Any, text: str) -> None:
    # Check available devices
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    synthesizer = Synthesizer(acoustic_model=models.acoustic, vocoder=models.vocoder, device=device)
    assert is_audio(synthesizer.synthesize(text))
    assert synthesizer.speakers == ("akosua", "kwame")


def devices_of_two() -> list[object]:
    count = torch.cuda.device_count()
    absent = pytest.mark.skipif(count < 2, reason="no two CUDA devices")
    return [("cpu", "cpu"), pytest.param("cuda:0", "cuda:1", marks=[pytest.mark.gpu, absent])]


@pytest.mark.parametrize(("first", "second"), devices_of_two())
def test_models_on_two_devices(models: Any, text: str, first: str, second: str) -> None:
    # Place acoustic model and vocoder on different GPUs
    synthesizer = Synthesizer(acoustic_model=models.acoustic, vocoder=models.vocoder)

    # Move models to specific devices
    synthesizer.acoustic_model.to(first)
    synthesizer.vocoder.to(second)

    # Custom inference function for multi-GPU setup
    def multi_gpu_inference(text: str) -> torch.Tensor:
        # Process text to phonemes
        phoneme_sequence = synthesizer.g2p.text_to_phoneme_sequence(text)
        phonemes = torch.tensor(phoneme_sequence, dtype=torch.long).unsqueeze(0).to(first)

        # Generate mel spectrogram on GPU 0
        with torch.no_grad():
            mel, _ = synthesizer.acoustic_model.inference(phonemes)

        # Transfer mel spectrogram to GPU 1
        mel = mel.to(second)

        # Generate audio on GPU 1
        with torch.no_grad():
            audio = synthesizer.vocoder.inference(mel)

        return audio.squeeze(0).cpu()

    assert is_audio(multi_gpu_inference(text))
    assert is_audio(synthesizer.synthesize(text))


def test_mixed_precision(models: Any, device: str, text: str) -> None:
    config = Config({"inference": {"mixed_precision": True}})
    synthesizer = Synthesizer(
        acoustic_model=models.acoustic, vocoder=models.vocoder, device=device, config=config
    )
    audio = synthesizer.synthesize(text)
    assert is_audio(audio) and audio.dtype == torch.float32


def test_mixed_precision_by_hand(synthesizer: Synthesizer, device: str, text: str) -> None:
    # Enable autocasting for mixed precision
    def mixed_precision_inference(text: str) -> torch.Tensor:
        # Process text to phonemes
        phoneme_sequence = synthesizer.g2p.text_to_phoneme_sequence(text)
        phonemes = torch.tensor(phoneme_sequence, dtype=torch.long).unsqueeze(0).to(device)

        # Generate mel spectrogram with mixed precision
        with torch.amp.autocast(device.partition(":")[0]), torch.no_grad():
            mel, _ = synthesizer.acoustic_model.inference(phonemes)

        # Generate audio with mixed precision
        with torch.amp.autocast(device.partition(":")[0]), torch.no_grad():
            audio = synthesizer.vocoder.inference(mel)

        return audio.squeeze(0).cpu()

    assert is_audio(mixed_precision_inference(text))


def test_caching(synthesizer: Synthesizer, text: str) -> None:
    # Cache synthesis results
    @lru_cache(maxsize=1000)
    def synthesize_cached(text: str) -> np.ndarray:
        return synthesizer.synthesize(text).cpu().numpy()

    first = synthesize_cached(text)
    assert isinstance(first, np.ndarray) and first.size
    assert synthesize_cached(text) is first


@pytest.fixture
def redis_client(tmp_path: Path) -> Iterator[redis.Redis]:
    """A client of a server of this test's own, at a socket file."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs the program redis-server")
    socket = tmp_path / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        client = redis.Redis(unix_socket_path=str(socket), db=0)
        for _ in range(400):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.02)
        yield client
        client.close()
        server.terminate()


def test_caching_in_redis(synthesizer: Synthesizer, redis_client: redis.Redis, text: str) -> None:
    def synthesize_with_cache(text: str) -> torch.Tensor:
        # Create a cache key
        cache_key = f"kalakan:synthesis:{hashlib.md5(text.encode()).hexdigest()}"

        # Check if result is in cache
        cached_result: Any = redis_client.get(cache_key)
        if cached_result:
            # Deserialize and convert to tensor
            audio_numpy = pickle.loads(cached_result)
            return torch.tensor(audio_numpy)

        # Generate speech
        audio = synthesizer.synthesize(text)

        # Cache the result (store as numpy array to avoid pickle issues with tensors)
        redis_client.set(cache_key, pickle.dumps(audio.cpu().numpy()), ex=3600)  # Expire after 1 hour

        return audio

    first = synthesize_with_cache(text)
    (key,) = redis_client.keys()  # type: ignore[misc]
    assert 0 < redis_client.ttl(key) <= 3600  # type: ignore[operator]
    synthesizer.acoustic_model = None  # the second comes from the cache alone
    assert torch.equal(synthesize_with_cache(text), first)


def test_text_preprocessing(text: str) -> None:
    # Measure preprocessing time
    start_time = time.time()
    normalized_text = normalize_text(text)
    cleaned_text = clean_text(normalized_text)
    g2p = TwiG2P()
    phoneme_sequence = g2p.text_to_phoneme_sequence(cleaned_text)
    preprocessing_time = time.time() - start_time
    assert preprocessing_time > 0
    assert normalized_text == "akwaaba! wo ho te sɛn?"
    assert phoneme_sequence

    # Optimize by preprocessing in parallel for batch inference
    def preprocess_text(text: str) -> list[int]:
        normalized_text = normalize_text(text)
        cleaned_text = clean_text(normalized_text)
        phoneme_sequence = g2p.text_to_phoneme_sequence(cleaned_text)
        return phoneme_sequence

    def preprocess_batch(texts: list[str], max_workers: int = 4) -> list[list[int]]:
        with ThreadPoolExecutor(max_workers=max_workers) as executor:
            return list(executor.map(preprocess_text, texts))

    assert preprocess_batch([text] * 20) == [phoneme_sequence] * 20
