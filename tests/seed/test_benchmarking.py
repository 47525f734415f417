"""Blocks of the guide's chapter Benchmarking and Profiling."""

from __future__ import annotations

import gc
import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile, record_function

from kalakan.errors import StopTokenWarning, UntrainedModelWarning
from kalakan.synthesis.synthesizer import Synthesizer

# Benchmark different models
MODELS = [
    {"name": "tacotron2_hifigan", "acoustic": "tacotron2", "vocoder": "hifigan"},
    {"name": "fastspeech2_melgan", "acoustic": "fastspeech2", "vocoder": "melgan"},
    {"name": "fastspeech2_griffin_lim", "acoustic": "fastspeech2", "vocoder": "griffin_lim"},
]


def synchronize() -> None:
    """The guide's `torch.cuda.synchronize()`, which raises without a CUDA device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@contextmanager
def without_weights() -> Iterator[None]:
    """The guide's models have no weights here: they say so, and stop anywhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StopTokenWarning)
        warnings.simplefilter("ignore", UntrainedModelWarning)
        yield


def benchmark_inference(synthesizer: Any, text: str, n_runs: int = 10, warmup: int = 3) -> dict[str, float]:
    # Warmup runs
    for _ in range(warmup):
        _ = synthesizer.synthesize(text)

    # Benchmark runs
    synchronize()
    start_time = time.time()

    for _ in range(n_runs):
        audio = synthesizer.synthesize(text)
        synchronize()

    end_time = time.time()

    # Calculate metrics
    total_time = end_time - start_time
    avg_time = total_time / n_runs
    audio_duration = len(audio) / synthesizer.vocoder.sample_rate
    rtf = avg_time / audio_duration

    return {
        "avg_time": avg_time,
        "audio_duration": audio_duration,
        "rtf": rtf,
        "throughput": 1 / avg_time,
    }


def test_inference_benchmarking(device: str) -> None:
    results = []
    for model in MODELS:
        with without_weights():
            synthesizer = Synthesizer(
                acoustic_model_type=model["acoustic"], vocoder_type=model["vocoder"], device=device
            )
            result = benchmark_inference(synthesizer, "Yoo", n_runs=2, warmup=1)
        results.append({**model, **result})

    # Print results
    printed = []
    for result in results:
        printed.append(f"{result['name']}:")
        printed.append(f"  Average time: {result['avg_time']:.4f} seconds")
        printed.append(f"  Audio duration: {result['audio_duration']:.4f} seconds")
        printed.append(f"  RTF: {result['rtf']:.4f}")
        printed.append(f"  Throughput: {result['throughput']:.2f} requests/second")
    assert len(printed) == 15
    for result in results:
        assert result["rtf"] == pytest.approx(result["avg_time"] / result["audio_duration"])
        assert result["throughput"] > 0


def profile_memory(synthesizer: Any, text: str) -> dict[str, float]:
    # Clear memory before profiling
    torch.cuda.empty_cache()
    gc.collect()

    # Record initial memory
    initial_memory = torch.cuda.memory_allocated()

    # Synthesize speech
    audio = synthesizer.synthesize(text)

    # Record peak memory
    peak_memory = torch.cuda.max_memory_allocated()

    # Record final memory
    torch.cuda.empty_cache()
    gc.collect()
    final_memory = torch.cuda.memory_allocated()

    assert len(audio) > 0
    return {
        "initial_memory_mb": initial_memory / 1e6,
        "peak_memory_mb": peak_memory / 1e6,
        "final_memory_mb": final_memory / 1e6,
        "memory_increase_mb": (final_memory - initial_memory) / 1e6,
    }


def test_memory_profiling(device: str) -> None:
    results = []
    for model in MODELS:
        with without_weights():
            synthesizer = Synthesizer(
                acoustic_model_type=model["acoustic"], vocoder_type=model["vocoder"], device=device
            )
            result = profile_memory(synthesizer, "Yoo")
        results.append({**model, **result})

    # Print results
    printed = []
    for result in results:
        printed.append(f"{result['name']}:")
        printed.append(f"  Initial memory: {result['initial_memory_mb']:.2f} MB")
        printed.append(f"  Peak memory: {result['peak_memory_mb']:.2f} MB")
        printed.append(f"  Final memory: {result['final_memory_mb']:.2f} MB")
        printed.append(f"  Memory increase: {result['memory_increase_mb']:.2f} MB")
    assert len(printed) == 15
    for result in results:
        if device == "cpu":
            assert result["peak_memory_mb"] == 0  # of CUDA devices
        else:
            assert result["peak_memory_mb"] > result["initial_memory_mb"] > 0


def test_pytorch_profiler(models: Any, device: str, text: str, tmp_path: Path) -> None:
    synthesizer = Synthesizer(acoustic_model=models.acoustic, vocoder=models.vocoder, device=device)
    cuda = [ProfilerActivity.CUDA] if torch.cuda.is_available() else []

    # Profile with PyTorch Profiler
    with (
        profile(
            activities=[ProfilerActivity.CPU, *cuda],
            record_shapes=True,
            profile_memory=True,
            with_stack=True,
            acc_events=True,
        ) as prof,
        record_function("synthesize"),
    ):
        audio = synthesizer.synthesize(text)

    # Print results
    table = prof.key_averages().table(sort_by="device_time_total" if cuda else "cpu_time_total", row_limit=10)

    # Export trace
    prof.export_chrome_trace(str(tmp_path / "synthesis_trace.json"))

    assert len(audio) > 0
    assert "synthesize" in table
    trace = json.loads((tmp_path / "synthesis_trace.json").read_text())
    assert any(event.get("name") == "synthesize" for event in trace["traceEvents"])
