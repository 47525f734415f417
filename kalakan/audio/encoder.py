"""Audio files as a stream of bytes, for pipes and sockets that cannot go back to write a length."""

from __future__ import annotations

import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.formats import Coding
from kalakan.audio.resample import Resampler
from kalakan.audio.samples import check_samples, pcm_bytes

UNKNOWN = 0xFFFFFFFF
"""Length in the header of a WAV whose end is not known when it begins; readers then read to the end."""


class Encoder:
    """The bytes of one audio file as its samples come: `encode` for each chunk, then `finish`.

    Chunks are resampled as one recording. WAV and PCM lag by nothing but the resampler, the others
    hold back up to a few frames of their codec. Where a header would state the length, it says unknown.
    """

    def __init__(self, coding: Coding) -> None:
        self._resampler = Resampler(coding.source_rate, coding.rate)
        self._sink = _PcmSink(coding) if coding.format.name in ("wav", "pcm") else _LibrarySink(coding)

    def encode(self, chunk: Any) -> bytes:
        """Bytes that another chunk [S] in [-1, 1] makes known; may be empty. Raises as `check_samples`."""
        samples = self._resampler.push(check_samples(chunk).astype(np.float32, copy=False))
        return self._sink.add(samples.clip(-1.0, 1.0))

    def finish(self) -> bytes:
        """The last bytes."""
        return self._sink.add(self._resampler.flush().clip(-1.0, 1.0)) + self._sink.end()


class _PcmSink:
    """WAV or bare PCM without libsndfile, whose import the first chunk need not wait for."""

    def __init__(self, coding: Coding) -> None:
        self._subtype = coding.subtype
        self._header = wav_header(coding.rate, coding.subtype) if coding.format.name == "wav" else b""

    def add(self, samples: NDArray[np.float32]) -> bytes:
        header, self._header = self._header, b""
        return header + pcm_bytes(samples, self._subtype)

    def end(self) -> bytes:
        return b""


def wav_header(rate: int, subtype: str) -> bytes:
    """Header of a mono WAV of unknown length (Microsoft and IBM, "Multimedia Programming Interface", 1991, WAVE)."""
    bits = {"PCM_16": 16, "PCM_24": 24, "FLOAT": 32}[subtype]
    tag, width = 3 if subtype == "FLOAT" else 1, bits // 8
    fields = struct.pack("<HHIIHH", tag, 1, rate, rate * width, width, bits)
    length = struct.pack("<I", UNKNOWN)
    return b"RIFF" + length + b"WAVEfmt " + struct.pack("<I", len(fields)) + fields + b"data" + length


class _LibrarySink:
    """A format that libsndfile encodes."""

    def __init__(self, coding: Coding) -> None:
        from kalakan.audio.sound import (
            SoundWriter,
        )  # here, because WAV and PCM begin sooner without libsndfile

        self._drain = _Drain()
        self._sound = SoundWriter(self._drain, coding, is_stream=True)

    def add(self, samples: NDArray[np.float32]) -> bytes:
        self._sound.write(samples)
        return self._drain.take()

    def end(self) -> bytes:
        self._sound.close()
        return self._drain.take()


class _Drain:
    """What libsndfile writes, taken away as it comes.

    When it goes back to write a length over bytes that have left, those stay as they were.
    """

    def __init__(self) -> None:
        self._gone = 0
        self._kept = bytearray()
        self._place = 0

    def take(self) -> bytes:
        """The bytes since the last call."""
        taken = bytes(self._kept)
        self._gone += len(taken)
        self._kept.clear()
        return taken

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves as in a file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._gone + len(self._kept)}[whence]
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        """Place in the file."""
        return self._place

    def write(self, content: bytes) -> int:
        """Keeps of `content` what does not lie over bytes that have left."""
        start = self._place - self._gone
        self._place += len(content)
        fresh = content[max(0, -start) :]
        self._kept[max(0, start) : max(0, start) + len(fresh)] = fresh
        return len(content)

    def read(self, _count: int = -1) -> bytes:
        """Nothing: libsndfile asks that a file have it."""
        return b""
