"""Wraps libsndfile: reports disk errors, and limits blocks to a size that its encoders support."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from kalakan.audio.formats import Coding
from kalakan.errors import AudioError
from kalakan.storage import native_path

BLOCK_SAMPLES = 1 << 13
"""Most samples passed to libsndfile at once: its Vorbis encoder puts a block on the stack, and crashes on long ones."""


_STEADY_MP3: dict[str, Any] = {"bitrate_mode": "CONSTANT", "compression_level": 0.7}  # 56 kbit/s at 24 kHz


class SoundWriter:
    """Writes one recording to a binary file that can seek."""

    def __init__(self, file: Any, coding: Coding, is_stream: bool = False) -> None:
        """Opens the file; an mp3 that `is_stream` has a constant bit rate, from which players compute its duration
        without the table that is written last. Raises `AudioError` for a coding that libsndfile does not support.
        """
        self._place = _Place(file)
        endian = "LITTLE" if coding.format.name == "pcm" else "FILE"
        container, subtype = coding.format.container, coding.subtype
        steady = _STEADY_MP3 if is_stream and coding.format.name == "mp3" else {}
        try:
            self._sound = soundfile.SoundFile(
                self._place, "w", coding.rate, 1, subtype, endian=endian, format=container, **steady
            )
        except soundfile.LibsndfileError as error:
            self._place.check()
            name = coding.format.name
            raise AudioError(
                f"audio at {coding.rate} Hz cannot be encoded as {name}: {error}; choose another format"
            ) from error

    def write(self, samples: NDArray[np.floating[Any]]) -> None:
        """Appends samples [S]; raises what the file raised."""
        for start in range(0, len(samples), BLOCK_SAMPLES):
            self._sound.write(samples[start : start + BLOCK_SAMPLES])
            self._place.check()

    def close(self) -> None:
        """Writes the last bytes; raises what the file raised."""
        self._sound.close()
        self._place.check()


def read_sound(file: Any, name: str) -> tuple[NDArray[np.float32], int]:
    """Samples [S, C] of a file and its sample rate in Hz; raises `AudioError` with `name` as the file's name."""
    try:
        source = native_path(file) if isinstance(file, (str, os.PathLike)) else file
        samples, sample_rate = soundfile.read(source, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{name} cannot be read as audio: {error}") from error
    return samples, int(sample_rate)


class _Place:
    """A file for callers in C, which cannot propagate an exception: errors are kept, and raised by `check`."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._error: BaseException | None = None

    def check(self) -> None:
        """Raises the first error, if any."""
        if self._error is not None:
            raise self._error

    def write(self, content: bytes) -> int:
        """Writes all of `content`, or keeps the error."""
        if self._error is None:
            try:
                self._file.write(content)
            except BaseException as error:  # including Ctrl-C, which C code would lose
                self._error = error
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seeks as in a file."""
        try:
            return int(self._file.seek(offset, whence))
        except BaseException as error:
            self._error = self._error or error
            return -1

    def tell(self) -> int:
        """Position in the file."""
        try:
            return int(self._file.tell())
        except BaseException as error:
            self._error = self._error or error
            return -1

    def read(self, count: int = -1) -> bytes:
        """Bytes from the place on: libsndfile requires the method."""
        content: bytes = self._file.read(count)
        return content
