"""The interface of audio caches."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from kalakan.errors import ConfigError
from kalakan.synthesis.engines.acoustics import Samples
from kalakan.synthesis.options import is_number, is_whole


class AudioCache(Protocol):
    """A store of audio. Its methods never raise for an error of the store, which must not fail a request."""

    def get(self, key: str) -> Samples | None:
        """Audio [S] stored under a key, which must not be modified; None if there is none."""
        ...

    def put(self, key: str, audio: Samples) -> None:
        """Stores audio [S] if it fits."""
        ...


@runtime_checkable
class SharedCache(AudioCache, Protocol):
    """A store shared by several processes, of which one at a time synthesizes the audio of a key."""

    def reserved(self, key: str) -> AbstractContextManager[Samples | None]:
        """Waits while another process synthesizes the audio of a key, and returns it. None if the caller has to
        synthesize it: the others wait until it leaves the block, in which it stores the audio. The wait is bounded."""
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
