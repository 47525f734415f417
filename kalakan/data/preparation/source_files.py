"""Files of a folder of recordings, and lookup of the names used in tables and transcripts."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from kalakan.errors import DataError
from kalakan.storage import real_path

SOUND_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".aiff", ".aif", ".au", ".caf", ".w64")
"""Supported audio formats; if a recording exists in several, the first is preferred."""
DECODED_SUFFIXES = (
    *(".m4a", ".mp4", ".aac", ".wma", ".amr", ".3gp", ".webm", ".mka", ".mov"),
    *(".mkv", ".avi", ".m4v", ".wmv", ".mpg", ".mpeg", ".awb", ".ac3", ".wv", ".ape"),
)
"""Formats of audio and video that soundfile does not read: decoded by ffmpeg or PyAV; see `foreign_audio`."""
MICROPHONES = re.compile(r"_mic\d+$", re.IGNORECASE)
"""The end of VCTK 0.92's names of recordings: the microphone."""
_NORMALIZED, _ORIGINAL = ".normalized", ".original"
"""Before .txt: LibriTTS's transcripts, the normalized one and the one as printed."""
TEXT_SUFFIXES = (".txt", ".lab")
"""Suffixes of separate transcript files."""
SOUND_FOLDERS = ("", "clips", "wavs", "audio", "wav", "recordings")
"""Common audio folders next to a table, most common first."""


class SourceFiles:
    """Recordings and transcripts below a folder; links are followed, hidden files are ignored.

    Raises `DataError` for a folder that cannot be listed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        files = list(_walk(root))
        self.sounds = [path for path in files if path.suffix.lower() in (*SOUND_SUFFIXES, *DECODED_SUFFIXES)]
        self.texts = [path for path in files if path.suffix.lower() in TEXT_SUFFIXES]
        known = {*self.sounds, *self.texts}
        self.others = [path for path in files if path not in known]
        self._sounds = frozenset(self.sounds)
        self._unknown = _unique_names(self.others)
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for path in self.sounds:
            self._by_name[folded(path.name)].append(path)
            self._by_name[folded(path.stem)].append(path)

    def inside(self, path: Path) -> str:
        """A path relative to the folder, with "/" as the separator."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def sound(self, name: str, folder: Path | None = None) -> Path | None:
        """The recording that a table, in `folder` (default: the root), refers to as `name`; None if there is none, or
        several.

        The name may lack its folders or suffix, differ in case or Unicode form, and use "\\". A file of another kind
        is found by its whole name, so that it is said what is wrong with it.
        """
        for direct in ((folder or self.root) / name, self.root / name):
            if is_file(direct):
                return self._known(direct)
        key = folded(name)
        last = key.rpartition("/")[2]
        found = self._by_name.get(last, [])
        if not found:
            return self._unknown.get(last)
        fitting = [path for path in found if self._ends_with(path, key)] or found
        if folder is not None and len(fitting) > 1:
            fitting = [path for path in fitting if path.is_relative_to(folder)] or fitting
        if len(fitting) < 2:
            return fitting[0] if fitting else None
        base = folder if folder is not None and fitting[0].is_relative_to(folder) else self.root
        ranks = ((_usual_rank(path, base), path) for path in fitting)
        return min(((rank, path) for rank, path in ranks if rank is not None), default=(None, None))[1]

    def _known(self, path: Path) -> Path:
        """The same file under the path found in the folder, if it was."""
        if path in self._sounds:
            return path
        real = real_path(path)
        return next((other for other in self._by_name[folded(path.name)] if real_path(other) == real), path)

    def transcribed(self) -> Iterator[tuple[Path, Path]]:
        """Recordings with the transcript of the same stem: in the same folder, or the only one of that stem anywhere.

        A transcript belongs to one recording: `a.wav` rather than `a.m4a`.
        """
        beside = {(path.parent, folded(path.stem)): path for path in reversed(self.texts)}
        for ending in (_ORIGINAL, _NORMALIZED):
            beside |= {
                (path.parent, folded(path.stem[: -len(ending)])): path
                for path in self.texts
                if path.stem.lower().endswith(ending)
            }
        apart = _unique(self.texts)
        alone = _unique(self.sounds)
        taken: set[Path] = set()
        for sound in sorted(self.sounds, key=lambda path: (str(path.parent), _suffix_rank(path), path.name)):
            stem = folded(sound.stem)
            text = beside.get((sound.parent, stem))
            if text is None and alone.get(stem) == sound:
                text = apart.get(stem)
            if text is not None and text not in taken:
                taken.add(text)
                yield sound, text

    def _ends_with(self, path: Path, key: str) -> bool:
        inside = folded(self.inside(path))
        return any(f"/{form}".endswith(f"/{key}") for form in (inside, inside.rpartition(".")[0]))


def is_file(path: Path) -> bool:
    """True for a file; false, without an error, for an invalid file name."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, a zero byte
        return False


def folded(name: str) -> str:
    """Normalized form of a name for comparison: equal for names that look the same to people."""
    plain = unicodedata.normalize("NFC", name).casefold().replace("\\", "/")
    return unicodedata.normalize("NFC", plain).removeprefix("./")


def _usual_rank(path: Path, base: Path) -> tuple[int, int] | None:
    """How usual it is for a recording to stand there below `base`, the least for the most; None for other folders."""
    folder = path.parent.relative_to(base).as_posix().lower() if path.is_relative_to(base) else ""
    place = "" if folder == "." else folder
    return (SOUND_FOLDERS.index(place), _suffix_rank(path)) if place in SOUND_FOLDERS else None


def _suffix_rank(path: Path) -> int:
    return (*SOUND_SUFFIXES, *DECODED_SUFFIXES).index(path.suffix.lower())


def _unique(paths: Sequence[Path]) -> dict[str, Path]:
    """The files by stem, for unique stems."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        found[folded(path.stem)].append(path)
    return {stem: places[0] for stem, places in found.items() if len(places) == 1}


def _unique_names(paths: Sequence[Path]) -> dict[str, Path]:
    """The files by whole name, for unique names."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        found[folded(path.name)].append(path)
    return {name: places[0] for name, places in found.items() if len(places) == 1}


def _walk(root: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise DataError(
            f"{error.filename}: cannot be listed ({error.strerror}); ask for the right to read it"
        )

    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(root, followlinks=True, onerror=fail):
        stat = Path(folder).stat()
        if (stat.st_dev, stat.st_ino) in seen:  # a circular link
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(names) if not name.startswith("."))
