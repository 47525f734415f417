"""Recordings with separate transcript files: plain folders, BibleTTS, LibriTTS, VCTK."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kalakan.data.preparation.names import safe_id, speaker_name
from kalakan.data.preparation.recording import Recording
from kalakan.data.preparation.source_files import MICROPHONES, SOUND_FOLDERS, SourceFiles, folded

NO_NAME = "speaker"
"""Speaker name for layouts without speakers."""
_NO_SPEAKERS = frozenset(
    {"train", "dev", "test", "valid", "validation", "flac", "wav48", "txt", *SOUND_FOLDERS}
)
_NOBODY = re.compile(
    r"(train|dev|test|valid|eval)([-_.].*)?|(fe)?males?|(wo)?m[ae]n|girls?|boys?|[fm]|speakers?|voices?|data|corpus|"
    r"(session|sess|part|chapter|chap|day|disc|cd|vol|volume|book|set|batch|take|rec|recording)s?[-_ ]*\d*|"
    r"\d[\d._ :T-]*|\d{1,2}[-_. ]?[a-z]{3,9}[-_. ]?\d{2,4}",  # numbers, dates, 5-Jan-2024
    re.IGNORECASE,
)
"""Folders named for the kind or time of recordings, not for a speaker."""
_BOOK = re.compile("[1-4]?[A-Z]{2,3}")


def recordings_beside(files: SourceFiles) -> Iterator[Recording]:
    """Recordings with a transcript of the same stem in the same folder, or the only one of that stem anywhere.

    The speaker is the folder whose name is a prefix of the file name (`p225/p225_001.wav`), else the innermost folder
    that can name a speaker: no split, session or sex (`female/ama/session2/1.wav`), and no book of BibleTTS
    (`EZR/EZR_001_Verse_001.flac`).
    """
    yield from _items(files, files.transcribed())


def recordings_of_microphones(files: SourceFiles) -> Iterator[Recording]:
    """VCTK 0.92: `txt/p225/p225_001.txt` and a recording of each microphone, `p225_001_mic1.flac` and `_mic2`.

    Both are of the same speech: the first microphone's is read, the second's only where the first has none.
    """
    texts = {folded(path.stem): path for path in files.texts}
    taken: set[str] = set()
    for sound in sorted(files.sounds, key=lambda path: (MICROPHONES.sub("", path.stem), path.stem)):
        stem = folded(MICROPHONES.sub("", sound.stem))
        if stem in texts and stem not in taken:
            taken.add(stem)
            speaker = MICROPHONES.sub("", sound.stem).partition("_")[0]
            yield Recording(safe_id(sound.name), speaker_name(speaker), sound, None, texts[stem])


def _items(files: SourceFiles, pairs: Iterable[tuple[Path, Path]]) -> Iterator[Recording]:
    for audio, text in pairs:
        folders = [
            part
            for part in audio.relative_to(files.root).parts[:-1]
            if part.lower() not in _NO_SPEAKERS and not _is_book(part, audio.stem)
        ]
        speaker = speaker_name(_speaker_of(folders, audio.stem)) if folders else NO_NAME
        parts = [part for part in folders if not audio.stem.startswith(part)]
        yield Recording(safe_id("/".join([*parts, audio.name])), speaker, audio, None, text)


def _speaker_of(folders: Sequence[str], stem: str) -> str:
    """The speaker's folder among the parents of a recording, outermost first."""
    named = [name for name in folders if re.match(re.escape(name) + "[-_. ]", stem)]
    people = [name for name in folders if not _NOBODY.fullmatch(name)]
    return (named[:1] or people[-1:] or list(folders[:1]))[0]


def _is_book(folder: str, stem: str) -> bool:
    return bool(_BOOK.fullmatch(folder)) and stem.startswith(f"{folder}_")
