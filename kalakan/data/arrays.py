"""`ArrayFiles`: arrays in `.npy` files, which use no memory between reads: the page cache holds them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import DataError
from kalakan.storage import replacing

Array = NDArray[np.float32]
Kind = TypeVar("Kind", np.float32, np.int16)


class ArrayFiles(Generic[Kind]):
    """Reads and writes `.npy` files of finite values of one kind, `np.float32` or `np.int16`.

    The first read of a file validates it; later ones read only its data, in a quarter of the time of `np.load`. Every
    array is a new copy. Keeping memory maps open would be no better: each uses a file descriptor.
    """

    def __init__(self, kind: type[Kind]) -> None:
        self.kind: type[Kind] = kind
        self._sound: set[Path] = set()

    def read(self, path: Path, shape: tuple[int, ...], source: Path | None = None) -> NDArray[Kind]:
        """The array of `path`, of this shape.

        Raises `DataError` with the reason for any other file, and, on the first read, for one that is older than the
        file `source` that it was computed from.
        """
        try:
            return self._values(path, shape) if path in self._sound else self._checked(path, shape, source)
        except (ValueError, EOFError, OSError) as error:
            self._sound.discard(path)
            raise DataError(f"{path}: cannot be read ({error})") from error

    def write(self, path: Path, values: NDArray[Kind], source: Path) -> None:
        """Atomically writes an array that was computed from the file `source`."""
        content = io.BytesIO()  # numpy does not report why a write to a file failed
        np.save(content, np.ascontiguousarray(values, dtype=self.kind))
        with replacing(path) as partial:
            partial.write_bytes(content.getbuffer())
        if not is_current(path, source):  # the recording's timestamp is in this machine's future
            made = source.stat().st_mtime_ns
            os.utime(path, ns=(made, made))
        self._sound.add(path)

    def _checked(self, path: Path, shape: tuple[int, ...], source: Path | None) -> NDArray[Kind]:
        if source is not None and not is_current(path, source):
            raise DataError(f"{path}: is older than {source.name}, or is not there")
        found = np.load(path)
        kind: np.dtype[Any] = np.dtype(self.kind)
        if found.shape != shape or found.dtype.kind != kind.kind or not np.isfinite(found).all():
            raise DataError(
                f"{path}: holds {found.dtype} of shape {found.shape}; it must be {kind}, {shape} and finite"
            )
        values: NDArray[Kind] = np.ascontiguousarray(found, dtype=self.kind)
        if values is found:  # a converted array has to be converted at every read
            self._sound.add(path)
        return values

    def _values(self, path: Path, shape: tuple[int, ...]) -> NDArray[Kind]:
        """The data of a file that is known to hold an array of this shape, in C order."""
        values: NDArray[Kind] = np.empty(shape, dtype=self.kind)
        with path.open("rb", buffering=0) as file:
            file.seek(-values.nbytes, os.SEEK_END)
            if file.readinto(values.reshape(-1).data) != values.nbytes:
                raise EOFError("it is too short")
        return values


def is_current(path: Path, source: Path) -> bool:
    """Whether `path` exists and is not older than the file `source` that it is computed from, as in make."""
    try:
        return path.stat().st_mtime_ns >= source.stat().st_mtime_ns
    except OSError:
        return False
