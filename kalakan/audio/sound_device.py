"""The loudspeaker through `sounddevice` (PortAudio), an optional package."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import sounddevice
from numpy.typing import NDArray

from kalakan.audio.samples import check_samples
from kalakan.errors import AudioError

BLOCK_S = 0.1
"""Seconds of audio written at once, which may still play after Ctrl-C."""
AHEAD = 8
"""Chunks that may be queued while the next ones are generated."""


class SoundDevice:
    """The default output device; raises `AudioError` if there is none."""

    def __init__(self) -> None:
        try:
            sounddevice.query_devices(kind="output")
        except (sounddevice.PortAudioError, ValueError) as error:
            raise AudioError(f"it finds no output ({error})") from error

    def play(self, chunks: Iterable[Any], sample_rate: int) -> None:
        """See `kalakan.audio.playback.Player.play`."""
        source = map(check_samples, chunks)
        first = next(source, None)  # an error in the first chunk is raised before the device opens
        if first is None:
            return
        try:
            stream = sounddevice.OutputStream(samplerate=sample_rate, channels=1, dtype="float32")
            with stream:
                _Writer(stream, round(BLOCK_S * sample_rate)).write_all(first, source)
        except sounddevice.PortAudioError as error:
            raise AudioError(
                f"the sound device cannot play at {sample_rate} Hz: {error}; give -o FILE"
            ) from error


class _Writer:
    """Writes in its own thread, so that the device does not run dry while the next chunk is generated."""

    def __init__(self, stream: Any, block: int) -> None:
        self._stream = stream
        self._block = block
        self._waiting: queue.Queue[NDArray[Any] | None] = queue.Queue(AHEAD)
        self._stopped = threading.Event()
        self._error: sounddevice.PortAudioError | None = None

    def write_all(self, first: NDArray[Any], chunks: Iterator[NDArray[Any]]) -> None:
        """Returns when the last block is written; raises the error of `chunks` or the device."""
        thread = threading.Thread(target=self._run, name="kalakan-playback", daemon=True)
        thread.start()
        try:
            self._waiting.put(first)
            for chunk in chunks:
                self._waiting.put(chunk)
                if self._stopped.is_set():
                    break
        except BaseException:
            self._stopped.set()
            raise
        finally:
            self._waiting.put(None)
            thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (chunk := self._waiting.get()) is not None:
            samples = np.ascontiguousarray(chunk, np.float32).reshape(-1, 1)
            for start in range(0, len(samples), self._block):
                if self._stopped.is_set():
                    break  # the queue is still emptied, so that the producer does not block on it
                self._write(samples[start : start + self._block])

    def _write(self, block: NDArray[np.float32]) -> None:
        try:
            self._stream.write(block)
        except sounddevice.PortAudioError as error:
            self._error = error
            self._stopped.set()
