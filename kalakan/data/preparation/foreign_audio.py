"""Decodes audio and video that soundfile does not read, such as M4A, AMR and WMA, by ffmpeg or PyAV."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.files import read_audio
from kalakan.errors import AudioError
from kalakan.storage import real_path

_TIMEOUT_S = 600
"""Seconds until ffmpeg is given up."""


def decode(path: Path, longest_s: float) -> tuple[NDArray[np.float32], int]:
    """Audio [S] in [-1, 1] of the first audio track, channels averaged, and its rate in Hz; at most `longest_s`.

    Raises `AudioError` for a file that cannot be decoded or has no audio, and where neither ffmpeg nor PyAV is
    installed.
    """
    program = shutil.which("ffmpeg")
    if program is not None:
        return _by_ffmpeg(program, path, longest_s)
    if find_spec("av") is not None:
        return _by_pyav(path, longest_s)
    raise AudioError(
        f"{path.suffix.lower()} needs ffmpeg or PyAV and neither is installed; install one (apt install ffmpeg, pip "
        f"install av) or convert it elsewhere: ffmpeg -i '{path.name}' '{path.stem}.wav'"
    )


def _by_ffmpeg(program: str, path: Path, longest_s: float) -> tuple[NDArray[np.float32], int]:
    with tempfile.TemporaryDirectory(prefix="kalakan-") as folder:
        sound = Path(folder) / "sound.wav"
        command = [program, "-nostdin", "-v", "error"]
        # Only local files: a playlist under another name could ask for any address.
        command += ["-protocol_whitelist", "file", "-i", f"file:{real_path(path)}", "-map", "0:a:0", "-vn"]
        command += ["-t", f"{longest_s:.3f}", "-c:a", "pcm_f32le", "-f", "wav", str(sound)]
        try:
            made = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AudioError(f"ffmpeg cannot decode it ({error})") from error
        if made.returncode or not sound.is_file():
            lines = made.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise AudioError(f"ffmpeg cannot decode it ({lines[-1].strip()})")
        return read_audio(sound)


def _by_pyav(path: Path, longest_s: float) -> tuple[NDArray[np.float32], int]:
    import av

    blocks: list[NDArray[np.float32]] = []
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            if not container.streams.audio:
                raise AudioError("it has no audio")
            track = container.streams.audio[0]
            rate, seen = int(track.rate), 0
            for frame in container.decode(track):
                samples = _mono(frame.to_ndarray(), len(frame.layout.channels))
                blocks.append(samples)
                seen += len(samples)
                if seen >= longest_s * rate:
                    break
    except av.FFmpegError as error:
        raise AudioError(f"PyAV cannot decode it ({error.strerror})") from error
    audio = np.concatenate([*blocks, np.zeros(0, np.float32)])
    return audio[: round(longest_s * rate)], rate


def _mono(values: NDArray[np.generic], channels: int) -> NDArray[np.float32]:
    """The samples [S] of a frame, planar [C, S] or interleaved [1, S * C], channels averaged."""
    planes = values if len(values) == channels else values.reshape(-1, channels).T
    if planes.dtype.kind == "u":  # unsigned 8 bits
        scaled = (planes.astype(np.float32) - 128.0) / 128.0
    elif planes.dtype.kind == "i":
        scaled = planes.astype(np.float32) / float(np.iinfo(planes.dtype).max + 1)  # type: ignore[type-var]
    else:
        scaled = planes.astype(np.float32)
    mono: NDArray[np.float32] = scaled.mean(axis=0, dtype=np.float32)
    return mono
