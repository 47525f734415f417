"""`kalakan synthesize --input` and `--loudness`."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from kalakan.audio.meter import loudness, true_peak
from kalakan.cli.corpus import LAYOUTS, SHARD_ROWS, Progress, clock, progress_line
from kalakan.cli.entry import _status
from kalakan.cli.main import cli
from kalakan.jobs import settings as job_settings
from kalakan.jobs.job import Status
from kalakan.synthesis.options import CONTROLS

VOICE = Path(__file__).parents[1] / "voices" / "tiny"
KALAKAN = Path(sys.executable).with_name("kalakan.exe" if os.name == "nt" else "kalakan")
TEXT = "Akwaaba! Wo ho te sɛn? Me din de Kofi."


class Done(NamedTuple):
    status: int
    out: str
    error: str


Job = Callable[..., Done]


@pytest.fixture
def job(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Job:
    """Runs `kalakan synthesize` with the tiny voice in this process."""

    def run(*arguments: str | Path, stdin: bytes = b"") -> Done:
        line = ["kalakan", "synthesize", "--voice", str(VOICE), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", line)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = _status(cli, "kalakan")
        found = capfdbinary.readouterr()
        return Done(status, found.out.decode(errors="replace"), found.err.decode())

    return run


def corpus(folder: Path, content: str, name: str = "b.txt") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_corpus_and_what_became_of_it(job: Job, tmp_path: Path) -> None:
    path = corpus(tmp_path, "Maakye!\nDa yie.\n")
    done = job("--input", path, "--output-dir", tmp_path / "out")
    assert (done.status, done.error) == (0, "")
    assert done.out.startswith("2 of 2 rows done; 0:00:0")
    assert done.out.endswith(f"({tmp_path / 'out' / 'manifest.jsonl'})\n")
    done = job("--input", path, "--output-dir", tmp_path / "out")
    assert done.out.startswith("2 of 2 rows done, 2 of them before; 0:00:00 of audio (")


def test_rows_that_fail_are_named_and_make_the_status_1(job: Job, tmp_path: Path) -> None:
    path = corpus(tmp_path, "Maakye!\n" + "???\n" * 12)
    done = job("--input", path, "--output-dir", tmp_path / "out")
    assert done.status == 1
    errors = done.error.splitlines()
    assert len(errors) == 11
    assert all(line.startswith("kalakan: error: line ") and "pronounceable" in line for line in errors[:10])
    assert errors[10] == f"2 more rows failed: error in {tmp_path / 'out' / 'manifest.jsonl'}"
    assert done.out.startswith("1 of 13 rows done; ")


def test_odd_rows_are_named_at_the_end(job: Job, tmp_path: Path) -> None:
    """DrewThomasson/ebook2audiobook#1084."""
    path = corpus(
        tmp_path, "id\ttext\tlead_in\nk1\tMaakye, me nua Kofi\t10\nk2\tMaakye, me nua Kofi\t\n", "b.tsv"
    )
    done = job("--input", path, "--output-dir", tmp_path / "out")
    assert done.status == 0
    (line,) = [line for line in done.error.splitlines() if "(k1)" in line]
    assert line.startswith("kalakan: warning: line 2 (k1) is odd: ")
    assert "% silence" in line


def test_every_control_and_option_reaches_the_rows(job: Job, tmp_path: Path) -> None:
    path = corpus(tmp_path, f"id\ttext\tspeed\nk1\t{TEXT}\t\nk2\t{TEXT}\t0.8\n", "b.tsv")
    line = [
        "--speaker",
        "kwame",
        "--speed",
        "1.5",
        "--pitch",
        "-2",
        "--pitch-range",
        "1.2",
        "--volume",
        "-3",
        "--energy",
        "0.5",
    ]
    line += ["--tones", "written", "--sentence-pause", "0.5", "--lead-in", "0.25", "--seed", "3", "--strict"]
    line += ["--paragraph-pause", "0.75", "--heading-pause", "1.25", "--scene-pause", "2"]
    given = {part[2:].replace("-", "_") for part in line if part.startswith("--")}
    assert given | {"ssml"} == set(CONTROLS)
    line += ["--format", "flac", "--rate", "16000", "--bits", "24", "--loudness", "-20", "--workers", "1"]
    assert job("--input", path, "--output-dir", tmp_path / "out", *line).status == 0
    first, second = map(json.loads, (tmp_path / "out" / "manifest.jsonl").read_bytes().splitlines())
    assert first["options"] == {
        "speaker": "kwame",
        "speed": 1.5,
        "pitch": -2.0,
        "pitch_range": 1.2,
        "volume": -3.0,
        "energy": 0.5,
        "tones": "written",
        "sentence_pause": 0.5,
        "paragraph_pause": 0.75,
        "heading_pause": 1.25,
        "scene_pause": 2.0,
        "lead_in": 0.25,
        "seed": 3,
        "strict": True,
    }
    assert second["options"] == first["options"] | {"speed": 0.8}
    info = soundfile.info(tmp_path / "out" / "k1.flac")
    assert (info.format, info.subtype, info.samplerate) == ("FLAC", "PCM_24", 16_000)


