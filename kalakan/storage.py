"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends well, else it is removed.

    An `OSError` of the block names `path`.
    """
    partial = path.with_name(f".{path.name}.{os.urandom(4).hex()}.partial")
    try:
        with naming(path, instead_of=partial):
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, instead_of: Path | None = None) -> Iterator[None]:
    """An `OSError` of the block that names no file, or `instead_of`, names `path`: a full disk does not say where."""
    try:
        yield
    except OSError as error:
        unnamed = error.filename is None or str(error.filename) == str(instead_of)
        if not unnamed or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def is_direct(path: Path) -> bool:
    """True for a device or a pipe (/dev/stdout), which is written to and not replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


def way_out(error: OSError) -> str:
    """What to do about a file that cannot be written, for the end of an error message."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "make its folder first, or choose another"
    if isinstance(error, IsADirectoryError):
        return "add a file name"
    return "choose a place you may write to, with room left"
