"""Atomic writes of files and folders, and checks of output paths."""

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
"""Number of symbolic links that Linux follows before it reports a loop."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A seekable binary file whose contents go to `path`: the one writer for output paths from the user.

    When the block succeeds, a regular file is replaced atomically; anything else (a device, a pipe, `/dev/stdout`)
    stays in place and receives the bytes. If the block fails, the old contents remain. Raises `OSError` as
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
    """A file next to `path` to write to; it replaces `path` if the block succeeds, and is removed otherwise.

    Links are followed; the mode and owner of a replaced file are kept. Raises `OSError` for a folder, a read-only
    file, a loop of links, and anything but a regular file; an `OSError` of the block names `path`.
    Leftovers of killed processes in the folder are removed.
    """
    path = real_path(path)
    old = _replaceable(path)
    _sweep(path.parent)
    partial, lock = _partial_name(path.parent), None
    try:  # around the creation too: a signal may come right after it
        with naming(path, instead_of=partial):
            lock = _claim_file(partial)
            yield partial
            if old is not None:
                _pass_on(old, partial)
            partial.replace(path)
    finally:
        with suppress(OSError):  # mostly: there is none any more
            partial.unlink()
        _release(lock)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A folder next to `path` to fill; it replaces `path` if the block succeeds, and is removed otherwise.

    The old folder is restored if the replacement fails. Raises `OSError`.
    """
    path = real_path(path)
    old = path.stat() if path.is_dir() else None
    _sweep(path.parent)
    partial, lock = _partial_name(path.parent), None
    try:
        with naming(path, instead_of=partial):
            lock = _claim_folder(partial)
        yield partial
        if old is not None:
            _pass_on(old, partial)
        _swap(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _release(lock)


@contextmanager
def naming(path: Path, instead_of: Path | None = None) -> Iterator[None]:
    """An `OSError` of the block that names no file, or `instead_of`, is made to name `path`; a full disk names no
    file."""
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
    """Whether a path is written to directly and never replaced: a device, a pipe, a descriptor such as
    `/dev/stdout`."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def real_path(path: str | os.PathLike[str]) -> Path:
    """The absolute path without links, as far as they lead somewhere.

    `Path.resolve` raises a `RuntimeError` for a loop of links before Python 3.13; here the loop stays in the path, and
    whoever opens it gets the system's error.
    """
    return Path(os.path.realpath(path))


def check_writable(path: Path) -> None:
    """Raises the `OSError` that writing to `path` would raise, as far as it can be predicted."""
    if not is_direct(path):
        path = real_path(path)
        _replaceable(path)
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two folders atomically; returns False if the system cannot do that."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes  # imported here, because few processes replace a folder

    call = getattr(ctypes.CDLL(None), "renameat2", None)
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fcntl.h and linux/fs.h
    return call is not None and call(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def native_path(path: str | os.PathLike[str]) -> str | bytes:
    """A path for a C library: the bytes on disk, because Python's string may not be encodable in the locale."""
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
    """The status of a resolved path, None if it does not exist; raises `OSError` if it must not be replaced."""
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
    ):  # root may write to any file, but hardly on purpose
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    return found


def _pass_on(old: os.stat_result, new: Path) -> None:
    """Gives a replacement the mode of the replaced file and, as far as permitted, its owner."""
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
    # A copy, because reopening /dev/stdout would write at the start of a file that the shell opened with >>.
    return os.fdopen(os.dup(descriptor), "wb")


def _descriptor(path: Path) -> int | None:
    """The descriptor of this process that a path refers to, such as 1 for `/dev/stdout`."""
    if sys.platform == "win32":
        return None
    folders = {"/dev/fd", f"/proc/{os.getpid()}/fd"}
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(path.parent)
        if folder in folders and path.name.isdecimal():
            return int(path.name)
        try:
            target = (Path(folder) / path.name).readlink()
        except OSError:  # not a link
            return None
        path = Path(folder) / target
    return None


def _claim_file(path: Path) -> int | None:
    """Makes a new file; returns the descriptor whose lock shows that its creator is alive."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if _holds(lock, path):
            return lock
        os.close(lock)
        if sys.platform == "win32":
            return None


def _claim_folder(path: Path) -> int | None:
    """The same for a folder."""
    while True:
        path.mkdir()
        if sys.platform == "win32":
            return None
        with suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY)
            if _holds(lock, path):
                return lock
            os.close(lock)


def _partial_name(folder: Path) -> Path:
    """A short name that nothing else has, known before anything exists that would have to be removed."""
    return folder / f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}"


def _holds(lock: int, path: Path) -> bool:
    """Locks a new file or folder; False if another process removed it first, or if locks are unavailable."""
    if sys.platform == "win32":
        return False
    with suppress(OSError):  # a file system without locks: no process cleans up there either
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
    """Removes leftovers of killed processes in a folder, once per process and folder: it may hold a million files.

    Their locks were released on exit. Without lock support nothing is removed.
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
    """Replaces an old folder with a finished one; restores the old one if that fails."""
    if not target.exists():
        partial.rename(target)
        return
    if _exchange(partial, target):
        shutil.rmtree(partial, ignore_errors=True)
        return
    aside = target.with_name(
        f"{_PREFIX}{os.urandom(8).hex()}.old"
    )  # exempt from cleanup: until the rename it is the only copy
    target.rename(aside)
    try:
        partial.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)