def test_joined_with_subtitles(job: Job, tmp_path: Path) -> None:
    path = corpus(tmp_path, "Maakye!\nDa yie.\n")
    line = ("--join", tmp_path / "all.ogg", "--subtitles", tmp_path / "all.vtt")
    assert job("--input", path, "--output-dir", tmp_path / "out", *line).status == 0
    assert soundfile.info(tmp_path / "all.ogg").frames > 0
    assert "Da yie." in (tmp_path / "all.vtt").read_text(encoding="utf-8")
    assert (tmp_path / "all.chapters.txt").is_file()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("--output-dir", "out"), "--output-dir is an option of a corpus; name it with --input"),
        (("--workers", "2", "Yoo"), "--workers is an option of a corpus"),
        (("--redo-changed", "Yoo"), "--redo-changed is an option of a corpus"),
        (("--ray", "--", "Yoo"), "--ray is an option of a corpus"),
        (("--input", "b.txt"), "--input needs --output-dir"),
        (("--input", "b.txt", "--output-dir", "out", "Yoo"), "and TEXT is for one text"),
        (("--input", "b.txt", "--output-dir", "out", "--file", "c.txt"), "and --file is for one text"),
        (("--input", "b.txt", "--output-dir", "out", "--lines"), "and --lines is for one text"),
        (("--input", "b.txt", "--output-dir", "out", "-o", "a.wav"), "and -o is for one text"),
        (("--input", "b.txt", "--output-dir", "out", "--stream"), "and --stream is for one text"),
        (("--input", "b.txt", "--output-dir", "out", "--subtitles", "a.srt"), "give --join too"),
        (("--input", "b.txt", "--output-dir", "out", "--shard-rows", "5"), "is for --layout webdataset"),
        (
            ("--input", "b.txt", "--output-dir", "out", "--layout", "webdataset", "--join", "a.wav"),
            "cannot be joined",
        ),
        (("--loudness", "-16", "--stream", "Yoo"), "--loudness measures all of a file"),
    ],
)
def test_options_that_contradict(job: Job, line: tuple[str, ...], message: str) -> None:
    done = job(*line)
    assert done.status == 2
    assert message in done.error


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("--workers", "0"), "workers is 0; it must be a whole number from 1 to 1024"),
        (("--loudness", "-3"), "loudness is -3 LUFS; it must lie between -50 and -14"),
        (("--speed", "9"), "speed is 9.0"),
        (("--format", "aac"), "aac is not an audio format"),
        (("--input", "nowhere.csv"), "nowhere.csv is not a file"),
        (("--rate", "7"), "7 Hz"),
    ],
)
def test_values_out_of_range(job: Job, tmp_path: Path, line: tuple[str, ...], message: str) -> None:
    path = corpus(tmp_path, "Yoo\n")
    done = job("--input", path, "--output-dir", tmp_path / "out", *line)
    assert done.status == 1
    assert message in done.error


def test_the_constants_of_the_help_are_those_of_the_job() -> None:
    assert LAYOUTS == job_settings.LAYOUTS
    assert job_settings.JobSettings.__dataclass_fields__["shard_rows"].default == SHARD_ROWS


