"""What every cache of audio does."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from kalakan.errors import ConfigError
from kalakan.synthesis.engines.acoustics import Samples
from kalakan.synthesis.options import is_number, is_whole


class AudioCache(Protocol):
    """A store of audio. Neither method raises for an error of the store: it must not fail the request."""

    def get(self, key: str) -> Samples | None:
        """Audio [S] stored under a key, to be read only; None if there is none."""
        ...

    def put(self, key: str, audio: Samples) -> None:
        """Stores audio [S] if there is room."""
        ...


@runtime_checkable
class SharedCache(AudioCache, Protocol):
    """A store that several processes use, of which one at a time makes the audio of a key."""

    def reserved(self, key: str) -> AbstractContextManager[Samples | None]:
        """Waits while another process makes the audio of a key, and gives it. None if the caller is to make it: the
        others wait until it leaves the block, in which it stores the audio. The wait is bounded."""
        ...


def size_in_bytes(name: str, value: int) -> int:
    """A size limit; raises `ConfigError` for anything but a whole number of at least 0."""
    if not is_whole(value) or value < 0:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number of bytes, 0 or more")
    return int(value)


def seconds(name: str, value: float, most: float) -> float:
    """A time; raises `ConfigError` for anything but a number above 0 and up to `most`."""
    if not is_number(value) or not 0 < value <= most:
        raise ConfigError(f"{name} is {value!r}; it must be a number of seconds above 0, up to {most:g}")
    return float(value)


def lifetime(ttl_s: float | None) -> float | None:
    """The lifetime of an entry; raises `ConfigError` for anything but a number above 0, or None."""
    if ttl_s is not None and (not is_number(ttl_s) or not ttl_s > 0):
        raise ConfigError(f"ttl_s is {ttl_s!r}; it must be a number of seconds above 0, or None")
    return ttl_s
