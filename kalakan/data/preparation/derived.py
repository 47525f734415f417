"""Files of a corpus folder that are derived from one recording."""

from __future__ import annotations

from pathlib import Path

_OWN = ("audio/{}.flac", "items/{}.json", "items/{}.heard")
_LATER = ("textgrids/{}.TextGrid",)
_FEATURES = ("{}.npy", "{}.f0.npy", "{}.audio.npy")


def forget_features(folder: Path, name: str) -> None:
    """Removes what training and alignment computed from a recording that is replaced."""
    for features in (folder / "features").glob("*"):
        for pattern in _FEATURES:
            (features / pattern.format(name)).unlink(missing_ok=True)
    for pattern in _LATER:
        (folder / pattern.format(name)).unlink(missing_ok=True)


def forget_recording(folder: Path, name: str) -> None:
    """Removes everything derived from a recording that no longer exists."""
    forget_features(folder, name)
    for pattern in _OWN:
        (folder / pattern.format(name)).unlink(missing_ok=True)
