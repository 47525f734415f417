"""The one writer and the one reader of audio files."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.formats import Bits, Coding, choose_coding, format_named, format_of
from kalakan.audio.resample import Resampler
from kalakan.audio.samples import check_samples
from kalakan.audio.wav import WavWriter
from kalakan.errors import AudioError
from kalakan.storage import is_direct, way_out, whole_file

if TYPE_CHECKING:
    from kalakan.audio.sound import SoundWriter

AudioFile = str | os.PathLike[str] | BinaryIO


def write_audio(
    file: AudioFile,
    audio: Any,
    sample_rate: int,
    format: str | None = None,
    *,
    rate: int | None = None,
    bits: Bits | None = None,
) -> None:
    """Writes mono audio [S] in [-1, 1], a numpy array or a torch tensor, to a path or a binary file object.

    `format` ("wav", "flac", "ogg", "opus", "mp3", "pcm") defaults to the path's suffix, and to wav for a file object or
    a device; `rate` in Hz and `bits` of a sample as for `choose_coding`. Everything is encoded before a byte is
    written, and a path is replaced atomically: a failure leaves the old file. Samples outside [-1, 1] are clipped
    with a `KalakanWarning`. Raises `AudioError` for audio that is empty, not 1-D floating point or not finite, for a
    format, rate or bits that do not exist or cannot be combined, and for a path that cannot be written.
    """
    coding = choose_file_coding(file, sample_rate, format, rate, bits)
    samples = check_samples(audio)
    if isinstance(file, (str, os.PathLike)):
        _write_path(Path(file), coding, [samples])
    else:
        buffer = io.BytesIO()
        _encode(buffer, coding, [samples])
        file.write(buffer.getvalue())


def write_audio_blocks(
    file: AudioFile,
    blocks: Iterable[Any],
    sample_rate: int,
    format: str | None = None,
    *,
    rate: int | None = None,
    bits: Bits | None = None,
) -> None:
    """Writes the blocks [S_i] of one recording in order: `write_audio` for audio of any length.

    Memory holds one block at a time. A path is replaced once the last block is written; a file object receives the
    bytes then. A failure, or an exception of `blocks`, leaves the old file. Raises the errors of `write_audio`.
    """
    coding = choose_file_coding(file, sample_rate, format, rate, bits)
    checked = map(check_samples, blocks)
    if isinstance(file, (str, os.PathLike)):
        _write_path(Path(file), coding, checked)
        return
    with tempfile.TemporaryFile(prefix="kalakan-") as scratch:
        _encode(scratch, coding, checked)
        scratch.seek(0)
        shutil.copyfileobj(scratch, file)


def _check_file(file: Any) -> None:
    """Raises `AudioError` for anything but a path or a file that takes bytes."""
    if isinstance(file, (str, os.PathLike)):
        if "\0" in str(file):
            raise AudioError(f"the file is {str(file)!r}; a path has no null character")
        return
    _check_object(file, "write")
    if isinstance(file, io.IOBase) and not file.writable():
        raise AudioError("the file is open for reading alone; open it with 'wb'")


def _check_object(file: Any, method: str) -> None:
    """Raises `AudioError` for a file of text, an object without that method, and a closed file."""
    if isinstance(file, io.TextIOBase):
        raise AudioError(f"the file is one of text, and audio is bytes; open it with '{method[0]}b'")
    if not callable(getattr(file, method, None)):
        raise AudioError(f"the file is a {type(file).__name__}; give a path or a binary file object")
    if isinstance(file, io.IOBase) and file.closed:
        raise AudioError("the file is closed; give an open one, or its path")


def choose_file_coding(
    file: AudioFile, sample_rate: int, format: str | None, rate: int | None = None, bits: Bits | None = None
) -> Coding:
    """How `write_audio` would store audio at `sample_rate` Hz in `file`; raises the same errors."""
    _check_file(file)
    if format is None and isinstance(file, (str, os.PathLike)) and not is_direct(Path(file)):
        kind = format_of(Path(file))
    else:
        kind = format_named(format or "wav")
    return choose_coding(sample_rate, kind, rate, bits)


def read_audio(file: AudioFile) -> tuple[NDArray[np.float32], int]:
    """Audio [S] in [-1, 1] of a file, channels averaged, and its sample rate in Hz.

    Raises `AudioError` if the file is missing or is not audio that libsndfile can read.
    """
    name = os.fspath(file) if isinstance(file, (str, os.PathLike)) else "the given file object"
    if not isinstance(file, (str, os.PathLike)):
        _check_object(file, "read")
    elif not Path(file).is_file():
        raise AudioError(f"{name} is not a file; give the path of an audio file")
    from kalakan.audio.sound import read_sound  # lazy: libsndfile delays streams

    samples, sample_rate = read_sound(file, name)
    return samples.mean(axis=1, dtype=np.float32), sample_rate


def _write_path(path: Path, coding: Coding, blocks: Iterable[Any]) -> None:
    try:
        with whole_file(path) as file:
            _encode(file, coding, blocks)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AudioError(f"cannot write {path}: {error.strerror or error}; {way_out(error)}") from error


def _encode(file: BinaryIO, coding: Coding, blocks: Iterable[NDArray[np.floating[Any]]]) -> None:
    deque(encoding(file, coding, blocks), maxlen=0)


def encoding(file: BinaryIO, coding: Coding, blocks: Iterable[NDArray[np.floating[Any]]]) -> Iterator[None]:
    """Encodes blocks [S_i] of one recording in [-1, 1] into a file that can seek, a block at each step. The bytes are
    the same however it is cut, at multiples of `kalakan.audio.sound.BLOCK_SAMPLES`. Raises what the file raises."""
    writer = _writer(file, coding)
    resampler = Resampler(coding.source_rate, coding.rate)
    try:
        for block in blocks:
            writer.write(resampler.push(block).clip(-1.0, 1.0))  # a resampler may overshoot
            yield
        writer.write(resampler.flush().clip(-1.0, 1.0))
    finally:
        writer.close()


def _writer(file: BinaryIO, coding: Coding) -> WavWriter | SoundWriter:
    if coding.format.name == "wav":
        return WavWriter(file, coding.rate, coding.subtype)
    from kalakan.audio.sound import SoundWriter  # lazy: WAV needs no libsndfile

    return SoundWriter(file, coding)
