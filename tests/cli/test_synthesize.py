"""`kalakan synthesize`: files, streams, loudspeaker, lines."""

from __future__ import annotations

import io
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

from kalakan import Synthesizer
from kalakan.cli.entry import _status
from kalakan.cli.main import cli

TEXT = "Akwaaba! Wo ho te sɛn? Me din de Kofi."
KALAKAN = Path(sys.executable).with_name("kalakan.exe" if os.name == "nt" else "kalakan")
needs_sh = pytest.mark.skipif(os.name == "nt", reason="the stand-in for a player is a shell script")


class Done(NamedTuple):
    status: int
    out: bytes
    error: str


Speak = Callable[..., Done]


@pytest.fixture
def speak(
    tiny_voice: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Speak:
    """Runs `kalakan synthesize` with the tiny voice in this process; standard output is a file."""

    def run(*arguments: str | Path, stdin: bytes = b"") -> Done:
        line = ["kalakan", "synthesize", "--voice", str(tiny_voice), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", line)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = _status(cli, "kalakan")
        found = capfdbinary.readouterr()
        return Done(status, found.out, found.err.decode())

    return run


@pytest.fixture(scope="module")
def expected(tiny_voice: Path) -> np.ndarray:
    return np.asarray(Synthesizer(tiny_voice).synthesize(TEXT))


def heard(content: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(content), dtype="float32")[0]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("a.opus", (), ("OGG", "OPUS", 8000)),
        ("a.mp3", ("--rate", 44_100), ("MP3", "MPEG_LAYER_III", 44_100)),
        ("a.wav", ("--bits", "float", "--rate", 48_000), ("WAV", "FLOAT", 48_000)),
        ("a.flac", ("--bits", "24"), ("FLAC", "PCM_24", 8000)),
        ("a", ("-f", "ogg"), ("OGG", "VORBIS", 8000)),
    ],
)
def test_formats_rates_and_bits(
    speak: Speak, tmp_path: Path, name: str, options: tuple[str, ...], kind: tuple[str, str, int]
) -> None:
    assert speak("Yoo", "-o", tmp_path / name, *options) == (0, b"", "")
    info = soundfile.info(tmp_path / name)
    assert (info.format, info.subtype, info.samplerate) == kind
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("options", [("--stream",), ("--stream", "-o", "-"), ("-o", "-"), ()])
def test_standard_output_carries_the_audio(
    speak: Speak, expected: np.ndarray, options: tuple[str, ...]
) -> None:
    done = speak(TEXT, *options)
    assert (done.status, done.error) == (0, "")
    np.testing.assert_allclose(heard(done.out), expected, atol=2e-4)
    assert int.from_bytes(done.out[4:8], "little") == len(done.out) - 8  # a stream into a file is put right


@needs_sh
def test_only_a_file_that_is_written_from_its_start_is_gone_back_in(tiny_voice: Path, tmp_path: Path) -> None:
    line = f"'{KALAKAN}' synthesize --voice '{tiny_voice}' --stream Yoo -f"
    shell = f"{line} wav > a.wav; {{ printf head; {line} flac; printf tail; }} > b; printf head > c; {line} wav >> c"
    subprocess.run(f"{shell}; {line} wav | cat > d", shell=True, cwd=tmp_path, check=True)
    straight, appended, piped = ((tmp_path / name).read_bytes() for name in ("a.wav", "c", "d"))
    assert int.from_bytes(straight[4:8], "little") == len(straight) - 8
    assert appended == b"head" + piped
    assert piped[4:8] == b"\xff" * 4
    assert piped[44:] == straight[44:]
    inside = (tmp_path / "b").read_bytes()
    assert (inside[:8], inside[-4:]) == (b"headfLaC", b"tail")
    assert soundfile.info(io.BytesIO(inside[4:-4])).frames == (len(straight) - 44) // 2


def test_bare_samples(speak: Speak, expected: np.ndarray) -> None:
    for options in (("--stream",), ("-o", "-")):
        samples = np.frombuffer(speak(TEXT, "-f", "pcm", *options).out, "<i2")
        np.testing.assert_allclose(samples / 2**15, expected, atol=2e-4)


