"""Chapters in MP3 and FLAC files."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from kalakan.errors import AudioError

MOST_IN_MP3 = 255
"""Maximum number of chapters in an ID3 table of contents."""
_COMMENTS, _LAST = 4, 0x80


@dataclass(frozen=True)
class Chapter:
    """A named stretch of a recording."""

    title: str
    """Its name."""
    start_ms: int
    """Start of the stretch."""
    end_ms: int
    """End of the stretch."""


def copy_with_chapters(source: BinaryIO, target: BinaryIO, format: str, chapters: Sequence[Chapter]) -> None:
    """Copies an audio file and adds chapters to "mp3" (up to `MOST_IN_MP3`) and "flac"; other formats are copied as
    they are. Both files must be at their start. Raises `AudioError` for an invalid FLAC file."""
    if format == "mp3" and len(chapters) <= MOST_IN_MP3:
        target.write(_id3(chapters))
    elif format == "flac":
        target.write(_flac_head(source, chapters))
    shutil.copyfileobj(source, target)


def _id3(chapters: Sequence[Chapter]) -> bytes:
    """An ID3v2.3 tag with chapters (https://id3.org/id3v2-chapters-1.0)."""
    names = [b"chp%d\0" % number for number in range(len(chapters))]
    frames = _frame(b"CTOC", b"toc\0" + bytes([3, len(chapters)]) + b"".join(names))  # top level, ordered
    for name, chapter in zip(names, chapters, strict=True):
        title = _frame(b"TIT2", b"\1" + chapter.title.encode("utf-16"))
        unused = 0xFFFFFFFF  # byte offsets
        times = struct.pack(">IIII", chapter.start_ms, chapter.end_ms, unused, unused)
        frames += _frame(b"CHAP", name + times + title)
    size = len(frames)
    sevens = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + sevens + frames


def _frame(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">IH", len(content), 0) + content


def _flac_head(source: BinaryIO, chapters: Sequence[Chapter]) -> bytes:
    """Reads everything before the first frame (RFC 9639, section 8) and returns it with the chapters as comments."""
    if source.read(4) != b"fLaC":
        raise AudioError("this is no FLAC file")
    blocks: list[tuple[int, bytes]] = []
    comments, is_last = struct.pack("<II", 0, 0), False
    while not is_last:
        kind, *sizes = source.read(4)
        is_last = bool(kind & _LAST)
        content = source.read(int.from_bytes(bytes(sizes), "big"))
        if kind & ~_LAST == _COMMENTS:
            comments = content
        else:
            blocks.append((kind & ~_LAST, content))
    blocks.append((_COMMENTS, _commented(comments, chapters)))
    head = b"fLaC"
    for number, (kind, content) in enumerate(blocks):
        flag = _LAST if number == len(blocks) - 1 else 0
        head += bytes([kind | flag]) + len(content).to_bytes(3, "big") + content
    return head


def _commented(comments: bytes, chapters: Sequence[Chapter]) -> bytes:
    """Vorbis comments with chapters added (https://wiki.xiph.org/Chapter_Extension)."""
    place = 4 + struct.unpack_from("<I", comments)[0]
    added = []
    for number, chapter in enumerate(chapters, start=1):
        seconds, thousandths = divmod(chapter.start_ms, 1000)
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"
        added += [f"CHAPTER{number:03}={clock}", f"CHAPTER{number:03}NAME={chapter.title}"]
    lines = [line.encode() for line in added]
    count = struct.unpack_from("<I", comments, place)[0] + len(lines)
    body = comments[place + 4 :] + b"".join(struct.pack("<I", len(line)) + line for line in lines)
    return comments[:place] + struct.pack("<I", count) + body
