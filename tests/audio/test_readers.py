"""Our audio in programs that nobody here wrote: ffmpeg, sox, flac, opusinfo, ogginfo, mpg123."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from kalakan.audio import wav
from kalakan.audio.encoder import Encoder
from kalakan.audio.files import write_audio
from kalakan.audio.formats import FORMATS, Bits, choose_coding

TONE = (0.5 * np.sin(np.arange(24_001) * 0.05)).astype(np.float32)
CODINGS: list[tuple[str, Bits | None]] = [
    ("wav", 16),
    ("wav", 24),
    ("wav", "float"),
    ("flac", 16),
    ("flac", 24),
    ("ogg", None),
    ("opus", None),
    ("mp3", None),
]
CHECKS = {
    "flac": ["flac", "--silent", "--test"],
    "opus": ["opusinfo"],
    "ogg": ["ogginfo"],
    "mp3": ["mpg123", "--quiet", "--test"],
}
"""The program that checks a format, and how it is asked."""


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


HARMLESS = (
    "Guessed Channel Layout",  # a mono file of 44 bytes of header says how many channels, not where they stand
    "Estimating duration",  # an mp3 of a constant bit rate
    # What a pipe carries cannot tell its length: ffmpeg's own WAV and FLAC from a pipe get the same words.
    *("cannot check MD5 signature since it was unset", "Ignoring maximum wav data size"),
    *("Packet corrupt", "corrupt input packet"),
)


def complaints(said: bytes) -> list[str]:
    """Lines of warnings and errors that mean something."""
    lines = said.decode("utf-8", "replace").splitlines()
    return [line for line in lines if line.strip() and not any(words in line for words in HARMLESS)]


def streamed(format: str, bits: Bits | None, *, corrected: bool) -> bytes:
    encoder = Encoder(choose_coding(24_000, FORMATS[format], None, bits))
    stream = bytearray(b"".join([*map(encoder.encode, np.array_split(TONE, 9)), encoder.finish()]))
    for place, content in encoder.corrections() if corrected else ():
        stream[place : place + len(content)] = content
    return bytes(stream)


@pytest.fixture(params=["file", "corrected", "piped"])
def path(request: pytest.FixtureRequest, tmp_path: Path, coding: tuple[str, Bits | None]) -> Path:
    """The same recording written at once, streamed into a file, and streamed into a pipe."""
    format, bits = coding
    path = tmp_path / f"a.{format}"
    if request.param == "file":
        write_audio(path, TONE, 24_000, bits=bits)
    else:
        path.write_bytes(streamed(format, bits, corrected=request.param == "corrected"))
    return path


@pytest.mark.parametrize("coding", CODINGS)
def test_ffmpeg_decodes_it_without_a_complaint(path: Path, coding: tuple[str, Bits | None]) -> None:
    needs("ffmpeg")
    command = ["ffmpeg", "-v", "warning", "-i", path, "-f", "f32le", "-ar", "24000", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    is_lossy = FORMATS[coding[0]].lossy is not None
    assert not complaints(done.stderr)
    found = np.frombuffer(done.stdout, "<f4")
    if not is_lossy:
        np.testing.assert_allclose(found, TONE, atol=2**-15)
    assert abs(len(found) - len(TONE)) <= (2400 if is_lossy else 0)


@pytest.mark.parametrize("coding", [item for item in CODINGS if item[0] in ("wav", "flac")])
def test_sox_reads_it(path: Path, coding: tuple[str, Bits | None]) -> None:
    """From a pipe, as `kalakan --stream | sox` has it; its warning of an unknown length is its right."""
    needs("sox")
    command = [
        "sox",
        "--ignore-length",
        "-t",
        coding[0],
        "-",
        "-t",
        "raw",
        "-e",
        "floating-point",
        "-b",
        "32",
        "-",
    ]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True)
    assert not [line for line in complaints(done.stderr) if "length" not in line.lower()]
    np.testing.assert_allclose(np.frombuffer(done.stdout, "<f4"), TONE, atol=2**-15)


@pytest.mark.parametrize("coding", [item for item in CODINGS if item[0] in CHECKS])
def test_the_checkers_of_the_formats_find_nothing(path: Path, coding: tuple[str, Bits | None]) -> None:
    program, *options = CHECKS[coding[0]]
    needs(program)
    done = subprocess.run([program, *options, path], capture_output=True, check=False)
    said = "\n".join(complaints(done.stdout + done.stderr)).lower()
    assert done.returncode == 0, said
    assert "warning" not in said
    assert "error" not in said


@pytest.mark.parametrize("bits", [16, 24, "float"])
def test_ffmpeg_reads_an_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: Bits) -> None:
    needs("ffmpeg")
    monkeypatch.setattr(wav, "MOST_BYTES", 1000)
    write_audio(tmp_path / "a.wav", TONE, 24_000, bits=bits)
    command = ["ffmpeg", "-v", "warning", "-i", tmp_path / "a.wav", "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert not complaints(done.stderr)
    np.testing.assert_allclose(np.frombuffer(done.stdout, "<f4"), TONE, atol=2**-15)
