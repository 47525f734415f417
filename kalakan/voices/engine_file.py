"""TensorRT engine files: the serialized engine, followed by facts that an engine itself cannot store.

The facts are JSON; the file ends with their length in 8 bytes (little-endian) and `MARK`. TensorRT reads only the part
before them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kalakan.errors import VoiceError
from kalakan.voices.identity import Identity, from_metadata

MARK = b"KALAKAN1"
"""Last bytes of the file."""
ROLE = "role"
"""Key of the facts: "acoustic_model", "vocoder" or "fused_model"."""


@dataclass(frozen=True)
class EngineFile:
    """An engine file that has been read but not yet passed to TensorRT."""

    plan: bytes
    """The serialized engine."""
    role: str
    """"acoustic_model", "vocoder" or "fused_model"."""
    identity: Identity
    """Audio settings, and speakers of an acoustic model."""


def with_facts(plan: bytes, told: Mapping[str, str]) -> bytes:
    """The content of an engine file: a serialized engine, and its facts (`kalakan.voices.identity.to_metadata`)."""
    facts = json.dumps(dict(told), ensure_ascii=False).encode("utf-8")
    return plan + facts + len(facts).to_bytes(8, "little") + MARK


def read_engine(path: Path) -> EngineFile:
    """The engine in a file; raises `VoiceError` for a damaged file, or one not written by Kalakan."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read ({error.strerror})") from error
    end = len(content) - len(MARK) - 8
    if end < 0 or not content.endswith(MARK):
        raise VoiceError(
            f"{path}: is a TensorRT engine that does not say what it is; build it with kalakan export --format tensorrt"
        )
    start = end - int.from_bytes(content[end : end + 8], "little")
    try:
        told = json.loads(content[max(start, 0) : end].decode("utf-8"))
        if (
            start < 0
            or not isinstance(told, dict)
            or not all(isinstance(item, str) for item in told.values())
        ):
            raise ValueError("its facts are no table of texts")
        role = told[ROLE]
    except (ValueError, KeyError, RecursionError) as error:
        raise VoiceError(f"{path}: is damaged, its metadata do not tell what it is ({error})") from error
    identity = from_metadata(told, path)
    if identity.audio is None:
        raise VoiceError(f"{path}: is damaged, it does not say its audio settings")
    return EngineFile(content[:start], role, identity)
