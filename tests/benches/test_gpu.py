"""benches/gpu.py without a GPU: all of it runs at tiny sizes, and what fails there is told and stops nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gpu
from gpu_bench import first
from gpu_bench.attempts import Attempts, Purse
from gpu_bench.cases import Case
from gpu_bench.kernels import Bench
from gpu_bench.running import run_all, run_process
from gpu_bench.sanitize import check
from gpu_bench.settings import SECTIONS, Section, Settings, chosen, named
from gpu_bench.targets import Target, targets
from gpu_bench.training import gains
from kalakan.config.environment import OPS
from kalakan.errors import KernelError
from kalakan.ops.dispatch import Implementation, Op

DRY = Settings("cpu", 1, is_dry=True)


def test_a_dry_run_goes_through_every_section(tmp_path: Path) -> None:
    command = [
        sys.executable,
        gpu.__file__,
        "--dry-run",
        "--sanitize",
        "--training",
        "--output",
        str(tmp_path),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = tmp_path.glob("dry-run-*.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert {name: each["state"] for name, each in found["sections"].items()} == {
        section.name: "done" for section in SECTIONS if section.option != "first"
    }
    assert all(each["rows"] for each in found["sections"].values())
    assert {f"kernels.{op}" for op in OPS} < set(found["sections"])
    assert all(each["verdict"].startswith("not measured") for each in found["targets"])


def test_a_section_in_a_process_of_its_own_leaves_its_rows(tmp_path: Path) -> None:
    rows, machine = tmp_path / "rows.jsonl", SECTIONS[0]
    outcome = run_process([*gpu._command(machine, rows, 60, 1), "--dry-run"], rows, 200)
    assert outcome["state"] == "done", outcome["why"]
    assert outcome["rows"][0]["gpu"] == "none"
    assert outcome["rows"][-1]["case"] == "matrix product, bfloat16"


def test_it_needs_a_device_or_a_dry_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="no CUDA device; --dry-run needs none"):
        gpu.main([])


def test_sections_are_chosen_by_name_and_option() -> None:
    names = [section.name for section in chosen("", frozenset({"training"}))]
    assert "training.tacotron2" in names
    assert "sanitize" not in names
    assert [section.name for section in chosen("sanitize, compiled", frozenset())] == [
        "sanitize",
        *(f"compiled.{op}" for op in OPS),
    ]
    with pytest.raises(ValueError, match="'kernel' is no section; the sections are machine, kernels"):
        chosen("kernel", frozenset())


def test_a_failed_section_is_recorded_the_others_run_and_the_status_is_1(tmp_path: Path) -> None:
    sections = [Section("broken", "no_such_module"), Section("machine", "machine")]
    assert gpu.measure(sections, Namespace(dry_run=True, output=tmp_path)) == 1
    (path,) = tmp_path.glob("*.json")
    found = json.loads(path.read_text(encoding="utf-8"))["sections"]
    assert found["broken"]["state"] == "failed"
    assert "no_such_module" in found["broken"]["why"]
    assert found["machine"]["state"] == "done"
    assert gpu.measure(sections[1:], Namespace(dry_run=True, output=tmp_path)) == 0
    assert set(json.loads(path.read_text(encoding="utf-8"))["sections"]) == {
        "broken",
        "machine",
    }  # it is added to


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", code, *words]


ROW = "import sys; print('{\"case\": 1}', file=open(sys.argv[1], 'w'), flush=True); "


def test_a_process_leaves_the_rows_it_had_however_it_ends(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    done = run_process(python(ROW, str(rows)), rows, 60)
    assert (done["state"], done["rows"]) == ("done", [{"case": 1}])
    failed = run_process(python(ROW + "raise ValueError('sticky')", str(rows)), rows, 60)
    assert (failed["state"], failed["rows"]) == ("failed", [{"case": 1}])
    assert "ValueError: sticky" in failed["why"]
    killed = run_process(python(ROW + "import os; os.kill(os.getpid(), 9)", str(rows)), rows, 60)
    assert (killed["state"], killed["why"], killed["rows"]) == ("failed", "it ended with -9", [{"case": 1}])


def test_a_process_is_ended_at_its_limit_with_those_it_started(tmp_path: Path) -> None:
    rows, ticks = tmp_path / "rows.jsonl", tmp_path / "ticks"
    tick = "import sys, time\nwhile True: open(sys.argv[1], 'a').write('.'); time.sleep(0.02)"
    start = "import subprocess; subprocess.Popen([sys.executable, '-c', sys.argv[2], sys.argv[3]]).wait()"
    cut = run_process(python(ROW + start, str(rows), tick, str(ticks)), rows, 3)
    assert (cut["state"], cut["rows"]) == ("cut", [{"case": 1}])
    assert "after 3 s" in cut["why"]
    size = ticks.stat().st_size
    time.sleep(0.3)
    assert ticks.stat().st_size == size > 0


def test_what_does_not_fit_into_the_time_is_skipped_and_named() -> None:
    states: list[tuple[str, str]] = []
    sections = [Section("generator", "generator")]
    run_all(
        sections,
        lambda *_: python("raise SystemExit(1)"),
        0.1,
        lambda *each: states.append((each[1]["state"], each[1]["why"])),
    )
    assert states == [("skipped", "6 s of 0.1 minutes were left; ask for it with --only generator")]


def test_the_calls_that_are_watched_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--sanitized-calls", "--dry-run"]) == 0
    count, *words = capsys.readouterr().out.split()
    assert int(count) > len(OPS)
    assert words == ["calls", "made"]


@pytest.mark.parametrize(
    ("says", "status", "found"),
    [
        (
            "===== ERROR SUMMARY: 0 errors\n9 calls made",
            0,
            {"said": ["ERROR SUMMARY: 0 errors", "9 calls made"]},
        ),
        ("Device not supported", 255, {"unavailable": "memcheck: device not supported"}),
        ("Invalid __shared__ read", 9, {"wrong": "memcheck ended with 9: Invalid __shared__ read\n"}),
        ("0 calls made", 0, {"wrong": "memcheck ended with 0: 0 calls made\n"}),
    ],
)
def test_what_compute_sanitizer_says_is_understood(
    tmp_path: Path, says: str, status: int, found: dict[str, Any]
) -> None:
    tool = tmp_path / "compute-sanitizer"
    tool.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    tool.chmod(0o755)
    assert check(str(tool), "memcheck", 60) == {"case": "memcheck", **found}


def bench(call: Callable[..., Tensor]) -> Bench:
    """An op that doubles x, and one implementation of it."""

    def able(*_: object) -> None:
        return None

    op = Op(
        "upsample",
        (Implementation("cuda", call, able, able), Implementation("torch", lambda x: 2 * x, able, able)),
    )
    return Bench(op, lambda *given: op.choose(*given)(*given), DRY)


def broken(x: Tensor) -> Tensor:
    raise KernelError("illegal address")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: 2 * x + 1e-3, "upsample=cuda: doubled has error"),
        (lambda x: torch.full_like(x, torch.nan), "upsample=cuda: doubled has error nan"),
        (broken, "upsample=cuda: doubled: KernelError: illegal address"),
    ],
)
def test_a_wrong_implementation_fails_and_the_right_one_is_timed(
    call: Callable[..., Tensor], message: str
) -> None:
    measured = bench(call)
    row = measured.timed(Case("doubled", lambda: (torch.randn(2, 3, 5),), 1e-5), Purse(60))
    assert "ms" not in row["implementations"]["cuda"]
    assert row["implementations"]["torch"]["ms"] >= 0
    assert row["serves"] == "cuda"
    with pytest.raises(AssertionError, match=message):
        measured.attempts.finish()


def test_an_implementation_that_spent_its_time_is_left_out() -> None:
    measured = bench(lambda x: 2 * x)
    row = measured.timed(Case("doubled", lambda: (torch.randn(2, 3, 5),), 1e-5), Purse(0))
    assert row["implementations"] == {name: {"skipped": "its time was over"} for name in ("cuda", "torch")}
    measured.attempts.finish()


def test_a_first_run_fits_its_time_and_begins_with_what_must_be_right() -> None:
    section = named("first")
    assert (
        sum(step.seconds for step in first.STEPS[:-1]) + first.START_S
        <= first.PLANNED_S
        <= section.limit_s
        <= 270
    )
    assert first.STEPS[0].is_needed
    assert chosen("first", frozenset()) == [section]
    assert section not in chosen("", frozenset({"sanitize", "training"}))


def test_a_wrong_kernel_ends_a_first_run_and_a_failed_step_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(name: str, error: str = "", needed: bool = False) -> first.Step:
        def rows(settings: Settings, attempts: Attempts) -> Iterator[dict[str, Any]]:
            yield {"case": "one"}
            if error:
                raise KernelError(error)

        return first.Step(name, 1, rows, needed)

    monkeypatch.setattr(first, "STEPS", (step("a"), step("b", "illegal address"), step("c")))
    found: list[dict[str, Any]] = []
    with pytest.raises(AssertionError, match="b: KernelError: illegal address"):
        collect(first.rows(DRY, ""), found)
    assert [row["case"] for row in found] == ["a: one", "b: one", "b", "c: one"]
    monkeypatch.setattr(first, "STEPS", (step("a", "wrong", needed=True), step("b")))
    del found[:]
    with pytest.raises(AssertionError, match="a: KernelError: wrong"):
        collect(first.rows(DRY, ""), found)
    assert [row["case"] for row in found] == ["a: one", "a"]


def collect(rows: Iterator[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    for row in rows:
        found.append(row)


def test_a_step_without_time_is_skipped_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first, "STEPS", (first.Step("a", 200, lambda *_: iter(())),))
    (row,) = first.rows(Settings("cpu", 1, limit_s=100), "")
    assert row == {"case": "a", "skipped": "80 s were left, 200 are planned"}


def test_targets_are_read_from_a_first_run_too() -> None:
    rows = [
        {"case": "generator: 1 x 1 s, torch", "ms": 10.0},
        {"case": "generator: 1 x 1 s, kalakan", "ms": 2.0},
    ]
    rows.append(
        {"case": "griffin_lim: 1 x 1 s", "kalakan": {"ms": 0.5}, "torch loops": {"torch.stft": {"ms": 6.0}}}
    )
    found = {each.name: each for each in targets({"first": {"state": "done", "rows": rows}})}
    assert found["HiFi-GAN V1 fp16, 1 x 1 s: torch eager ÷ ours"].value == 5
    assert found["griffin_lim, 1 x 1 s: the fastest torch loop ÷ ours"].value == 12
    assert all(each.floor for each in found.values())


def test_attempts_go_on_and_tell_at_the_end() -> None:
    attempts = Attempts()
    assert attempts.row("good", lambda: {"ms": 1}) == {"case": "good", "ms": 1}
    assert "division by zero" in attempts.row("bad", lambda: {"ms": 1 / 0})["failed"]
    with pytest.raises(AssertionError, match="1 failed: bad: ZeroDivisionError"):
        attempts.finish()


def results(ours_ms: float) -> dict[str, Any]:
    rows = [{"case": "1 x 1 s, torch", "ms": 10.0}, {"case": "1 x 1 s, kalakan", "ms": ours_ms}]
    loop = {"case": "1 x 1 s", "serves": "cuda", "torch loops": {"torch.stft": {"ms": 4.0}}}
    loop["implementations"] = {"cuda": {"ms": 0.1}, "triton": {"ms": 0.01}, "torch": {"ms": 6.0}}
    return {
        "generator": {"state": "done", "rows": rows},
        "kernels.griffin_lim": {"state": "done", "rows": [loop]},
        "generator.tensorrt": {
            "state": "done",
            "rows": [{"case": "TensorRT", "unavailable": "not installed"}],
        },
        "generator.compiled": {"state": "cut", "why": "it was not through after 9 s", "rows": []},
    }


def test_targets_say_by_how_much_they_are_met_or_why_they_were_not_measured() -> None:
    found: dict[str, Target] = {each.name: each for each in targets(results(4.0))}
    eager = found["HiFi-GAN V1 fp16, 1 x 1 s: torch eager ÷ ours"]
    assert (eager.value, eager.verdict) == (2.5, "missed, 0.62 of what is asked")
    loop = found["griffin_lim, 1 x 1 s: the fastest torch loop ÷ ours"]
    assert (loop.value, loop.verdict) == (pytest.approx(40), "met, 4.00 of what is asked")
    verdicts = {name: each.verdict for name, each in found.items()}
    assert verdicts["HiFi-GAN V1 fp16, 1 x 1 s: torch.compile ÷ ours"].endswith(
        "is cut: it was not through after 9 s"
    )
    assert verdicts["HiFi-GAN V1 fp16, 1 x 1 s: TensorRT ÷ ours"].endswith("not installed")
    assert verdicts["end to end, 1 x 10 s: RTF"].endswith("section end_to_end was not asked for")


def test_a_target_with_a_most_is_met_below_it() -> None:
    assert Target("RTF", 0.002, False, 0.001).verdict == "met, 2.00 of what is asked"
    assert Target("RTF", 0.002, False, 0.004).verdict == "missed, 0.50 of what is asked"


def test_gains_are_ratios_of_what_was_measured() -> None:
    rates = {"single precision": 2.0, "mixed precision": 5.0}
    assert gains(rates) == {"mixed_precision": 2.5}
    assert gains({**rates, "mixed precision, compiled": 6.0})["compiled"] == pytest.approx(1.2)
