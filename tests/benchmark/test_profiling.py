"""`kalakan profile`: stages, leaks, Python's memory, and a training run's log."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kalakan import Synthesizer
from kalakan.benchmark.profiling.memory import Growth, leaks, python_heap, slope
from kalakan.benchmark.profiling.stages import STAGES, breakdown
from kalakan.benchmark.profiling.training_run import efficiency, lines
from kalakan.cli.profile import command
from kalakan.errors import ConfigError, DataError

TEXT = "Me wɔ GHS 25. Da yie."


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_every_stage_is_measured(streaming_voice: Path) -> None:
    synthesizer = Synthesizer(streaming_voice)
    found = breakdown(synthesizer, TEXT, runs=3, warmup=1)
    assert list(found.wall) == [name for name in STAGES if name != "tone"]  # this voice reads written tones
    assert set(found.cpu) == set(found.wall) - {"queue"}
    assert all(figures["median"] >= 0 for figures in found.wall.values())
    assert found.wall["acoustic"]["median"] > 0 and found.wall["vocoder"]["median"] > 0
    assert found.slowest in STAGES
    assert found.audio_s == pytest.approx(len(synthesizer.synthesize(TEXT)) / synthesizer.sample_rate)
    table = list(found.lines())
    assert [line.split()[0] for line in table[1:-1]] == list(found.wall)
    assert table[-1].startswith("total")


def test_predicted_tones_are_a_stage_of_their_own(streaming_voice: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from kalakan.voices.package import load_voice, save_voice

    voice = load_voice(streaming_voice)
    files = {name: voice.file(name) for name in voice.manifest.files}
    folder = save_voice(tmp_path / "voice", replace(voice.manifest, tones="predicted"), files).path
    assert list(breakdown(Synthesizer(folder), TEXT, runs=1, warmup=0).wall) == list(STAGES)


def test_another_reader_is_one_stage(streaming_voice: Path) -> None:
    class Reader:
        def text_to_phoneme_sequence(self, text: str) -> list[int]:
            return synthesizer_reader.text_to_phoneme_sequence(text)

    synthesizer = Synthesizer(streaming_voice)
    synthesizer_reader = synthesizer.g2p
    synthesizer.g2p = Reader()  # type: ignore[assignment]
    found = breakdown(synthesizer, TEXT, runs=1, warmup=0)
    assert list(found.wall) == ["g2p", "phrases", "acoustic", "vocoder", "encode", "queue"]


def test_a_leak_is_found_and_its_absence_too() -> None:
    held: list[Any] = []
    growing = leaks(lambda: held.append([np.ones(600_000)]), 24)
    found = {growth.name: growth for growth in growing}
    assert found["resident memory"].is_leak
    assert found["resident memory"].per_run == pytest.approx(4.8, rel=0.3)  # MB
    assert found["Python objects"].is_leak
    assert "resident memory: grows" in str(found["resident memory"])
    steady = leaks(lambda: np.ones(600_000).sum(), 24)
    assert not any(growth.is_leak for growth in steady)


LEAKS = """
import sys
from kalakan import Synthesizer
from kalakan.benchmark.profiling.memory import leaks
synthesizer = Synthesizer(sys.argv[1])
synthesizer.synthesize(sys.argv[2])
print([growth.name for growth in leaks(lambda: synthesizer.synthesize(sys.argv[2]), 40) if growth.is_leak])
"""


def test_synthesis_does_not_leak(streaming_voice: Path) -> None:
    # In a process of its own: what other tests left behind takes and returns memory meanwhile.
    command = [sys.executable, "-I", "-c", LEAKS, str(streaming_voice), TEXT]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("size", [2, 3, 63, 1000])
def test_slope_is_that_of_a_line_whatever_stands_out(size: int) -> None:
    values = [3.0 * number for number in range(size)]
    assert slope(values) == 3.0
    if size > 60:
        values[7] = 1e9
        assert slope(values) == 3.0


def test_growth_counts_from_its_limit_on() -> None:
    assert not Growth("a", "MB", 0.5, 0.5).is_leak
    assert Growth("a", "MB", 0.51, 0.5).is_leak
    with pytest.raises(ConfigError, match="runs is 7; it must be at least 8"):
        leaks(lambda: None, 7)


def test_lines_that_hold_memory_are_named() -> None:
    found = "\n".join(python_heap(lambda: np.ones(1 << 20)))
    assert "allocate 8.39 MB at most during a run" in found
    assert "8.389 MB in " in found


def write_log(folder: Path, *records: dict[str, Any]) -> Path:
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def times(step: int, waited: float) -> dict[str, Any]:
    measured = {"waited_s": waited, "computed_s": 1.0, "cpu_s": 1.5, "items": 20, "items_of_epoch": 100}
    return {"step": step, "time": 2.0 * step, "group": "time", **measured}


def validation(step: int, score: float | None) -> dict[str, Any]:
    return {"step": step, "time": 2.0 * step, "group": "validation", "score": score}


def test_efficiency_of_a_run(tmp_path: Path) -> None:
    steps = [{"step": step, "time": 2.0 * step, "group": "train", "loss": 1.0} for step in (1, 2, 3, 4)]
    scores = [validation(1, 4.0), validation(2, 2.0), validation(3, None), validation(4, 3.0)]
    found = efficiency(write_log(tmp_path, *steps, times(2, 1.0), times(4, 1.0), *scores))
    assert found == {
        "steps": 4,
        "s_per_step": 2.0,
        "s_per_epoch": 10.0,  # 100 items at 40 in 4 seconds
        "data_wait": 0.5,
        "cores_busy": 0.75,
        "items_per_s": 10.0,
        "gpu_peak_mb": None,
        "validations": 3,
        "first_score": 4.0,
        "best_score": 2.0,
        "best_step": 2,
        "last_score": 3.0,
        "gain_in_last_quarter": -1.0,
    }
    text = "\n".join(lines(found))
    assert "an epoch takes 10.0 s" in text
    assert "waited for data: 50.0%" in text
    assert "advice: steps wait for data" in text


def test_a_run_that_stopped_improving_is_told_so(tmp_path: Path) -> None:
    steps = [{"step": 1, "time": 1.0, "group": "train"}]
    scores = [validation(step, score) for step, score in enumerate([4.0, 3.0, 2.0, 2.5], 1)]
    text = "\n".join(lines(efficiency(write_log(tmp_path, *steps, *scores))))
    assert "advice: the score has stopped improving" in text
    assert "waited for data: not logged" in text


def test_a_run_of_an_earlier_version_and_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"metrics\.jsonl: is not there; give the folder of a training run"):
        efficiency(tmp_path)
    for name in ("vocoder", "acoustic"):  # as a recipe's folder holds them
        (tmp_path / name).mkdir()
        write_log(tmp_path / name, validation(1, 2.0))
    with pytest.raises(DataError, match=r"give one of \S+acoustic, \S+vocoder$"):
        efficiency(tmp_path)
    write_log(tmp_path, validation(1, 2.0))
    with pytest.raises(DataError, match="holds no training step"):
        efficiency(tmp_path)
    write_log(tmp_path, {"step": 1, "time": 1.0, "group": "train"})
    found = efficiency(tmp_path)
    assert found["data_wait"] is None and found["s_per_step"] is None and found["validations"] == 0
    assert "not logged" in "\n".join(lines(found))


def test_the_command(streaming_voice: Path, tmp_path: Path) -> None:
    result = run(TEXT, "--voice", str(streaming_voice), "--runs", "1", "--memory", "--leaks", "8")
    assert result.exception is None or result.exit_code in (0, 1), result.output
    for part in ("\nacoustic ", "\nmemory\n", "\nmemory over 8 runs\n"):
        assert part in result.output
    write_log(tmp_path, {"step": 1, "time": 1.0, "group": "train"})
    result = run("--run", str(tmp_path), "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["steps"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json"], "--json is the form of --run"),
        (["--run", "x", "--torch"], "--run looks at a log"),
        (["--output", "x"], "--output keeps what --torch and --memory find"),
        (["--leaks", "7"], "7 is not in the range 8<=x<=100000"),
        (["--runs", "0"], "0 is not in the range 1<=x<=10000"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_what_is_of_torch_needs_its_engine(streaming_voice: Path) -> None:
    for option in ("--torch", "--transfers"):
        result = run(TEXT, "--voice", str(streaming_voice), "--engine", "onnx", "--runs", "1", option)
        assert "torch's profiler sees the torch engine only: add --engine torch" in str(result.exception)
