"""Ids and speaker names: valid in file names, and distinct for distinct originals."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from kalakan.data.preparation.source_files import DECODED_SUFFIXES, SOUND_SUFFIXES

LONGEST = 120
"""Maximum number of characters of an id."""


def safe_id(name: str) -> str:
    """A name without its audio suffix, valid as a file name; if it had to change, a hash keeps it distinct."""
    path = Path(name)
    is_sound = path.suffix.lower() in (*SOUND_SUFFIXES, *DECODED_SUFFIXES)
    bare = str(path.with_suffix("")) if is_sound else name
    flat = re.sub(r"[/\\]", "_", bare)
    safe = re.sub(r"[^\w.-]+", "_", flat, flags=re.ASCII).strip("._")
    if safe == flat and len(safe) <= LONGEST:
        return safe
    return f"{safe[:100]}_{short_hash(bare)}".lstrip("_")


def speaker_name(name: str) -> str:
    """A speaker's name, valid as a file name; for a long hash, as in Common Voice, its first 16 digits."""
    return name[:16] if re.fullmatch("[0-9a-fA-F]{32,}", name) else safe_id(name)


def short_hash(text: str) -> str:
    """Eight digits that are the same on every run."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