def test_controls_reach_the_voice(speak: Speak, tiny_voice: Path, tmp_path: Path) -> None:
    options = ("--speed", 1.5, "--pitch", -2, "--energy", 0.5, "--sentence-pause", 0.25, "--seed", 7)
    path = tmp_path / "a.wav"
    assert speak(TEXT, *options, "--speaker", "kwame", "--bits", "float", "-o", path).status == 0
    manner = {"speed": 1.5, "pitch": -2.0, "energy": 0.5, "sentence_pause": 0.25, "seed": 7}
    expected = Synthesizer(tiny_voice).synthesize(TEXT, speaker="kwame", **manner)
    assert np.array_equal(heard(path.read_bytes()), expected)


def test_ssml_and_subtitles(speak: Speak, tmp_path: Path) -> None:
    document = "<speak>Akwaaba <break time='1s'/> Kofi</speak>"
    places = [tmp_path / f"a.{suffix}" for suffix in ("srt", "vtt", "TextGrid", "json")]
    options = [part for place in places for part in ("--subtitles", place)]
    assert speak(document, "--ssml", *options, "-o", tmp_path / "a.flac") == (0, b"", "")
    assert names(tmp_path) == ["a.TextGrid", "a.flac", "a.json", "a.srt", "a.vtt"]
    assert "Akwaaba" in (tmp_path / "a.srt").read_text(encoding="utf-8")
    assert "break" not in (tmp_path / "a.srt").read_text(encoding="utf-8")
    assert soundfile.info(tmp_path / "a.flac").duration > 1


def test_subtitles_of_a_stream(speak: Speak, tmp_path: Path) -> None:
    for name, options in (("file.vtt", ("-o", tmp_path / "a.wav")), ("stream.vtt", ("--stream",))):
        assert speak(TEXT, "--subtitles", tmp_path / name, *options).status == 0
    assert (tmp_path / "file.vtt").read_bytes() == (tmp_path / "stream.vtt").read_bytes()


def test_a_file_for_each_line(speak: Speak, tmp_path: Path, tiny_voice: Path) -> None:
    lines = "Yoo\n\n😀\r\nMe din de Kofi\n".encode() + b"\xff\nDa yie"
    options = ("--lines", "-o", tmp_path / "{n:03}.wav", "--subtitles", tmp_path / "{n}.srt")
    done = speak(*options, stdin=lines)
    paths = ["001.wav", "", "", "004.wav", "", "006.wav"]
    assert done.out.decode().splitlines() == [str(tmp_path / name) if name else "" for name in paths]
    assert done.status == 1
    assert done.error.splitlines() == [
        "kalakan: error: line 3: '😀' holds nothing pronounceable; give words or numbers to speak",
        "kalakan: error: line 5: the line is not UTF-8: byte 0xff at offset 0; save it as UTF-8",
    ]
    assert names(tmp_path) == ["001.wav", "004.wav", "006.wav", "1.srt", "4.srt", "6.srt"]
    np.testing.assert_allclose(
        heard((tmp_path / "004.wav").read_bytes()),
        Synthesizer(tiny_voice).synthesize("Me din de Kofi"),
        atol=2**-15,
    )


def test_lines_of_a_file_as_one_stream(speak: Speak, tmp_path: Path, tiny_voice: Path) -> None:
    (tmp_path / "a.txt").write_text("Yoo\n\nDa yie\n", encoding="utf-8")
    done = speak("--lines", "--file", tmp_path / "a.txt", "-o", "-")
    assert (done.status, done.error) == (0, "")
    synthesizer = Synthesizer(tiny_voice)
    expected = np.concatenate([synthesizer.synthesize(line) for line in ("Yoo", "Da yie")])
    np.testing.assert_allclose(heard(done.out), expected, atol=2e-4)


