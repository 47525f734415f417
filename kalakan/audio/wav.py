"""WAV without libsndfile: headers of known, unknown and huge length, and files of any length.

Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991; the longer fmt chunk and the
fact chunk of floats: "New Multimedia Data Types and Data Techniques", 1994; RF64: EBU Tech 3306, 2009.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.samples import pcm_bytes

UNKNOWN = 0xFFFFFFFF
"""Length in the header of a WAV of unknown length; readers then read to the end."""
MOST_BYTES = UNKNOWN - 1
"""Largest WAV in bytes, not counting the first 8; a larger file is an RF64."""
_BLOCK = 1 << 20
_BITS = {"PCM_16": 16, "PCM_24": 24, "FLOAT": 32}


def wav_header(rate: int, subtype: str, samples: int | None = None) -> bytes:
    """Header of a mono WAV at `rate` Hz, or of an RF64 if there are too many samples (16 or 24 bits, or float) for a
    WAV.

    None means that the number of samples is not known yet; the header is then as long as that of any WAV.
    """
    width = _BITS[subtype] // 8
    fields = struct.pack("<HHIIHH", 3 if subtype == "FLOAT" else 1, 1, rate, rate * width, width, width * 8)
    facts = b""
    if subtype == "FLOAT":  # all but PCM give the size of their extension, here 0, and count their samples
        fields += struct.pack("<H", 0)
        count = UNKNOWN if samples is None else min(samples, UNKNOWN)
        facts = b"fact" + struct.pack("<II", 4, count)
    chunks = b"fmt " + struct.pack("<I", len(fields)) + fields + facts
    if samples is None:
        riff = data = UNKNOWN
    else:
        data = samples * width
        riff = 4 + len(chunks) + 8 + data + data % 2
    if riff > MOST_BYTES and samples is not None:
        sizes = struct.pack("<QQQI", riff + 36, data, samples, 0)
        chunks = b"ds64" + struct.pack("<I", len(sizes)) + sizes + chunks
        return b"RF64" + struct.pack("<I", UNKNOWN) + b"WAVE" + chunks + b"data" + struct.pack("<I", UNKNOWN)
    return b"RIFF" + struct.pack("<I", riff) + b"WAVE" + chunks + b"data" + struct.pack("<I", data)


def padding(subtype: str, samples: int) -> bytes:
    """Padding after the samples: a chunk has an even length."""
    return bytes(samples * _BITS[subtype] // 8 % 2)


class WavWriter:
    """Writes one recording to a binary file that can seek; a recording beyond 4 GiB becomes an RF64."""

    def __init__(self, file: BinaryIO, rate: int, subtype: str) -> None:
        self._file = file
        self._rate = rate
        self._subtype = subtype
        self._frames = 0
        file.write(wav_header(rate, subtype))

    def write(self, samples: NDArray[np.floating[Any]]) -> None:
        """Appends samples [S]."""
        self._file.write(pcm_bytes(samples, self._subtype))
        self._frames += len(samples)

    def close(self) -> None:
        """Writes the lengths."""
        self._file.write(padding(self._subtype, self._frames))
        header = wav_header(self._rate, self._subtype, self._frames)
        start = len(wav_header(self._rate, self._subtype))
        _move_up(self._file, start, len(header) - start)
        self._file.seek(0)
        self._file.write(header)


def _move_up(file: BinaryIO, start: int, by: int) -> None:
    """Makes room in a file: moves the bytes from `start` on by `by` bytes towards the end."""
    place = file.seek(0, 2) if by else start
    while place > start:
        first = max(start, place - _BLOCK)
        file.seek(first)
        block = file.read(place - first)
        file.seek(first + by)
        file.write(block)
        place = first
