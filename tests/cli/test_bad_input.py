"""Bad input of every kind: one line on stderr, a non-zero exit, no traceback, no half-written file."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
KALAKAN = Path(sys.executable).with_name("kalakan.exe" if os.name == "nt" else "kalakan")


def check_failure(result: subprocess.CompletedProcess[bytes], message: str, folder: Path) -> None:
    error = result.stderr.decode()
    assert result.returncode == 1, error
    assert error.startswith("kalakan: error: "), error
    assert error.count("\n") == 1
    assert message in error
    assert "Traceback" not in error
    assert result.stdout == b""
    assert list(folder.iterdir()) == []


def in_shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    line = f"{shlex.quote(str(KALAKAN))} {command}"
    return subprocess.run(line, shell=True, cwd=folder, capture_output=True, timeout=200, check=False)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder that must stay empty."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "the text is empty; give words or numbers to speak"),
        (["😀🎉"], "holds nothing pronounceable"),
        (["Yoo", "--speaker", "ama"], "speaker 'ama' is not in this voice; choose one of akosua, kwame"),
        (["Yoo", "--speed", "9"], "speed is 9.0; it must lie between 0.5 and 2"),
        (["Yoo", "--pitch", "nan"], "pitch is nan; it must lie between -12 and 12 semitones"),
        (["Yoo", "--energy", "0"], "energy is 0.0; it must lie between 0.25 and 4"),
        (["Yoo", "--threads", "0"], "inference.threads is 0; it must be at least 1"),
        (["Yoo", "--format", "xyz"], "xyz is not an audio format"),
        (
            ["Yoo", "--lexicon", "/nowhere.tsv"],
            "lexicon /nowhere.tsv cannot be read (No such file or directory); give",
        ),
        (["Yoo", "--config", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
        (["--file", "/nowhere.txt"], "/nowhere.txt: cannot be read"),
    ],
)
def test_requests(kalakan: Run, tiny_voice: Path, out: Path, arguments: list[str], message: str) -> None:
    result = kalakan("synthesize", *arguments, "--voice", tiny_voice, "-o", out / "a.wav")
    check_failure(result, message, out)


def test_empty_and_invalid_stdin(kalakan: Run, tiny_voice: Path, out: Path) -> None:
    options = ("--voice", tiny_voice, "-o", out / "a.wav")
    check_failure(kalakan("synthesize", *options), "the text is empty", out)
    invalid = "Wo ho te sɛn".encode() + b"\xff\xfe"
    message = "standard input is not UTF-8: byte 0xff at offset 13"
    check_failure(kalakan("synthesize", *options, stdin=invalid), message, out)
    result = kalakan("normalize", stdin=b"Akwaaba\n\xff")
    assert (result.returncode, result.stdout) == (1, b"akwaaba\n")
    assert "byte 0xff at offset 8" in result.stderr.decode()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("none/a.wav", "No such file or directory; make its folder first"),
        ("", "Is a directory; add a file name"),
        ("a.xyz", "has no known audio suffix; use .wav, .flac, .ogg, .opus, .mp3 or .pcm"),
    ],
)
def test_places(kalakan: Run, tiny_voice: Path, out: Path, place: str, message: str) -> None:
    check_failure(kalakan("synthesize", "Yoo", "--voice", tiny_voice, "-o", out / place), message, out)


def test_full_disk(kalakan: Run, tiny_voice: Path, out: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    check_failure(
        kalakan("synthesize", "Yoo", "--voice", tiny_voice, "-o", "/dev/full"), "No space left", out
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("arguments", [("normalize", "Yoo"), ("synthesize", "Yoo", "--stream")])
def test_full_standard_output(tiny_voice: Path, arguments: tuple[str, ...]) -> None:
    options = ("--voice", tiny_voice) if arguments[0] == "synthesize" else ()
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [KALAKAN, *arguments, *options], check=False, stdout=full, stderr=subprocess.PIPE, timeout=200
        )
    assert result.stderr.decode() == "kalakan: error: standard output: No space left on device\n"
    assert result.returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("normalize Yoo >&-", "standard output is closed; leave it open, or name a file to write to"),
        ("synthesize Yoo --stream >&-", "standard output is closed"),
        ("synthesize Yoo -o - >&-", "standard output is closed"),
        ("synthesize -o a.wav <&-", "the text is empty"),
    ],
)
def test_closed_streams(tiny_voice: Path, out: Path, command: str, message: str) -> None:
    voice = f"--voice {tiny_voice}" if command.startswith("synthesize") else ""
    check_failure(in_shell(f"{command} {voice}", out), message, out)


@pytest.mark.skipif(os.name == "nt", reason="closes streams as a POSIX shell does")
def test_who_closes_streams_may_still_write_files(tiny_voice: Path, out: Path) -> None:
    result = in_shell(f"synthesize Yoo --voice {tiny_voice} -o a.wav <&- >&- 2>&-", out)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert [path.name for path in out.iterdir()] == ["a.wav"]
    assert in_shell("synthesize '' -o b.wav 2>&-", out).returncode == 1


def test_subtitles_without_a_folder_fail_before_the_first_word(
    kalakan: Run, tiny_voice: Path, out: Path
) -> None:
    place = out / "none" / "a.srt"
    result = kalakan("synthesize", "Yoo", "--voice", tiny_voice, "-o", out / "a.wav", "--subtitles", place)
    check_failure(result, f"cannot write {place}: No such file or directory; make its folder first", out)


@pytest.mark.parametrize("name", ["acoustic.onnx", "voice.json", "phonemes.tsv", "LICENSE"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "tampered"])
def test_broken_voices(
    kalakan: Run, tiny_voice: Path, tmp_path: Path, out: Path, name: str, damage: str
) -> None:
    voice = tmp_path / "voice"
    shutil.copytree(tiny_voice, voice)
    path = voice / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 0x55]))
    result = kalakan("synthesize", "Yoo", "--voice", voice, "-o", out / "a.wav")
    check_failure(result, name, out)


def test_voice_folder_missing(kalakan: Run, tmp_path: Path, out: Path) -> None:
    result = kalakan("synthesize", "Yoo", "--voice", tmp_path / "none", "-o", out / "a.wav")
    check_failure(result, "there is no such voice folder", out)


def test_an_old_file_survives_a_failure(kalakan: Run, tiny_voice: Path, out: Path) -> None:
    target = out / "a.wav"
    target.write_bytes(b"old")
    assert kalakan("synthesize", "😀", "--voice", tiny_voice, "-o", target).returncode == 1
    assert [path.name for path in out.iterdir()] == ["a.wav"]
    assert target.read_bytes() == b"old"


def test_a_megabyte_of_text(kalakan: Run, quick_voice: Path, tmp_path: Path) -> None:
    import soundfile

    sentence = "Me din de Kofi, na mefiri Kumasi; yɛbɛhyia ɔkyena wɔ sukuu no mu. "
    text = (sentence * (1_000_000 // len(sentence.encode()) + 1)).encode()
    config = tmp_path / "config.yaml"
    config.write_text("inference: {griffin_lim_iterations: 1}\n")
    target = tmp_path / "a.wav"
    result = kalakan("synthesize", "--voice", quick_voice, "-o", target, "--config", config, stdin=text)
    assert result.returncode == 0, result.stderr.decode()
    info = soundfile.info(target)
    assert info.frames > len(text) // 2 * 16
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "config.yaml"]


def test_usage_errors_exit_2(kalakan: Run) -> None:
    for arguments in (
        ["nonsense"],
        ["synthesize", "--nonsense"],
        ["synthesize", "a", "--file", "b"],
        ["export"],
    ):
        result = kalakan(*arguments)
        assert result.returncode == 2, arguments
        assert b"Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("synthesize", "-hello"), "as in: kalakan synthesize -- '-hello'"),
        (("normalize", "-hello"), "as in: kalakan normalize -- '-hello'"),
        (("phonemize", "--5 cedis"), "as in: kalakan phonemize -- '-hello'"),
        (("synthesize", "Yoo", "--voise", "x"), None),
        (("synthesize", "Yoo", "--spekar", "x"), None),
        (("voices", "-hello"), None),
    ],
)
def test_the_hint_at_texts_stands_where_no_option_was_meant(
    kalakan: Run, arguments: tuple[str, ...], hint: str | None
) -> None:
    done = kalakan(*arguments)
    assert done.returncode == 2
    told = done.stderr.decode()
    assert (hint in told) if hint else ("goes behind --" not in told and "o such option" in told)


def test_a_speaker_given_as_a_voice_is_told_apart_from_a_wrong_path(kalakan: Run, out: Path) -> None:
    known = kalakan("synthesize", "Yoo", "--voice", "kwame", "-o", out / "a.wav")
    check_failure(known, "kwame is a speaker of the default voice, to be given as the speaker", out)
    unknown = kalakan("synthesize", "Yoo", "--voice", "nothere", "-o", out / "a.wav")
    check_failure(unknown, "nothere: there is no such voice folder\n", out)
