"""Chapters inside of audio files."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from kalakan.audio.chapters import MOST_IN_MP3, Chapter, copy_with_chapters
from kalakan.audio.files import write_audio
from kalakan.errors import AudioError

AUDIO = (0.3 * np.sin(np.arange(30_000) / 9)).astype(np.float32)


def with_chapters(name: str, count: int) -> tuple[bytes, bytes]:
    """A file before and after."""
    source, target = io.BytesIO(), io.BytesIO()
    write_audio(source, AUDIO, 24_000, name)
    source.seek(0)
    hour = 3_600_000
    copy_with_chapters(
        source, target, name, [Chapter(f"Ti ɛ{n}", n * hour + 5, n * hour + 90) for n in range(count)]
    )
    return source.getvalue(), target.getvalue()


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "opus", "mp3"])
@pytest.mark.parametrize("count", [0, 1, 255, 1000])
def test_the_audio_stays(name: str, count: int) -> None:
    before, after = (soundfile.read(io.BytesIO(content))[0] for content in with_chapters(name, count))
    assert np.array_equal(before, after)


def test_what_cannot_hold_chapters_is_copied() -> None:
    for name, count in (("wav", 3), ("ogg", 3), ("mp3", MOST_IN_MP3 + 1)):
        before, after = with_chapters(name, count)
        assert before == after


def test_comments_of_flac() -> None:
    after = with_chapters("flac", 12)[1]
    assert b"CHAPTER012=11:00:00.005" in after
    assert "CHAPTER012NAME=Ti ɛ11".encode() in after


def test_no_flac_file_is_an_error() -> None:
    with pytest.raises(AudioError, match="this is no FLAC file"):
        copy_with_chapters(io.BytesIO(b"RIFF"), io.BytesIO(), "flac", [])
