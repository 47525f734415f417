"""The checklist of `kalakan doctor --performance`: each finding from given facts, and all of them on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from kalakan import Synthesizer
from kalakan.benchmark.profiling import checklist
from kalakan.benchmark.profiling.stages import Breakdown
from kalakan.cli.doctor import command
from kalakan.native import OpStatus, Status


def facts(ops: tuple[OpStatus, ...] = (), devices: tuple[str, ...] = ()) -> Status:
    return Status("0", "0", "3", (("torch", "2"),), ops, devices)


@pytest.mark.parametrize(
    ("busy", "cores", "state", "has_advice"),
    [(0.1, 4, "3.9 of 4 idle", True), (3.5, 4, "0.5 of 4 idle", False), (9.0, 4, "0.0 of 4 idle", False)],
)
def test_idle_cores(busy: float, cores: int, state: str, has_advice: bool) -> None:
    found = checklist.idle_cores(busy, cores)
    assert found.state == state
    assert (found.advice is not None) == has_advice
    assert "cannot be read" in checklist.idle_cores(None, cores).state


@pytest.mark.parametrize(
    ("environment", "load", "advice"),
    [
        ({"OMP_NUM_THREADS": "1"}, 0.5, None),
        (
            {"OMP_NUM_THREADS": "8", "MKL_NUM_THREADS": "9"},
            0.5,
            "set OMP_NUM_THREADS=2, MKL_NUM_THREADS=2 or less",
        ),
        ({"OMP_NUM_THREADS": "1"}, 7.0, "other programs use the cores"),
    ],
)
def test_oversubscribed_threads(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], load: float, advice: str | None
) -> None:
    monkeypatch.setenv("KALAKAN_NUM_THREADS", "1")
    found = checklist.oversubscription(2, environment, load, 2.0)
    assert found.advice is None if advice is None else advice in str(found.advice)


def test_a_thread_budget_above_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALAKAN_NUM_THREADS", "9")
    assert "set KALAKAN_NUM_THREADS=2" in str(checklist.oversubscription(2, {}, 0.0, 0.0).advice)


def test_memory_and_disks() -> None:
    assert checklist.memory({"MemAvailable": 9000.0}).advice is None
    assert "swapped out" in str(checklist.memory({"MemAvailable": 100.0}).advice)
    assert (
        "50 MB swapped out"
        in checklist.memory({"MemAvailable": 1e4, "SwapTotal": 90.0, "SwapFree": 40.0}).state
    )
    assert checklist.disk_io(0.1, 0.0).advice is None
    assert "DiskCache" in str(checklist.disk_io(0.9, 0.0).advice)
    assert "DiskCache" in str(checklist.disk_io(0.1, 0.3).advice)
    assert "cannot be read" in checklist.disk_io(None, None).state


@pytest.mark.parametrize(
    ("flags", "capability", "advice"),
    [
        ({"avx2", "avx512f"}, "AVX2", "torch leaves AVX-512 unused"),
        ({"avx2", "avx512f"}, "AVX512", None),
        ({"avx2", "avx512f", "amx_bf16"}, "AVX512", "bf16 is there"),
        ({"avx2", "avx512_bf16"}, None, None),
        ({"sse2"}, None, "without AVX2"),
        ({"asimd"}, "NEON", None),
    ],
)
def test_instruction_sets(flags: set[str], capability: str | None, advice: str | None) -> None:
    found = checklist.instructions(frozenset(flags), capability)
    assert found.advice is None if advice is None else advice in str(found.advice)


def test_missing_kernels_count_where_there_is_a_gpu() -> None:
    slow = OpStatus("upsample", (("cuda", "not built"), ("torch", None)))
    quick = OpStatus("griffin_lim", (("cuda", None), ("torch", None)))
    assert checklist.kernels(facts((slow, quick))).advice is None
    found = checklist.kernels(facts((slow, quick), ("a GPU",)))
    assert found.state == "upsample by torch, griffin_lim by cuda"
    assert str(found.advice).startswith("upsample run without a kernel")


def test_gpus_as_the_driver_says(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = "NVIDIA A, B, 3, 900, 1000\nNVIDIA C, 95, 10, 1000\nD, [N/A], 1, 1000\n"
    rows = checklist.parse_gpus(answer)
    assert rows == [
        ("NVIDIA A, B", 3.0, 900.0, 1000.0),
        ("NVIDIA C", 95.0, 10.0, 1000.0),
        ("D", 0.0, 1.0, 1000.0),
    ]
    monkeypatch.setattr(
        checklist, "_nvidia_smi", lambda: [("A", 3.0, 950.0, 1000.0), ("B", 95.0, 10.0, 1000.0)]
    )
    full, busy = checklist.gpus(facts((), ("A", "B")))
    assert "nearly full" in str(full.advice) and busy.advice is None
    assert "torch finds no CUDA device" in str(next(checklist.gpus(facts())).advice)


def test_the_slowest_component_is_named() -> None:
    figures = {
        name: {"median": value, "spread": 0.0} for name, value in (("acoustic", 0.1), ("vocoder", 0.3))
    }
    found = checklist.components(Breakdown(figures, {}, 1.0))
    assert found.state == "vocoder 300.0 ms, acoustic 100.0 ms; the slowest is vocoder"
    assert "vocoder" in str(found.advice)


def test_serialization_beside_synthesis(streaming_voice: Path) -> None:
    synthesizer, audio = Synthesizer(streaming_voice), np.zeros(8000, np.float32)
    assert checklist.serialization(audio, synthesizer, 1e9).advice is None
    assert "WAV" in str(checklist.serialization(audio, synthesizer, 1e-9).advice)


def test_every_line_of_the_checklist(streaming_voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checklist, "SAMPLE_S", 0.02)
    found = [finding.name for finding in checklist.checklist(Synthesizer(streaming_voice))]
    assert list(dict.fromkeys(found)) == [
        *("idle cores", "threads", "memory", "disk I/O", "AVX-512 and bf16", "kernels", "GPU"),
        *("components", "serialization", "CPU-GPU transfers"),
    ]


def test_doctor_prints_it(streaming_voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthesizer = Synthesizer(streaming_voice)
    monkeypatch.setattr("kalakan.synthesis.synthesizer.Synthesizer", lambda *_: synthesizer)
    result = CliRunner().invoke(command, ["--performance"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "\ncomponents: " in result.output
    assert "\n  advice: " in result.output


def test_a_watched_machine_is_between_idle_and_busy() -> None:
    busy, waiting, disk = checklist.watch(0.05)
    values: list[Any] = [busy, waiting, disk]
    assert all(value is None or value >= 0 for value in values)
    assert waiting is None or waiting <= 1
    assert disk is None or disk <= 1
