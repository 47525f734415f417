"""Files and folders that are written whole or not at all, and what a path really is before it is written to."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, BinaryIO, cast

if sys.platform != "win32":
    import fcntl

_PREFIX, _SUFFIX = ".kalakan-", ".partial"
_MOST_LINKS = 40
"""Symbolic links that Linux follows before it calls them a loop."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that can seek, for all that shall stand at `path`: the one writer of what a user names.

    When the block ends well, a plain file is replaced in one step; anything else (a device, a pipe, `/dev/stdout`)
    stays what it is and receives the bytes. A failure of the block leaves what was there. Raises `OSError` as
    `replacing`.
    """
    if not is_direct(path):
        with replacing(path) as partial, partial.open("wb+") as file:
            yield file
        return
    with tempfile.TemporaryFile(prefix="kalakan-") as scratch:
        yield cast(BinaryIO, scratch)
        scratch.seek(0)
        with _open_direct(path) as target:
            shutil.copyfileobj(scratch, target)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes the place of `path` when the block ends well, else it is removed.

    Links are followed; a file that is replaced passes on its mode and owner. Raises `OSError` for a folder, a file
    that may not be written to, a loop of links, and what is no plain file; an `OSError` of the block names `path`.
    What a killed process left in the folder is removed.
    """
    path = Path(os.path.realpath(path))
    old = _replaceable(path)
    _sweep(path.parent)
    partial, lock = _claim_file(path.parent)
    try:
        with naming(path, instead_of=partial):
            yield partial
            if old is not None:
                _pass_on(old, partial)
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
        _release(lock)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to fill; it takes the place of `path` when the block ends well, else it is removed.

    The old folder comes back if its place cannot be taken. Raises `OSError`.
    """
    path = Path(os.path.realpath(path))
    old = path.stat() if path.is_dir() else None
    _sweep(path.parent)
    partial, lock = _claim_folder(path.parent)
    try:
        yield partial
        if old is not None:
            _pass_on(old, partial)
        _swap(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _release(lock)


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


def lock_file(path: Path) -> IO[bytes] | None:
    """The open file that holds the lock until it is closed; None while another process holds it."""
    file = path.open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def is_direct(path: Path) -> bool:
    """True for what is written to and never replaced: a device, a pipe, a descriptor such as `/dev/stdout`."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def check_writable(path: Path) -> None:
    """Raises the `OSError` that writing to `path` would meet, as far as it can be known before the work."""
    if not is_direct(path):
        path = Path(os.path.realpath(path))
        _replaceable(path)
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def native_path(path: str | os.PathLike[str]) -> str | bytes:
    """A path as a library in C takes it: the bytes of the disk, where Python's text may not be any locale's."""
    return os.fspath(path) if sys.platform == "win32" else os.fsencode(path)


def way_out(error: OSError) -> str:
    """What to do about a file that cannot be written, for the end of an error message."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "make its folder first, or choose another"
    if isinstance(error, IsADirectoryError):
        return "add a file name"
    if error.errno == errno.ENAMETOOLONG:
        return "choose a shorter name"
    return "choose a place you may write to, with room left"


def _replaceable(path: Path) -> os.stat_result | None:
    """What stands at a resolved path, None for nothing; raises `OSError` for what must not be replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file and would be replaced", str(path))
    if (
        not os.access(path, os.W_OK) or not found.st_mode & 0o222
    ):  # root may write to all, and would not mean to
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    return found


def _pass_on(old: os.stat_result, new: Path) -> None:
    """Gives what takes a place the owner, as far as one may, and the mode of what stood there."""
    if sys.platform != "win32":
        now = new.stat()
        if (old.st_uid, old.st_gid) != (now.st_uid, now.st_gid):
            with suppress(OSError):
                os.chown(new, old.st_uid, old.st_gid)
    new.chmod(stat.S_IMODE(old.st_mode))


def _open_direct(path: Path) -> IO[bytes]:
    descriptor = _descriptor(path)
    if descriptor is None:
        return path.open("wb")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # A copy, because opening /dev/stdout anew would begin at the start of a file that the shell opened with >>.
    return os.fdopen(os.dup(descriptor), "wb")


def _descriptor(path: Path) -> int | None:
    """The descriptor of this process that a path stands for, such as 1 for `/dev/stdout`."""
    if sys.platform == "win32":
        return None
    folders = {"/dev/fd", f"/proc/{os.getpid()}/fd"}
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(path.parent)
        if folder in folders and path.name.isdecimal():
            return int(path.name)
        try:
            target = (Path(folder) / path.name).readlink()
        except OSError:  # no link
            return None
        path = Path(folder) / target
    return None


def _claim_file(folder: Path) -> tuple[Path, int | None]:
    """A new file in `folder` with a short name, and the descriptor whose lock says that its maker lives."""
    while True:
        path = _partial_name(folder)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if _holds(lock, path):
            return path, lock
        os.close(lock)
        if sys.platform == "win32":
            return path, None


def _claim_folder(folder: Path) -> tuple[Path, int | None]:
    """The same for a folder."""
    while True:
        path = _partial_name(folder)
        path.mkdir()
        if sys.platform == "win32":
            return path, None
        with suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY)
            if _holds(lock, path):
                return path, lock
            os.close(lock)


def _partial_name(folder: Path) -> Path:
    return folder / f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}"


def _holds(lock: int, path: Path) -> bool:
    """Locks what was just made; False if somebody swept it away before, and where there are no such locks."""
    if sys.platform == "win32":
        return False
    with suppress(OSError):  # a file system without locks: nobody can sweep there either
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        return os.path.samestat(path.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


@lru_cache(maxsize=256)
def _sweep(folder: Path) -> None:
    """Removes what killed processes left in a folder, once a process and folder: a folder may hold a million files.

    Their locks ended with them. Where there are no locks nothing is removed.
    """
    if sys.platform == "win32":
        return
    with suppress(OSError):
        for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            _remove_ownerless(path)


def _remove_ownerless(path: Path) -> None:
    with suppress(OSError):
        lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        finally:
            os.close(lock)


def _swap(partial: Path, target: Path) -> None:
    """Puts a finished folder in the place of an old one; the old one comes back if that fails."""
    if not target.exists():
        partial.rename(target)
        return
    aside = target.with_name(
        f"{_PREFIX}{os.urandom(8).hex()}.old"
    )  # not swept: until the rename it is the only one
    target.rename(aside)
    try:
        partial.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)
