"""Files of a corpus folder that were made of one recording."""

from __future__ import annotations

from pathlib import Path

_OWN = ("audio/{}.flac", "items/{}.json")
_LATER = ("textgrids/{}.TextGrid",)
_FEATURES = ("{}.npy", "{}.f0.npy", "{}.audio.npy")


def forget_features(folder: Path, name: str) -> None:
    """Removes what training and alignment computed of a recording that is made again."""
    for features in (folder / "features").glob("*"):
        for pattern in _FEATURES:
            (features / pattern.format(name)).unlink(missing_ok=True)
    for pattern in _LATER:
        (folder / pattern.format(name)).unlink(missing_ok=True)


def forget_recording(folder: Path, name: str) -> None:
    """Removes all that was made of a recording that is gone."""
    forget_features(folder, name)
    for pattern in _OWN:
        (folder / pattern.format(name)).unlink(missing_ok=True)