def test_the_line_of_progress(capfd: pytest.CaptureFixture[str]) -> None:
    status = Status(rows=100, characters=1000)
    assert progress_line(status) == "0/100 rows · 0:00:00 of audio"
    status.kept, status.done, status.done_characters = 10, 20, 250
    status.failed, status.seconds, status.wall_s = 1, 3600.0, 36.0
    assert progress_line(status) == "30/100 rows · 1:00:00 of audio · RTF 0.0100 · 0:01:48 left · 1 failed"
    show = Progress()
    for _ in range(100):
        show(status)
    show.close()
    assert capfd.readouterr().err.count("30/100") == 1  # twice a second at most
    assert clock(360_005) == "100:00:05"


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_a_terminal_shows_progress_and_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    import pty

    path = corpus(tmp_path, "Me din de Kofi, na mefiri Kumasi.\n" * 2000)
    outer, inner = pty.openpty()
    line = [KALAKAN, "synthesize", "--input", path, "--output-dir", tmp_path / "out", "--voice", VOICE]
    process = subprocess.Popen(list(map(str, line)), stdout=subprocess.PIPE, stderr=inner)
    os.close(inner)
    shown = b""
    while b"left" not in shown:
        shown += os.read(outer, 1000)
    process.send_signal(signal.SIGINT)
    try:
        while more := os.read(outer, 1000):
            shown += more
    except OSError:  # the other side is closed
        pass
    os.close(outer)
    out, _ = process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert b"/2000 rows" in shown
    assert b"RTF" in shown
    assert b"stopped; the same command goes on" in shown
    done = (tmp_path / "out" / "manifest.jsonl").read_bytes().count(b"\n")
    assert 0 < done < 2000
    assert len(list((tmp_path / "out").glob("*.wav"))) >= done


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_file_that_does_not_fit_stops_the_job_with_one_line(tmp_path: Path) -> None:
    """The limit stands for a full disk: the kernel refuses the rest of a file."""
    import resource

    path = corpus(tmp_path, "Yoo\n" + "Me din de Kofi, na mefiri Kumasi. " * 40 + "\nYoo\n")
    line = [KALAKAN, "synthesize", "--input", path, "--output-dir", tmp_path / "out", "--voice", VOICE]
    found = subprocess.run(
        [*map(str, line), "--workers", "1"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
    )
    assert found.returncode == 1
    (error,) = found.stderr.splitlines()
    assert error.startswith("kalakan: error: cannot write")
    assert "000002.wav: File too large" in error
    assert error.endswith("; the same command then goes on")
    assert not (tmp_path / "out" / "000002.wav").exists()
    assert not list((tmp_path / "out").glob(".kalakan-*.partial"))


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.wav", ()), ("a.flac", ("--rate", "16000")), ("a.opus", ()), ("-", ("-f", "wav", "--bits", "float"))],
)
def test_loudness_of_one_text(
    job: Job, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], name: str, options: tuple[str, ...]
) -> None:
    place = name if name == "-" else str(tmp_path / name)
    line = [
        str(KALAKAN),
        "synthesize",
        "--voice",
        str(VOICE),
        "--loudness",
        "-16",
        *options,
        "-o",
        place,
        TEXT,
    ]
    found = subprocess.run(line, capture_output=True, check=True)
    audio, rate = soundfile.read(io.BytesIO(found.stdout) if name == "-" else place, dtype="float32")
    assert loudness(audio, rate) == pytest.approx(-16.0, abs=0.3 if name == "a.opus" else 0.1)
    assert true_peak(audio) <= (-1.0 if name == "a.opus" else -1.5)  # what a codec adds is not ours


def test_loudness_leaves_the_length_and_the_voice(job: Job, tmp_path: Path) -> None:
    assert job(TEXT, "-o", tmp_path / "a.wav").status == 0
    assert job(TEXT, "-o", tmp_path / "b.wav", "--loudness", "-30").status == 0
    plain, soft = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in "ab")
    assert len(plain) == len(soft)
    assert np.corrcoef(plain, soft)[0, 1] > 0.999


def test_lines_have_a_loudness_each(job: Job, tmp_path: Path) -> None:
    done = job("--lines", "-o", tmp_path / "{n}.wav", "--loudness", "-20", stdin=b"Maakye, Kofi!\nDa yie.\n")
    assert done.status == 0
    for n in (1, 2):
        audio, rate = soundfile.read(tmp_path / f"{n}.wav", dtype="float32")
        assert loudness(audio, rate) == pytest.approx(-20.0, abs=0.1)
