"""`kalakan benchmark`: real processes that take turns, the report, and every error."""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from kalakan.benchmark.measure import Plan, measure
from kalakan.benchmark.report import markdown
from kalakan.benchmark.subjects import names, peer, subjects
from kalakan.benchmark.worker import Worker
from kalakan.cli.benchmark import command
from kalakan.errors import BenchmarkError, ConfigError, KalakanError

ONCE = {"rounds": 2, "warmup": 1, "starts": 2}
TEXTS = {"greeting": "Akwaaba!", "more": "Yɛda mo ase. Da yie."}
ESPEAK = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs the program espeak-ng")


def test_a_report_holds_everything_that_was_asked_for(streaming_voice: Path) -> None:
    turns: list[tuple[int, int]] = []
    one = subjects([str(streaming_voice)] * 2, [], ["onnx"], ["cpu"], ["full"], threads=1)
    plan = Plan(**ONCE, texts=TEXTS, many=("Yoo", "Aane"), batch_sizes=(1, 2), workers=(2,))
    report = measure(one, plan, "a command", lambda done, total: turns.append((done, total)))
    assert turns[-1][0] == turns[-1][1] == len(turns)
    assert set(report["subjects"]) == {f"{streaming_voice}, onnx, cpu", f"{streaming_voice}, onnx, cpu (2)"}
    for found in report["subjects"].values():
        assert set(found["texts"]) == set(TEXTS)
        for text in found["texts"].values():
            assert text["latency_s"]["of"] == len(text["seconds"]) == 2
            assert (
                0
                < text["latency_s"]["p50"]
                <= text["latency_s"]["p99"]
                == pytest.approx(max(text["seconds"]), abs=1e-5)
            )
            assert text["rtf"]["wall"]["least"] == pytest.approx(
                min(text["seconds"]) / text["audio_s"], rel=0.01
            )
            assert text["rtf"]["cpu"]["median"] > 0
            assert text["first_audio_s"]["wall"]["median"] > 0
        assert set(found["throughput"]["batch"]) == {"1", "2"}
        assert set(found["throughput"]["workers"]) == {"2"}
        assert found["start_up"]["wall_s"]["least"] > 0
        assert found["memory"]["peak_rss_mb"] >= max(size for _, size in found["memory"]["rss_mb_at_s"]) > 1
        times = [time for time, _ in found["memory"]["rss_mb_at_s"]]
        assert times == sorted(times)
        assert found["bytes"] == sum(path.stat().st_size for path in streaming_voice.iterdir())
        assert found["engine"] == "onnx" and found["voice"]["name"]
    (ratios,) = report["cpu_time_beside_the_first"].values()
    assert set(ratios) == set(TEXTS)
    assert json.loads(json.dumps(report)) == report
    content = markdown(report)
    assert not [line for line in content.splitlines() if line != line.rstrip()]
    assert "`a command`" in content
    assert content.count("| Server (CPU) |") == 2


def test_command_writes_its_files(streaming_voice: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("Yoo\n\nAane\n", encoding="utf-8")
    arguments = [
        str(streaming_voice),
        "--texts",
        str(texts),
        "--rounds",
        "1",
        "--warmup",
        "0",
        "--starts",
        "1",
    ]
    arguments += ["--workers", "1", "--batch-size", "2", "--output", str(tmp_path / "out" / "deep")]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "out" / "deep"
    report = json.loads((folder / "benchmark.json").read_text(encoding="utf-8"))
    (found,) = report["subjects"].values()
    assert set(found["texts"]) == {"line 1", "line 2"}
    assert (folder / "benchmark.md").read_text(encoding="utf-8") == result.stdout
    pictures = {path.name for path in folder.glob("*.png")}
    if find_spec("matplotlib") is None:
        assert not pictures
        assert "no pictures: matplotlib is not installed" in result.stderr
    else:
        assert pictures == {
            "rtf.png",
            "latency.png",
            "memory.png",
            "throughput_batch.png",
            "throughput_workers.png",
        }
        assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in pictures)


@pytest.mark.torch
def test_model_pairs_and_precisions(tiny_voice: Path) -> None:
    pair = f"{tiny_voice}+griffin_lim"
    found = subjects([], [pair], ["torch", "onnx"], ["cpu"], ["full", "mixed"], threads=1)
    assert [subject.name for subject in found] == [
        f"{pair}, torch, cpu",
        f"{pair}, torch, cpu, mixed",
        f"{pair}, onnx, cpu",
    ]
    plan = Plan(rounds=1, warmup=0, starts=1, texts={"greeting": "Yoo"}, batch_sizes=(), workers=())
    report = measure(found[:2], plan)
    assert [of["engine"] for of in report["subjects"].values()] == ["torch", "torch"]
    assert [of["precision"] for of in report["subjects"].values()] == ["full", "mixed"]
    assert all(of["throughput"] == {} for of in report["subjects"].values())


@ESPEAK
def test_a_peer_reads_english_that_lasts_as_long(streaming_voice: Path) -> None:
    everyone = subjects([str(streaming_voice)], [], ["onnx"], ["cpu"], ["full"], threads=1)
    everyone.append(peer("espeak-ng", threads=1))
    plan = Plan(rounds=1, warmup=0, starts=1, batch_sizes=(), workers=())
    report = measure(everyone, plan)
    ours, theirs = report["subjects"].values()
    for name, text in theirs["texts"].items():
        assert text["audio_s"] == pytest.approx(ours["texts"][name]["audio_s"], rel=0.5, abs=1.0)
        assert text["text"] != ours["texts"][name]["text"]
    assert "Peers (espeak-ng) read English" in markdown(report)
    with pytest.raises(BenchmarkError, match="peers are measured beside a voice"):
        measure(everyone[1:], plan)


