"""Ids and names of speakers: fit for file names, and different where what they stand for is."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from kalakan.data.preparation.source_files import SOUND_SUFFIXES, UNREAD_SUFFIXES

LONGEST = 120
"""Most characters of an id."""


def safe_id(name: str) -> str:
    """A name without its audio suffix, fit for a file name: what had to change is told apart by a hash."""
    path = Path(name)
    is_sound = path.suffix.lower() in (*SOUND_SUFFIXES, *UNREAD_SUFFIXES)
    bare = str(path.with_suffix("")) if is_sound else name
    flat = re.sub(r"[/\\]", "_", bare)
    safe = re.sub(r"[^\w.-]+", "_", flat, flags=re.ASCII).strip("._")
    if safe == flat and len(safe) <= LONGEST:
        return safe
    return f"{safe[:100]}_{short_hash(bare)}".lstrip("_")


def speaker_name(name: str) -> str:
    """A speaker's name fit for a file name; of a long hash, as Common Voice has, the first 16 digits."""
    return name[:16] if re.fullmatch("[0-9a-fA-F]{32,}", name) else safe_id(name)


def short_hash(text: str) -> str:
    """Eight digits that are the same on every run."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
