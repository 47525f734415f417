"""File names of a job: unique for each row, inside the output folder, valid on every file system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from kalakan.errors import DataError

LONGEST_BYTES = 180
"""Longest id in UTF-8 bytes: file systems allow 255 bytes for a name with its suffixes."""
MOST_NAMED = 3
"""Maximum number of clashes that an error lists."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
)
"""Names that Windows reserves for devices, with any suffix."""


def fault_of(name: str) -> str | None:
    """Why `name` is not a valid file name; None if it is."""
    forbidden = _FORBIDDEN.search(name)
    if forbidden is not None:
        return f"holds {forbidden[0]!r}"
    if name.startswith(".") or name != name.strip() or name.endswith("."):
        return "begins or ends with a dot or space"
    if any(0xD800 <= ord(character) <= 0xDFFF for character in name):
        return "is not valid Unicode"
    if len(name.encode()) > LONGEST_BYTES:
        return f"is {len(name.encode())} bytes long; the limit is {LONGEST_BYTES}"
    if name.partition(".")[0].casefold() in _DEVICES:
        return "is the name of a device on Windows"
    return None


def check_names(named: Iterable[tuple[str, str]], source: str) -> None:
    """Raises `DataError` for invalid file names, and for two rows with the same name.

    `named` has the position of each row, such as "line 3", and its name. Names that differ only in case or Unicode form
    count as equal, because on macOS and Windows one file would overwrite the other.
    """
    seen: dict[str, tuple[str, str]] = {}
    clashes, faults = [], []
    for place, name in named:
        fault = fault_of(name)
        if fault is not None:
            faults.append(f"{place}: id {name[:60]!r} {fault}")
            continue
        folded = unicodedata.normalize("NFC", name.casefold())
        first = seen.setdefault(folded, (place, name))
        if first != (place, name):
            clashes.append(f"{first[0]} ({first[1]!r}) and {place} ({name!r})")
    if faults:
        raise DataError(f"{source}: {_listed(faults)}; it cannot name a file, so change the id")
    if clashes:
        raise DataError(f"{source}: rows with the same file name: {_listed(clashes)}; give each its own id")


def _listed(found: list[str]) -> str:
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return "; ".join(found[:MOST_NAMED]) + more