TINY_TTS = """
import numpy as np, soundfile
class TinyTTS:
    def __init__(self, checkpoint_path=None, device=None):
        import torch
        print("Loading model from", checkpoint_path)
        assert device == "cpu" and torch.get_num_threads() == 1
        self.model = torch.nn.Linear(3, 4)
    def speak(self, text, output_path="output.wav"):
        print("Synthesizing:", text)
        audio = np.zeros(1470 * len(text.split()), np.float32)
        soundfile.write(output_path, audio, 44100)
        return audio
"""


@pytest.mark.torch
def test_tiny_tts_is_asked_as_its_package_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "tiny_tts"
    (package / "utils").mkdir(parents=True)
    (package / "__init__.py").write_text(TINY_TTS)
    (package / "utils" / "__init__.py").write_text("")
    (package / "utils" / "config.py").write_text("SAMPLING_RATE = 44100")
    (tmp_path / "G.pth").write_bytes(b"")
    monkeypatch.syspath_prepend(package.parent)
    subject = peer(f"tiny-tts:{tmp_path / 'G.pth'}", threads=1)
    with Worker(subject.name, subject.given) as worker:
        assert worker.ready["bytes"] == 4 * (3 * 4 + 4)
        assert worker.ask("whole", text="one two three")["audio_s"] == pytest.approx(0.1)


def test_what_cannot_be_measured_is_one_line(tmp_path: Path) -> None:
    (subject,) = subjects([str(tmp_path)], [], ["onnx"], ["cpu"], ["full"], threads=1)
    with pytest.raises(BenchmarkError, match=r"cannot be measured: .*voice\.json: is not there"):
        Worker("x", subject.given)
    with pytest.raises(BenchmarkError, match="x: /nowhere/python cannot be run"):
        Worker("x", {"engine": "espeak-ng", "threads": 1}, "/nowhere/python")
    with pytest.raises(
        BenchmarkError, match=r"No module named 'hibari'; install hibari-tts .*--peers-python"
    ):
        Worker("hibari-tts", {"engine": "hibari-tts", "threads": 1})


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_a_process_that_is_killed_is_reported(streaming_voice: Path) -> None:
    (subject,) = subjects([str(streaming_voice)], [], ["onnx"], ["cpu"], ["full"], threads=1)
    with Worker("x", subject.given) as worker:
        assert worker.ask("whole", text="Yoo")["audio_s"] > 0
        os.kill(worker._process.pid, 9)
        with pytest.raises(BenchmarkError, match="x: its process ended with -9: it said nothing"):
            worker.ask("whole", text="Yoo")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rounds": 0}, "rounds is 0; it must be at least 1"),
        ({"warmup": -1}, "warmup is -1; it must be at least 0"),
        ({"starts": 10**9}, "starts is 1000000000; .* at most 100"),
        ({"batch_sizes": (1, 0)}, "batch_sizes is 0; each must be at least 1"),
        ({"workers": (257,)}, "workers is 257; .* at most 256"),
        ({"texts": {}}, "there is no text to measure"),
    ],
)
def test_plans_have_limits(change: dict[str, object], message: str) -> None:
    with pytest.raises((ConfigError, BenchmarkError), match=message):
        Plan(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pairs", "peers", "engine", "message"),
    [
        (["fastspeech2"], [], "torch", r"the models are 'fastspeech2'; write ACOUSTIC\+VOCODER"),
        (
            ["hifigan+melgan"],
            [],
            "torch",
            "the acoustic model is 'hifigan'; give a file .* or one of fastspeech2",
        ),
        (["fastspeech2+wavenet"], [], "torch", "the vocoder model is 'wavenet'"),
        (["fastspeech2+melgan"], [], "onnx", "nothing is left to measure: the onnx engine runs voices"),
        ([], ["festival"], "onnx", "the peer is 'festival'; it must be one of hibari-tts"),
        ([], ["kokoro-onnx"], "onnx", "write it as kokoro-onnx:MODEL:VOICES"),
        ([], ["espeak-ng:x"], "onnx", "the peer is 'espeak-ng:x'; write it as espeak-ng"),
        ([], ["piper-tts:/no/model"], "onnx", "/no/model: there is no such file"),
    ],
)
def test_subjects_that_cannot_be(pairs: list[str], peers: list[str], engine: str, message: str) -> None:
    with pytest.raises(KalakanError, match=message):
        subjects([], pairs, [engine], ["cpu"], ["full"], threads=1)
        for name in peers:
            peer(name, threads=1)


def test_too_many_subjects_are_refused() -> None:
    many = subjects(["a"] * 33, [], ["onnx"], ["cpu"], ["full"], threads=1)
    assert len(set(names(many))) == 33
    with pytest.raises(BenchmarkError, match="33 combinations were asked for; at most 32 run at once"):
        measure(many, Plan())
    with pytest.raises(BenchmarkError, match="there is nothing to measure"):
        measure([], Plan())
