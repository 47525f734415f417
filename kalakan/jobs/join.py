"""Joins all rows into one audio file, with chapters and subtitles."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.chapters import Chapter, copy_with_chapters
from kalakan.audio.files import read_audio, write_audio_blocks
from kalakan.audio.formats import format_of
from kalakan.audio.resample import Resampler
from kalakan.errors import DataError, SubtitleError
from kalakan.jobs.record import Record
from kalakan.jobs.row import Row
from kalakan.jobs.settings import JobSettings
from kalakan.jobs.writer import TIMING_SUFFIX
from kalakan.storage import check_writable, real_path, whole_file
from kalakan.synthesis.subtitles import FORMATS
from kalakan.synthesis.subtitles.timing_json import parse_json
from kalakan.synthesis.subtitles.tokens import Token, tokens_of
from kalakan.synthesis.timing import Phone, Segment, Sentence, Timing

GAP_S = 0.5
"""Silence between two rows."""
CHAPTERS_SUFFIX = ".chapters.txt"


@dataclass(frozen=True)
class Part:
    """A row in the joined file."""

    record: Record
    start: int
    """First sample."""
    end: int
    """Sample after the last, without the silence after it."""


def check_join(settings: JobSettings, rows: Sequence[Row]) -> None:
    """Raises `AudioError`, `SubtitleError` or `OSError` for files that cannot be written, before the first row."""
    if settings.join is None:
        return
    format_of(settings.join)
    for path in settings.subtitles:
        if path.suffix[1:].lower() not in FORMATS:
            raise SubtitleError(f"{path} has no known suffix; use .srt, .vtt, .TextGrid or .json")
    places = [real_path(path) for path in (settings.join, chapters_path(settings.join), *settings.subtitles)]
    taken = {real_path(settings.output / row.location) for row in rows}
    for place in places:
        check_writable(place)
        if place in taken or places.count(place) > 1:
            raise DataError(
                f"{place} would be written twice; give the joined file and its subtitles other names"
            )


def chapters_path(joined: Path) -> Path:
    """The file with the chapters of a joined file."""
    return joined.with_name(f"{joined.stem}{CHAPTERS_SUFFIX}")


def join(settings: JobSettings, records: Iterable[Record]) -> None:
    """Writes the joined file, its chapters and its subtitles. Rows without audio are left out.

    The chapters go to a separate file in ffmpeg's metadata format, from which ffmpeg can write audiobooks, and into the
    joined file itself if it is MP3 or FLAC. Raises `DataError` if no row has audio, and `AudioError` and `OSError` for
    files that cannot be read or written.
    """
    assert settings.join is not None, "the caller has asked"
    spoken = [record for record in records if record.file is not None]
    if not spoken:
        raise DataError(f"no row has audio: {settings.join} is not written")
    rate = read_audio(settings.output / str(spoken[0].file))[1]
    parts: list[Part] = []
    format = format_of(settings.join).name
    with whole_file(settings.join) as file, tempfile.TemporaryFile(prefix="kalakan-") as scratch:
        write_audio_blocks(
            cast(BinaryIO, scratch), _blocks(settings.output, spoken, rate, parts), rate, format
        )
        chapters = _chapters(parts, rate, settings.join.stem)
        scratch.seek(0)
        copy_with_chapters(cast(BinaryIO, scratch), file, format, chapters)
    with whole_file(chapters_path(settings.join)) as file:
        file.write(_metadata(chapters, settings.join.stem).encode())
    if settings.subtitles:
        timing, sentences = _timing(settings.output, parts, rate)
        for path in settings.subtitles:
            with whole_file(path) as file:
                file.write(FORMATS[path.suffix[1:].lower()](timing, sentences).encode())


def _blocks(
    output: Path, records: Sequence[Record], rate: int, parts: list[Part]
) -> Iterator[NDArray[np.float32]]:
    """The audio of each row at `rate` Hz, and the silence between rows; records the position of each row."""
    place = 0
    for index, record in enumerate(records):
        if index:
            silence = np.zeros(round(GAP_S * rate), np.float32)
            place += len(silence)
            yield silence
        samples, own_rate = read_audio(output / str(record.file))
        if own_rate != rate:
            resampler = Resampler(own_rate, rate)
            samples = np.concatenate([resampler.push(samples), resampler.flush()]).clip(-1.0, 1.0)
        parts.append(Part(record, place, place + len(samples)))
        place += len(samples)
        yield samples


def _chapters(parts: Sequence[Part], rate: int, title: str) -> list[Chapter]:
    """The chapters, each up to the next one; the rows, if the corpus has no chapters."""
    is_named = any(part.record.chapter for part in parts)
    names = [(part.record.chapter or title) if is_named else part.record.id for part in parts]
    firsts = [index for index, name in enumerate(names) if not index or names[index - 1] != name]
    starts = [_ms(parts[index].start, rate) for index in firsts]
    ends = [*starts[1:], _ms(parts[-1].end, rate)]
    return [Chapter(names[index], start, end) for index, start, end in zip(firsts, starts, ends, strict=True)]


def _metadata(chapters: Iterable[Chapter], title: str) -> str:
    """Chapters as ffmpeg's metadata (https://ffmpeg.org/ffmpeg-formats.html#Metadata-2)."""
    lines = [";FFMETADATA1", f"title={_escaped(title)}"]
    for chapter in chapters:
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={chapter.start_ms}", f"END={chapter.end_ms}"]
        lines.append(f"title={_escaped(chapter.title)}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in "=;#\\\n" else character for character in text)


def _ms(sample: int, rate: int) -> int:
    return sample * 1000 // rate


def _timing(output: Path, parts: Sequence[Part], rate: int) -> tuple[Timing, list[list[Token]]]:
    """The times of all rows in the joined file, and their tokens."""
    sentences: list[Sentence] = []
    tokens: list[list[Token]] = []
    for index, part in enumerate(parts):
        path = (output / str(part.record.file)).with_name(f"{part.record.id}{TIMING_SUFFIX}")
        own = parse_json(path.read_bytes(), part.record.text)
        end = parts[index + 1].start if index + 1 < len(parts) else part.end
        moved = Timing(rate, _moved(own, part.start, end, rate))
        sentences += moved.sentences
        tokens += tokens_of(moved, part.record.text)
    return Timing(rate, tuple(sentences)), tokens


def _moved(timing: Timing, start: int, end: int, rate: int) -> tuple[Sentence, ...]:
    """The sentences of a row that begins at sample `start`; silence up to `end` becomes a pause of the last
    sentence."""

    def at(sample: int) -> int:
        return min(end, start + round(sample * rate / timing.sample_rate))

    sentences = [
        Sentence(
            sentence.source,
            tuple(
                replace(
                    segment,
                    start=at(segment.start),
                    end=at(segment.end),
                    phones=tuple(
                        Phone(phone.symbol, at(phone.start), at(phone.end)) for phone in segment.phones
                    ),
                )
                for segment in sentence.segments
            ),
        )
        for sentence in timing.sentences
    ]
    last = sentences[-1]
    place = last.source[1]
    pause = Segment("pause", "", (place, place), last.end, end)
    return (*sentences[:-1], replace(last, segments=(*last.segments, pause)))
