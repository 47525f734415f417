"""libkalakan by way of ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from built import libkalakan, onnxruntime_library

OK, ARGUMENT, TEXT, VOICE, RUNTIME, UNSUPPORTED, INTERNAL, STOPPED = range(8)
SINK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_float), ctypes.c_size_t, ctypes.c_void_p)


class Options(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_size_t),
        ("speaker", ctypes.c_char_p),
        ("tones", ctypes.c_char_p),
        *(
            (name, ctypes.c_double)
            for name in (
                *("speed", "pitch", "pitch_range", "volume", "energy", "sentence_pause"),
                *("paragraph_pause", "heading_pause", "scene_pause", "lead_in"),
            )
        ),
        ("seed", ctypes.c_uint32),
        ("strict", ctypes.c_int),
    )


class Audio(ctypes.Structure):
    _fields_ = (
        ("samples", ctypes.POINTER(ctypes.c_float)),
        ("length", ctypes.c_size_t),
        ("sample_rate", ctypes.c_uint32),
        ("unread", ctypes.c_uint32),
    )


class RefusedError(Exception):
    """A status that is not OK, and the message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status, self.message = status, message


class Library:
    """The functions of the library; a refusal is an exception."""

    def __init__(self) -> None:
        self.raw = ctypes.CDLL(str(libkalakan()))
        for name in ("kalakan_error", "kalakan_version", "kalakan_speaker"):
            getattr(self.raw, name).restype = ctypes.c_char_p
        self.raw.kalakan_speaker_count.restype = ctypes.c_size_t
        self.raw.kalakan_string_free.restype = None

    def check(self, status: int) -> None:
        if status != OK:
            raise RefusedError(status, self.raw.kalakan_error().decode())

    @contextmanager
    def voice(self, folder: Path, onnxruntime: str | None = None, threads: int = 1) -> Iterator[Any]:
        handle = ctypes.c_void_p()
        library = onnxruntime or str(onnxruntime_library())
        self.check(
            self.raw.kalakan_open(
                str(folder).encode(), library.encode(), ctypes.c_uint32(threads), ctypes.byref(handle)
            )
        )
        try:
            yield handle
        finally:
            self.raw.kalakan_close(handle)

    def options(self, **changes: Any) -> Options:
        found = Options()
        self.raw.kalakan_options_init(ctypes.byref(found))
        for name, value in changes.items():
            setattr(found, name, value.encode() if isinstance(value, str) else value)
        return found

    def synthesize(self, voice: Any, text: str | bytes, **changes: Any) -> tuple[NDArray[np.float32], int]:
        """The samples, and how many stretches were left out."""
        audio = Audio()
        text = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        status = self.raw.kalakan_synthesize(
            voice, text, ctypes.byref(self.options(**changes)), ctypes.byref(audio)
        )
        if status != OK:
            assert not audio.samples
            assert audio.length == 0
        self.check(status)
        samples = np.ctypeslib.as_array(audio.samples, (audio.length,)).copy()
        unread = audio.unread
        self.raw.kalakan_audio_free(ctypes.byref(audio))
        assert audio.length == 0
        return samples, unread

    def stream(self, voice: Any, text: str, most: int, **changes: Any) -> list[NDArray[np.float32]]:
        """The samples of each phrase; stops after so many."""
        pieces: list[NDArray[np.float32]] = []

        def sink(samples: Any, length: int, _: Any) -> int:
            pieces.append(np.ctypeslib.as_array(samples, (length,)).copy())
            return int(len(pieces) == most)

        options = self.options(**changes)
        status = self.raw.kalakan_stream(voice, text.encode(), ctypes.byref(options), SINK(sink), None)
        if len(pieces) == most:
            assert status == STOPPED
        else:
            self.check(status)
        return pieces

    def string(self, name: str, *arguments: bytes | None) -> str:
        """The result of a function that returns a string by its last argument."""
        place = ctypes.c_void_p()
        self.check(getattr(self.raw, name)(*arguments, ctypes.byref(place)))
        assert place.value is not None
        found = ctypes.string_at(place.value).decode()
        self.raw.kalakan_string_free(place)
        return found
