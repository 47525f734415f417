"""Audio as bytes, for a file or a database: a header and samples, verified on reading."""

from __future__ import annotations

import hashlib
import struct
import time

import numpy as np

from kalakan.synthesis.engines.acoustics import Samples

MAGIC = b"KALAKAN2"
"""First bytes of a record; the digit is the version of its format."""
HEADER = struct.Struct("<8sdQ32s")
"""Magic, creation time in seconds, samples S, sha256 of the key and the payload: S float32, little-endian."""


def packed(key: str, audio: Samples) -> bytes:
    """The record of audio [S] under a key."""
    samples = np.ascontiguousarray(audio, "<f4").tobytes()
    return HEADER.pack(MAGIC, time.time(), len(audio), _digest(key, samples)) + samples


def unpacked(key: str, record: bytes, ttl_s: float | None = None) -> Samples | None:
    """Audio [S] of a record, which must not be modified. None for a record that is damaged, has another key or format,
    or is older than `ttl_s`. A record cannot contain code."""
    if len(record) < HEADER.size:
        return None
    magic, made, count, digest = HEADER.unpack_from(record)
    samples = memoryview(record)[HEADER.size :]
    if magic != MAGIC or len(samples) != 4 * count or _digest(key, samples) != digest:
        return None
    if ttl_s is not None and not 0 <= time.time() - made <= ttl_s:
        return None
    return np.frombuffer(samples, "<f4").astype(np.float32, copy=False)


def _digest(key: str, samples: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(samples)
    return digest.digest()
