"""Audio files as a stream of bytes: what a pipe carries reads as the file would."""

from __future__ import annotations

import io
import subprocess
import sys
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.audio.encoder import Encoder
from kalakan.audio.files import read_audio, write_audio
from kalakan.audio.formats import FORMATS, Bits, choose_coding
from kalakan.errors import AudioError

TONE = (0.5 * np.sin(np.arange(24_000) * 0.05)).astype(np.float32)
LOSSLESS = [(name, bits) for name in ("wav", "flac", "pcm") for bits in FORMATS[name].subtypes]


def encoded(
    chunks: list[np.ndarray], format: str, bits: Bits | None = None, rate: int | None = None
) -> bytes:
    encoder = Encoder(choose_coding(24_000, FORMATS[format], rate, bits))
    return b"".join([*(encoder.encode(chunk) for chunk in chunks if len(chunk)), encoder.finish()])


def file_of(format: str, bits: Bits | None = None, rate: int | None = None) -> bytes:
    buffer = io.BytesIO()
    write_audio(buffer, TONE, 24_000, format, rate=rate, bits=bits)
    return buffer.getvalue()


def decoded(stream: bytes) -> np.ndarray:
    """Samples of a file that does not say how many there are."""
    with soundfile.SoundFile(io.BytesIO(stream)) as file:
        blocks = []
        while len(block := file.read(5000, dtype="float32")):
            blocks.append(block)
    return np.concatenate(blocks)


def with_length(stream: bytes, frames: int) -> bytes:
    """A FLAC stream with its length filled in: libsndfile, unlike players, cannot do without (RFC 9639, 8.2)."""
    assert stream[:4] == b"fLaC"
    assert stream[21] & 15 == 0
    assert stream[22:26] == bytes(4), "the length is said to be unknown"
    return stream[:22] + frames.to_bytes(4, "big") + stream[26:]


@pytest.mark.parametrize(("format", "bits"), LOSSLESS)
@pytest.mark.parametrize("rate", [None, 8000])
def test_a_stream_holds_the_samples_of_the_file(format: str, bits: Bits, rate: int | None) -> None:
    stream = encoded(np.split(TONE, [1, 500, 7777]), format, bits, rate)
    if format == "pcm":
        assert stream == file_of(format, bits, rate)
        return
    expected, _ = read_audio(io.BytesIO(file_of(format, bits, rate)))
    stream = with_length(stream, len(expected)) if format == "flac" else stream
    assert np.array_equal(decoded(stream), expected)


@pytest.mark.parametrize("format", ["ogg", "opus", "mp3"])
def test_lossy_streams_decode_to_the_audio(format: str) -> None:
    found = decoded(encoded(np.split(TONE, [1, 500, 7777]), format))
    assert abs(len(found) - len(TONE)) <= 2400  # an mp3 without its length has silence around it
    spectrum = np.abs(np.fft.rfft(found))
    assert np.argmax(spectrum) / len(found) == pytest.approx(0.05 / (2 * np.pi), rel=0.01)


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.integers(0, len(TONE)), max_size=6).map(sorted), st.sampled_from([None, 16_000, 44_100]))
def test_where_a_stream_is_cut_does_not_matter(cuts: list[int], rate: int | None) -> None:
    assert encoded(np.split(TONE, cuts), "wav", rate=rate) == encoded([TONE], "wav", rate=rate)


def test_the_first_chunk_leaves_at_once() -> None:
    for format in ("wav", "pcm"):
        encoder = Encoder(choose_coding(24_000, FORMATS[format]))
        assert len(encoder.encode(TONE[:100])) == 200 + (44 if format == "wav" else 0)
        assert encoder.finish() == b""


def test_other_formats_come_while_they_are_spoken() -> None:
    for format in ("flac", "ogg", "opus", "mp3"):
        encoder = Encoder(choose_coding(24_000, FORMATS[format]))
        parts = [len(encoder.encode(TONE)) for _ in range(4)]
        assert sum(parts) > len(encoder.finish()), format


def test_readers_of_the_standard_library_take_the_unknown_length() -> None:
    with wave.open(io.BytesIO(encoded([TONE], "wav"))) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (24_000, 2, 1)
        found = np.frombuffer(file.readframes(10**6), "<i2")
    assert np.array_equal(found, np.floor(TONE * 32768).astype(np.int16))
    assert soundfile.info(io.BytesIO(encoded([TONE], "wav"))).frames == len(TONE)


@pytest.mark.parametrize(("format", "bits"), [(name, bits) for name, bits in LOSSLESS if name != "pcm"])
@pytest.mark.parametrize("count", [1, 999, 24_000])
def test_a_stream_into_a_file_is_put_right(format: str, bits: Bits, count: int) -> None:
    """Corrected it tells its length, and its checksum, as the file that is written at once."""
    encoder = Encoder(choose_coding(24_000, FORMATS[format], None, bits))
    chunks = np.array_split(TONE[:count], 5) if count > 5 else [TONE[:count]]
    stream = bytearray(b"".join([*map(encoder.encode, chunks), encoder.finish()]))
    for place, content in encoder.corrections():
        stream[place : place + len(content)] = content
    buffer = io.BytesIO()
    write_audio(buffer, TONE[:count], 24_000, format, bits=bits)
    assert bytes(stream) == buffer.getvalue()
    assert soundfile.info(io.BytesIO(bytes(stream))).frames == count


def test_a_stream_of_floats_says_that_it_is_extended_by_nothing() -> None:
    """A fmt chunk of 18 bytes, and a fact chunk: sox asks for both where samples are no whole numbers."""
    stream = encoded([TONE], "wav", "float")
    assert stream[12:20] == b"fmt \x12\x00\x00\x00"
    assert stream[36:38] == b"\x00\x00"
    assert stream[38:46] == b"fact\x04\x00\x00\x00"


def test_an_empty_stream_is_a_file() -> None:
    assert len(encoded([], "wav")) == 44
    assert encoded([], "pcm") == b""


def test_bad_samples_are_refused() -> None:
    encoder = Encoder(choose_coding(24_000, FORMATS["wav"]))
    with pytest.raises(AudioError, match="NaN"):
        encoder.encode(np.array([np.nan], np.float32))


def test_wav_needs_no_libsndfile() -> None:
    code = (
        "import sys, numpy\n"
        "from kalakan.audio.encoder import Encoder\n"
        "from kalakan.audio.formats import FORMATS, choose_coding\n"
        "Encoder(choose_coding(24_000, FORMATS['wav'])).encode(numpy.zeros(9))\n"
        "assert 'soundfile' not in sys.modules and 'soxr' not in sys.modules"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
