"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends well, else it is removed."""
    partial = path.with_name(f".{path.name}.{os.urandom(4).hex()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


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
