"""Features of recordings by worker processes, which import neither torch nor a dataset: that would cost each a second
and more of CPU time before its first utterance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from kalakan.data.features import FeatureStore
from kalakan.data.utterance import Utterance
from kalakan.errors import AudioError, DataError

DAMAGE = (DataError, AudioError)
"""Errors raised by a damaged item; any other error is not the item's fault and propagates."""
Stored = Literal["mel", "f0", "samples"]
"""A method of `FeatureStore`."""

_STORE: FeatureStore | None = None
"""In a worker process: where the features go."""


def take_store(store: FeatureStore) -> None:
    """Begins a worker process."""
    global _STORE
    _STORE = store


def stored_fault(utterance: Utterance, stored: tuple[Stored, ...]) -> str | None:
    """In a worker process: why one of these features cannot be computed; None if they are cached now."""
    assert _STORE is not None, "the process began with `take_store`"
    return fault_of(lambda: [getattr(_STORE, name)(utterance) for name in stored])


def fault_of(read: Callable[[], Any]) -> str | None:
    """What `read` raises of `DAMAGE`, in words; None if it does not."""
    try:
        read()
    except DAMAGE as error:
        return str(error)
    return None