def test_a_script_talks_to_it_line_by_line(tiny_voice: Path, tmp_path: Path) -> None:
    command = [KALAKAN, "synthesize", "--voice", tiny_voice, "--lines", "-o", tmp_path / "{n}.wav"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            process.stdin.write(b"Yoo\n")
            process.stdin.flush()
            path = Path(process.stdout.readline().decode().rstrip("\r\n"))
            assert path == tmp_path / f"{number}.wav"
            assert soundfile.info(path).frames > 100
    assert process.returncode == 0


def test_a_stream_leaves_while_it_is_spoken(tiny_voice: Path) -> None:
    command = [KALAKAN, "synthesize", "--voice", tiny_voice, "--lines", "--stream"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"Yoo\n")
        process.stdin.flush()
        assert process.stdout.read(1000)[:4] == b"RIFF"  # standard input is still open
        process.stdin.close()
        process.stdout.read()
    assert process.returncode == 0


def test_a_closed_pipe_ends_a_stream_quietly(tiny_voice: Path) -> None:
    command = [KALAKAN, "synthesize", "--voice", tiny_voice, "--stream", "Wo ho te sɛn? " * 2000]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(4) == b"RIFF"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@needs_sh
def test_without_a_file_it_is_played(tiny_voice: Path, tmp_path: Path, expected: np.ndarray) -> None:
    player = tmp_path / "paplay"
    player.write_text(f"#!/bin/sh\n/bin/cat > {tmp_path}/heard.wav\n")
    player.chmod(0o755)
    block = "import sys; sys.modules['sounddevice'] = None; from kalakan.cli.main import main; main()"
    command = [sys.executable, "-I", "-c", block, "synthesize", "--voice", tiny_voice, TEXT]
    environment = {**os.environ, "PATH": str(tmp_path)}
    with Path(os.devnull).open("wb") as nowhere:
        subprocess.run(command, env=environment, stdout=nowhere, check=True)
        np.testing.assert_allclose(heard((tmp_path / "heard.wav").read_bytes()), expected, atol=2e-4)
        player.unlink()
        silent = subprocess.run(command, env=environment, stdout=nowhere, stderr=subprocess.PIPE, check=False)
    assert silent.returncode == 1
    assert silent.stderr.startswith(
        b"kalakan: error: no sound device: sounddevice is not installed, and none of"
    )
    assert silent.stderr.endswith(
        b"give -o FILE, or pip install '.[play]' in the folder of Kalakan's source\n"
    )


@needs_sh
def test_an_interrupt_in_the_loop_leaves_whole_files_only(tiny_voice: Path, tmp_path: Path) -> None:
    command = [KALAKAN, "synthesize", "--voice", tiny_voice, "--lines", "-o", tmp_path / "{n}.wav"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"Yoo\n" + "Wo ho te sɛn? ".encode() * 40_000 + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert b"Traceback" not in process.stderr.read()
    assert names(tmp_path) == ["1.wav"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Yoo", "--lines"), "--lines reads standard input or --file; leave TEXT out"),
        (("Yoo", "--stream", "-o", "a.wav"), "--stream writes to standard output and -o says a.wav"),
        (
            ("--lines", "-o", "a.wav"),
            "with --lines -o needs the number of the line, as in 'speech-{n:05}.wav'",
        ),
        (("--lines", "-o", "{x}.wav"), "it is '{x}.wav'"),
        (("--lines", "-o", "{n.wav"), "it is '{n.wav'"),
        (("--lines", "-o", "{n:99999999999}.wav"), "it is '{n:99999999999}.wav'"),
        (("--lines", "-o", "{n:.99999999f}.wav"), "it is '{n:.99999999f}.wav'"),
        (("--lines", "-o", "{n}.wav", "--subtitles", "a.srt"), "with --lines --subtitles needs the number"),
        (
            ("Yoo", "--subtitles", "a.txt"),
            "--subtitles a.txt has no known suffix; use .srt, .vtt, .TextGrid or .json",
        ),
        (("Yoo", "-o", "a.srt", "-f", "wav", "--subtitles", "./a.srt"), "a.srt is named twice"),
        (("Yoo", "--bits", "8"), "'8' is not one of '16', '24', 'float'"),
    ],
)
def test_contradictions(speak: Speak, arguments: tuple[str, ...], message: str) -> None:
    done = speak(*arguments)
    assert done.status == 2
    assert done.out == b""
    assert message in " ".join(done.error.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rate", 7), "the sample rate is 7 Hz; wav takes 8000, 11025,"),
        (("--seed", -1), "seed is -1; it must be a whole number between 0 and 4294967295"),
        (("--sentence-pause", 99), "sentence_pause is 99.0; it must lie between 0 and 60 seconds"),
        (("--ssml",), "kalakan: error: "),
        (("--format", "opus", "--bits", "16"), "opus has no sample size, and bits is 16; leave it out"),
        (
            ("--stream", "--format", "aiff"),
            "aiff is not an audio format; use wav, flac, ogg, opus, mp3 or pcm",
        ),
    ],
)
def test_bad_values(speak: Speak, tmp_path: Path, arguments: tuple[str | int, ...], message: str) -> None:
    output = () if "--stream" in arguments else ("-o", tmp_path / "a.wav")
    done = speak("Yoo", *map(str, arguments), *output)
    assert done.status == 1
    assert message in done.error
    assert done.error.count("\n") == 1
    assert done.out == b""
    assert names(tmp_path) == []
