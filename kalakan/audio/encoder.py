"""Audio files as a stream of bytes, for pipes and sockets that cannot go back to write a length."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.formats import Coding
from kalakan.audio.resample import Resampler
from kalakan.audio.samples import check_samples, pcm_bytes
from kalakan.audio.wav import padding, wav_header


class Encoder:
    """Encodes one audio file incrementally: `encode` for each chunk, then `finish`.

    Chunks are resampled as one recording. WAV and PCM lag only by the resampler; other formats hold back up to a few
    codec frames. Lengths in headers are set to unknown; `corrections` returns the bytes to patch in if the output is a
    seekable file.
    """

    def __init__(self, coding: Coding) -> None:
        self._resampler = Resampler(coding.source_rate, coding.rate)
        self._sink = _PcmSink(coding) if coding.format.name in ("wav", "pcm") else _LibrarySink(coding)

    def encode(self, chunk: Any) -> bytes:
        """The bytes that are ready after another chunk [S] in [-1, 1]; may be empty. Raises the errors of
        `check_samples`."""
        samples = self._resampler.push(check_samples(chunk).astype(np.float32, copy=False))
        return self._sink.add(samples.clip(-1.0, 1.0))

    def finish(self) -> bytes:
        """The last bytes."""
        return self._sink.add(self._resampler.flush().clip(-1.0, 1.0)) + self._sink.end()

    def corrections(self) -> list[tuple[int, bytes]]:
        """After `finish`: offsets from the first byte, and the bytes to write there now that the length is known."""
        return self._sink.corrections()


class _PcmSink:
    """WAV or raw PCM without libsndfile, so that the first chunk does not wait for its import."""

    def __init__(self, coding: Coding) -> None:
        self._rate, self._subtype = coding.rate, coding.subtype
        self._is_wav = coding.format.name == "wav"
        self._header = wav_header(coding.rate, coding.subtype) if self._is_wav else b""
        self._samples = self._bytes = 0

    def add(self, samples: NDArray[np.float32]) -> bytes:
        header, self._header = self._header, b""
        content = pcm_bytes(samples, self._subtype)
        self._samples += len(samples)
        self._bytes += len(content)
        return header + content

    def end(self) -> bytes:
        return b""  # no padding: with an unknown length it would be read as part of a sample

    def corrections(self) -> list[tuple[int, bytes]]:
        before = wav_header(self._rate, self._subtype)
        after = wav_header(self._rate, self._subtype, self._samples)
        if not self._is_wav or len(after) != len(before):  # the header of an RF64 is longer
            return []
        return [(0, after), (len(after) + self._bytes, padding(self._subtype, self._samples))]


class _LibrarySink:
    """A format that libsndfile encodes."""

    def __init__(self, coding: Coding) -> None:
        from kalakan.audio.sound import (
            SoundWriter,
        )  # imported here, because WAV and PCM start sooner without libsndfile

        self._drain = _Drain()
        self._sound = SoundWriter(self._drain, coding, is_stream=True)

    def add(self, samples: NDArray[np.float32]) -> bytes:
        self._sound.write(samples)
        return self._drain.take()

    def end(self) -> bytes:
        self._sound.close()
        return self._drain.take()

    def corrections(self) -> list[tuple[int, bytes]]:
        return self._drain.late


class _Drain:
    """The bytes that libsndfile writes, removed as they come.

    When it seeks back to overwrite bytes that were already taken, the new bytes are recorded in `late`.
    """

    def __init__(self) -> None:
        self.late: list[tuple[int, bytes]] = []
        """Offsets, and the bytes written there after the original ones had been taken."""
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
        """Seeks as in a file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._gone + len(self._kept)}[whence]
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        """Position in the file."""
        return self._place

    def write(self, content: bytes) -> int:
        """Keeps the part of `content` that does not overlap taken bytes, and records the rest in `late`."""
        start = self._place - self._gone
        if start < 0:
            self.late.append((self._place, bytes(content[:-start])))
        self._place += len(content)
        fresh = content[max(0, -start) :]
        self._kept[max(0, start) : max(0, start) + len(fresh)] = fresh
        return len(content)

    def read(self, _count: int = -1) -> bytes:
        """Does nothing; libsndfile requires the method."""
        return b""
