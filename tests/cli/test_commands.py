"""What the commands print and write."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kalakan import Synthesizer
from needs import HAS_TORCH

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
TEXT = "Akwaaba! Wo ho te sɛn?"


def done(result: subprocess.CompletedProcess[bytes]) -> str:
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def test_synthesize_writes_what_the_synthesizer_speaks(
    kalakan: Run, tiny_voice: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    done(
        kalakan("synthesize", TEXT, "--voice", tiny_voice, "--speaker", "kwame", "--speed", 1.25, "-o", path)
    )
    synthesizer = Synthesizer(tiny_voice)
    buffer = io.BytesIO()
    synthesizer.save_audio(synthesizer.synthesize(TEXT, speaker="kwame", speed=1.25), buffer)
    assert path.read_bytes() == buffer.getvalue()


def test_synthesize_reads_stdin_and_files_and_writes_stdout(
    kalakan: Run, tiny_voice: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    arguments = [(TEXT,), ("-",), (), ("--file", tmp_path / "a.txt")]
    found = [kalakan("synthesize", "--voice", tiny_voice, *item, stdin=TEXT.encode()) for item in arguments]
    assert len({result.stdout for result in found}) == 1
    samples, rate = soundfile.read(io.BytesIO(found[0].stdout))
    assert rate == 8000
    assert len(samples) > 2000


def test_synthesize_formats(kalakan: Run, tiny_voice: Path, tmp_path: Path) -> None:
    for name, format in (("a.flac", "FLAC"), ("a.ogg", "OGG"), ("a.wav", "WAV")):
        done(kalakan("synthesize", TEXT, "--voice", tiny_voice, "-o", tmp_path / name))
        assert soundfile.info(tmp_path / name).format == format
    done(kalakan("synthesize", TEXT, "--voice", tiny_voice, "-o", tmp_path / "b", "-f", "flac"))
    assert soundfile.info(tmp_path / "b").format == "FLAC"


def test_synthesize_verbose(kalakan: Run, tiny_voice: Path, tmp_path: Path) -> None:
    result = kalakan("synthesize", TEXT, "--voice", tiny_voice, "-o", tmp_path / "a.wav", "-v")
    assert "engine onnx" in result.stderr.decode()
    assert "RTF" in result.stderr.decode()
    assert done(result) == ""


def test_normalize(kalakan: Run) -> None:
    assert done(kalakan("normalize", "Ɛbo yɛ GHS 25.")) == "ɛbo yɛ sidi aduonu num.\n"
    assert done(kalakan("normalize", stdin=b"Yoo!\n2\r\n")) == "yoo!\nmmienu\n"
    assert done(kalakan("normalize", "2", "--variety", "akuapem")) == "abien\n"


def test_normalize_tsv(kalakan: Run, tmp_path: Path) -> None:
    table = tmp_path / "in.tsv"
    table.write_text("id\ttext\n1\tƐbo yɛ GHS 25.\n2\tyoo chocolate\n", encoding="utf-8")
    result = kalakan("normalize", "--tsv", table, "-o", tmp_path / "out.tsv")
    assert done(result) == ""
    lines = (tmp_path / "out.tsv").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "id\ttext\tnormalized",
        "1\tƐbo yɛ GHS 25.\tɛbo yɛ sidi aduonu num.",
        "2\tyoo chocolate\tyoo chocolate",
    ]
    report = result.stderr.decode()
    assert report.startswith("2 rows, 1 changed beyond case, 7 words; 1 words not spelled as Twi")
    assert "chocolate 1" in report


def test_output_is_utf8_in_any_locale(kalakan: Run) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert done(kalakan("normalize", stdin="ƐTE SƐN".encode(), env=environment)) == "ɛte sɛn\n"


def test_phonemize(kalakan: Run) -> None:
    written = ("phonemize", "--tones", "written")
    assert done(kalakan(*written, "Wo ho te sɛn?")) == "w ʊ _ h ʊ _ t ɪ _ s ɛ n̩ ?\n"
    assert done(kalakan(*written, "--ids", "a")) == "29\n"
    assert done(kalakan(*written, stdin=b"a\n\nba\n")) == "a\n\nb a\n"
    assert done(kalakan("phonemize", "Ɔbaa no")) == "ɔ ˩ b a ˥ a ˥ _ n ʊ ˥\n"


def test_predicted_tones_are_explained_and_written(kalakan: Run) -> None:
    explained = done(kalakan("phonemize", "--explain", stdin="Ɔbaa no.\nschool\n".encode()))
    lines = [line.split("\t") for line in explained.splitlines()]
    assert [line[:4] for line in lines] == [
        ["ɔbaa", "ɔ̀báá", "word", "sure"],
        ["no", "nó", "word+context", "sure"],
        [""],
        ["school", "school", "", ""],
    ]
    assert done(kalakan("normalize", "--write-tones", "Ɔbaa no, 11.")) == "ɔ̀báá nó, dúbààkó.\n"
    result = kalakan("phonemize", "--explain", "--ids", "no")
    assert result.returncode == 2
    assert b"leave out --tsv, --ids and --tones written" in result.stderr


def test_phonemize_tsv(kalakan: Run, tmp_path: Path) -> None:
    table = tmp_path / "in.tsv"
    table.write_text("id\ttext\n1\tWo ho te sɛn?\n2\tExtra chocolate\n", encoding="utf-8")
    options = ("--column", "text", "--tones", "written")
    result = kalakan("phonemize", "--tsv", table, *options, "-o", tmp_path / "out.tsv")
    assert done(result) == ""
    lines = (tmp_path / "out.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id\ttext\tphonemes"
    assert lines[1] == "1\tWo ho te sɛn?\tw ʊ _ h ʊ _ t ɪ _ s ɛ n̩ ?"
    report = result.stderr.decode()
    assert report.startswith("2 rows, 6 words")
    assert "chocolate 1" in report


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id\tother\n", "has no column 'text'; its columns are id, other"),
        ("text\n1\t2\n", "line 2: has 2 fields; the header has 1"),
        ("text\tphonemes\n", "has a column 'phonemes' already"),
    ],
)
def test_phonemize_bad_tsv(kalakan: Run, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "in.tsv").write_text(content)
    result = kalakan("phonemize", "--tsv", tmp_path / "in.tsv", "-o", tmp_path / "out.tsv")
    assert result.returncode == 1
    assert message in result.stderr.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["in.tsv"]


def test_voices(kalakan: Run, tiny_voice: Path) -> None:
    text = done(kalakan("voices", tiny_voice))
    engines = "engines   onnx, torch\n" if HAS_TORCH else "engines   onnx\n"
    for part in ("tiny 1", "akosua, kwame", "8000 Hz", "fastspeech2_small, griffin_lim", engines):
        assert part in text
    assert json.loads(done(kalakan("voices", tiny_voice, "--json")))["speakers"] == ["akosua", "kwame"]


def test_a_voice_whose_model_is_two_graphs_runs_in_both_engines(kalakan: Run) -> None:
    assert "engines   onnx, torch\n" in done(kalakan("voices"))


@pytest.mark.torch
def test_export_of_a_voice_and_of_a_file(kalakan: Run, tiny_voice: Path, tmp_path: Path) -> None:
    assert (
        done(kalakan("export", tiny_voice, "--output-dir", tmp_path / "voice")) == f"{tmp_path / 'voice'}\n"
    )
    spoken = [Synthesizer(path).synthesize("Yoo") for path in (tiny_voice, tmp_path / "voice")]
    assert np.array_equal(*spoken)
    model = tiny_voice.parent / "acoustic_model.pt"
    done(
        kalakan("export", "--acoustic-model", model, "--output-dir", tmp_path / "models", "--format", "onnx")
    )
    audio = {"audio": {"sample_rate": 8000, "n_fft": 256, "win_length": 256, "hop_length": 64, "n_mels": 20}}
    audio["audio"]["mel_fmax"] = 4000.0
    bare = Synthesizer(acoustic_model=tmp_path / "models" / "acoustic_model.onnx", config=audio)
    assert np.array_equal(bare.synthesize("Yoo"), spoken[0])


def test_train_settings() -> None:
    from kalakan.cli.train import read_settings

    config = read_settings(None, ("training.batch_size=2", "training.learning_rate=1e-3"), 1.5)
    assert config.to_dict() == {"training": {"batch_size": 2, "learning_rate": 0.001, "max_minutes": 1.5}}


@pytest.mark.torch
def test_train_names_a_bad_setting(kalakan: Run, tmp_path: Path) -> None:
    arguments = (
        "--model-type",
        "fastspeech2_small",
        "--data-dir",
        tmp_path,
        "--output-dir",
        tmp_path / "run",
    )
    result = kalakan("train", *arguments, "--set", "training.batchsize=2")
    assert result.returncode == 1
    assert "did you mean training.batch_size?" in result.stderr.decode()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(kalakan: Run, shell: str) -> None:
    if shell == "bash" and not Path("/bin/bash").exists():
        pytest.skip("no bash on this system")
    assert "_KALAKAN_COMPLETE" in done(kalakan("completion", shell))


def test_completion_names_commands_and_options(kalakan: Run) -> None:
    environment = {
        **os.environ,
        "_KALAKAN_COMPLETE": "bash_complete",
        "COMP_WORDS": "kalakan ph",
        "COMP_CWORD": "1",
    }
    assert "phonemize" in done(kalakan(env=environment))


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['kalakan', '--help']\n"
        "from kalakan.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numpy', 'torch', 'onnxruntime', 'soundfile', 'yaml', 'kalakan.cli.train'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True)


def test_a_closed_pipe_is_quiet(kalakan: Run) -> None:
    command = f"{Path(sys.executable).with_name('kalakan')} phonemize | head -n 1"
    lines = "Wo ho te sɛn?\n" * 50_000
    result = subprocess.run(["bash", "-c", command], input=lines.encode(), capture_output=True, check=False)
    assert result.stdout.count(b"\n") == 1
    assert result.stderr == b""


def _hear_signals() -> None:
    """A job in the background of a shell hands its children an ignored SIGINT, one under nohup an ignored SIGHUP."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_signals_leave_nothing_behind(tiny_voice: Path, tmp_path: Path, name: str, status: int) -> None:
    command = [Path(sys.executable).with_name("kalakan"), "synthesize", "--voice", tiny_voice]
    process = subprocess.Popen(
        [*command, "-o", tmp_path / "a.wav"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_hear_signals,  # noqa: PLW1509
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(("Wo ho te sɛn? " * 40_000).encode())
    process.stdin.close()
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(getattr(signal, name))
    assert process.wait(60) == status
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    assert list(tmp_path.iterdir()) == []
