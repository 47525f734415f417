"""Recordings that come in blocks: bounded memory, whole files or none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kalakan.audio import files
from kalakan.audio.files import write_audio, write_audio_blocks
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


def test_more_than_a_wav_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "WAV_FRAMES", 1000)
    with pytest.raises(AudioError, match=r"more than a WAV file holds; write \.flac or \.ogg"):
        write_audio_blocks(tmp_path / "a.wav", [np.zeros(600, np.float32)] * 2, 8000)
    write_audio_blocks(tmp_path / "a.flac", [np.zeros(600, np.float32)] * 2, 8000)
    assert [item.name for item in tmp_path.iterdir()] == ["a.flac"]
