"""The one writer and the one reader of audio files."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from kalakan.errors import AudioError, KalakanWarning

AudioFile = str | os.PathLike[str] | BinaryIO
WAV_FRAMES = 2**30
"""Most samples of a streamed WAV: its sizes are 32-bit numbers of bytes, and a sample may take four."""


def write_audio(
    file: AudioFile, audio: Any, sample_rate: int, format: str | None = None, subtype: str | None = None
) -> None:
    """Writes mono audio [S] in [-1, 1], a numpy array or a torch tensor, to a path or a binary file object.

    `format` ("WAV", "FLAC", "OGG", ...) defaults to the path's suffix, and to WAV for a file object; `subtype` to
    PCM_16, or to the format's own default where it has no PCM_16. Everything is encoded before a byte is written,
    and a path is replaced in one step: a failure leaves what was there. Samples outside [-1, 1] are clipped with a
    `KalakanWarning`. Raises `AudioError` for audio that is empty, not 1-D floating point or not finite, for an
    unknown format, and for a place that cannot be written.
    """
    samples = _checked(audio)
    if isinstance(file, (str, os.PathLike)):
        path = Path(file)
        _replace(path, _encode(samples, sample_rate, format or _format_of(path), subtype))
    else:
        file.write(_encode(samples, sample_rate, format or "WAV", subtype))


def write_audio_blocks(
    file: AudioFile,
    blocks: Iterable[Any],
    sample_rate: int,
    format: str | None = None,
    subtype: str | None = None,
) -> None:
    """Writes the blocks [S_i] of one recording one after the other: `write_audio` for audio of any length.

    Memory holds one block at a time. A path is replaced once the last block is written; a file object receives the
    bytes then. A failure, or an exception of `blocks`, leaves what was there. Raises as `write_audio`.
    """
    if isinstance(file, (str, os.PathLike)) and not _is_direct(Path(file)):
        path = Path(file)
        target = path.resolve()
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        format = format or _format_of(path)
        try:
            try:
                temporary.open("xb").close()  # says what is wrong with the place, which libsndfile does not
                _encode_blocks(temporary, blocks, sample_rate, format, subtype)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise AudioError(f"cannot write {path}: {error.strerror or error}; {_way_out(error)}") from error
        return
    with tempfile.TemporaryDirectory(prefix="kalakan-") as folder:
        scratch = Path(folder) / "audio"
        _encode_blocks(scratch, blocks, sample_rate, format or "WAV", subtype)
        with scratch.open("rb") as source:
            if isinstance(file, (str, os.PathLike)):
                _copy_to_device(source, Path(file))
            else:
                shutil.copyfileobj(source, file)


def read_audio(file: AudioFile) -> tuple[NDArray[np.float32], int]:
    """Audio [S] in [-1, 1] of a file, channels averaged, and its sample rate in Hz.

    Raises `AudioError` when there is no such file or it is not audio that libsndfile reads.
    """
    name = os.fspath(file) if isinstance(file, (str, os.PathLike)) else "the given file object"
    if isinstance(file, (str, os.PathLike)) and not Path(file).is_file():
        raise AudioError(f"{name} is not a file; give the path of an audio file")
    try:
        samples, sample_rate = soundfile.read(file, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{name} cannot be read as audio: {error}") from error
    return samples.mean(axis=1, dtype=np.float32), int(sample_rate)


def _checked(audio: Any) -> NDArray[np.floating[Any]]:
    """Audio as a float array in [-1, 1]."""
    # A torch tensor, known by its methods: this file must not import torch. float() because numpy has no bfloat16.
    samples = np.asarray(audio.detach().cpu().float() if hasattr(audio, "detach") else audio)
    if samples.ndim != 1 or samples.size == 0:
        raise AudioError(f"audio has shape {list(samples.shape)}; it must be one non-empty dimension [S]")
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"audio has dtype {samples.dtype}; it must be floating point in [-1, 1]")
    if not np.isfinite(samples).all():
        raise AudioError("audio has NaN or infinity; every sample must be finite")
    peak = float(np.abs(samples).max())
    if peak > 1.0:
        warnings.warn(f"audio peaks at {peak:.3g} and is clipped to [-1, 1]", KalakanWarning, stacklevel=3)
        samples = samples.clip(-1.0, 1.0)
    return samples


def _format_of(path: Path) -> str:
    name = path.suffix.removeprefix(".").upper()
    if name in {"WAV", "WAVE"}:
        return "WAV"
    if name not in soundfile.available_formats():
        raise AudioError(f"{path} has no known audio suffix; use .wav, .flac or .ogg, or pass format=")
    return name


def _encode(samples: NDArray[np.floating[Any]], sample_rate: int, format: str, subtype: str | None) -> bytes:
    subtype = _subtype_of(format, subtype, sample_rate)
    buffer = io.BytesIO()
    try:
        soundfile.write(buffer, samples, sample_rate, subtype=subtype, format=format)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"audio at {sample_rate} Hz cannot be encoded as {format}: {error}") from error
    return buffer.getvalue()


def _encode_blocks(
    path: Path, blocks: Iterable[Any], sample_rate: int, format: str, subtype: str | None
) -> None:
    subtype = _subtype_of(format, subtype, sample_rate)
    try:
        with soundfile.SoundFile(path, "w", sample_rate, 1, subtype, format=format) as file:
            for block in blocks:
                samples = _checked(block)
                _check_room(format, file.frames + len(samples))
                file.write(samples)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"audio at {sample_rate} Hz cannot be written as {format}: {error}") from error


def _check_room(format: str, frames: int) -> None:
    if format.upper() == "WAV" and frames >= WAV_FRAMES:
        raise AudioError(f"{frames} samples are more than a WAV file holds; write .flac or .ogg")


def _subtype_of(format: str, subtype: str | None, sample_rate: int) -> str | None:
    if sample_rate < 1:
        raise AudioError(f"sample_rate is {sample_rate}; it must be at least 1")
    if format.upper() not in soundfile.available_formats():
        raise AudioError(f"{format} is not an audio format; use WAV, FLAC or OGG")
    if subtype is None and soundfile.check_format(format, "PCM_16"):
        subtype = "PCM_16"
    if subtype is not None and not soundfile.check_format(format, subtype):
        possible = ", ".join(soundfile.available_subtypes(format))
        raise AudioError(f"{format} cannot hold {subtype}; it can hold {possible}")
    return subtype


def _copy_to_device(source: BinaryIO, path: Path) -> None:
    try:
        with path.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AudioError(f"cannot write {path}: {error.strerror or error}; {_way_out(error)}") from error


def _is_direct(path: Path) -> bool:
    """True for a device or a pipe (/dev/stdout), which is written to and not replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _replace(path: Path, content: bytes) -> None:
    """Puts `content` at `path` in one step, through a temporary file beside it."""
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        if _is_direct(target):
            target.write_bytes(content)
            return
        try:
            temporary.write_bytes(content)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise AudioError(f"cannot write {path}: {error.strerror or error}; {_way_out(error)}") from error


def _way_out(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "make its folder first, or choose another"
    if isinstance(error, IsADirectoryError):
        return "add a file name"
    return "choose a place you may write to, with room left"
