"""Recordings that come in blocks: bounded memory, whole files or none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kalakan.audio import wav
from kalakan.audio.files import write_audio, write_audio_blocks
from kalakan.audio.formats import Bits
from kalakan.audio.wav import wav_header
from kalakan.errors import AudioError, SynthesisError


@pytest.mark.parametrize("format", ["WAV", "FLAC"])
def test_blocks_are_written_as_one_recording(tmp_path: Path, format: str) -> None:
    audio = np.sin(np.arange(5000, dtype=np.float32) / 20)
    blocks = [audio[:1], audio[1:1234], audio[1234:]]
    whole, parts = io.BytesIO(), io.BytesIO()
    write_audio(whole, audio, 8000, format)
    write_audio_blocks(parts, iter(blocks), 8000, format)
    write_audio_blocks(tmp_path / "a.bin", iter(blocks), 8000, format)
    assert parts.getvalue() == whole.getvalue() == (tmp_path / "a.bin").read_bytes()


def test_blocks_that_fail_leave_what_was_there(tmp_path: Path) -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield np.zeros(100, np.float32)
        raise SynthesisError("broken")

    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with pytest.raises(SynthesisError, match="broken"):
        write_audio_blocks(path, blocks(), 8000)
    assert [item.name for item in tmp_path.iterdir()] == ["a.wav"]
    assert path.read_bytes() == b"old"


def test_a_place_that_cannot_be_written_is_known_before_the_first_block(tmp_path: Path) -> None:
    def blocks() -> Iterator[np.ndarray]:
        pytest.fail("asked for audio")
        yield np.zeros(1)

    with pytest.raises(AudioError, match="make its folder first"):
        write_audio_blocks(tmp_path / "none" / "a.wav", blocks(), 8000)


@pytest.mark.parametrize("bits", [16, 24, "float"])
@pytest.mark.parametrize("count", [1000, 999])
def test_more_than_a_wav_holds_becomes_an_rf64(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bits: Bits, count: int
) -> None:
    """Its limit is 4 GiB: a day of speech at 24 kHz. Here it is a kilobyte, and a block of the move 100 bytes."""
    noise = np.random.default_rng(0).uniform(-1, 1, count).astype(np.float32)
    write_audio(tmp_path / "a.wav", noise, 8000, bits=bits)
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RIFF"
    monkeypatch.setattr(wav, "MOST_BYTES", 1000)
    monkeypatch.setattr(wav, "_BLOCK", 100)
    write_audio_blocks(tmp_path / "b.wav", np.array_split(noise, 7), 8000, bits=bits)
    content = (tmp_path / "b.wav").read_bytes()
    assert content[:16] == b"RF64\xff\xff\xff\xffWAVEds64"
    assert int.from_bytes(content[20:28], "little") == len(content) - 8
    assert soundfile.info(tmp_path / "b.wav").format == "RF64"
    for kind in ("float32", "int32"):
        one, two = (soundfile.read(tmp_path / name, dtype=kind)[0] for name in ("a.wav", "b.wav"))
        assert np.array_equal(one, two)


def test_the_longest_wav_and_the_shortest_rf64() -> None:
    longest = (2**32 - 2 - 36) // 2
    assert wav_header(24_000, "PCM_16", longest)[:8] == b"RIFF\xfe\xff\xff\xff"
    assert wav_header(24_000, "PCM_16", longest + 1)[:8] == b"RF64\xff\xff\xff\xff"
