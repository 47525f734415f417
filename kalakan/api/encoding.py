"""Audio formats of the server: their media types, and encoders that run during synthesis."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from kalakan.api.errors import ApiError
from kalakan.audio.encoder import Encoder
from kalakan.audio.files import encoding
from kalakan.audio.formats import Coding, choose_coding, format_named
from kalakan.audio.samples import check_samples, pcm_bytes
from kalakan.errors import AudioError
from kalakan.synthesis.engines.acoustics import Samples

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""Content-Type of each format of OpenAI's interface; opus is in an Ogg container, aac in an ADTS stream."""
STREAMED = frozenset(("mp3", "opus", "flac", "wav", "pcm"))
"""Formats that can be streamed during synthesis."""
OPEN_ENDED = frozenset(("mp3", "opus", "pcm"))
"""Formats streamed by default: their headers, if any, contain no length, so that every reader accepts them."""
REPEATABLE = frozenset(("mp3", "aac", "flac", "wav", "pcm"))
"""Formats with reproducible bytes; an Ogg stream has a random serial number."""
BLOCK_SAMPLES = 1 << 16
"""Maximum number of samples encoded between two places to stop: under a millisecond of work as PCM or FLAC."""
SLOW = {"mp3": 1 << 13, "opus": 1 << 13}
"""The same for slower formats: 2 ms of work as MP3, 8 as Opus."""
_AAC_BITS = 64_000


class Output:
    """A format at a sample rate."""

    def __init__(self, name: str, source_rate: int, rate: int | None = None) -> None:
        """`name` is a key of `MEDIA_TYPES`; raises `ApiError` for aac without an encoder, and for a rate that
        the format does not support."""
        if name == "aac" and aac_encoder() is None:
            others = ", ".join(item for item in MEDIA_TYPES if item != "aac")
            message = f"response_format is 'aac', and this server has no encoder for it; use one of {others}"
            raise ApiError(400, message, param="response_format", code="unsupported_format")
        self.name = name
        """Its name."""
        try:
            coding = choose_coding(source_rate, format_named("wav" if name == "aac" else name), rate)
        except AudioError as error:
            raise ApiError(400, str(error), param="sample_rate", code="invalid_value") from error
        self.coding: Coding = coding
        """Encoding of libsndfile's formats, and the sample rate."""

    @property
    def media_type(self) -> str:
        """Content-Type; for pcm, it describes the sample format."""
        kind = MEDIA_TYPES[self.name]
        return f"{kind};rate={self.coding.rate};channels=1;bits=16" if self.name == "pcm" else kind

    def blocks(self, audio: Samples) -> Iterator[Samples]:
        """Audio [S] in pieces that take at most some milliseconds to encode."""
        size = SLOW.get(self.name, BLOCK_SAMPLES)
        return (audio[start : start + size] for start in range(0, len(audio), size))

    def encoder(self) -> Encoder:
        """An encoder for a stream."""
        return Encoder(self.coding)

    def file(self, audio: Samples) -> bytes:
        """Audio [S] as a whole file, with its length in the header."""
        *_, content = self.steps(audio)
        assert content is not None, "the last step is the file"
        return content

    def steps(self, audio: Samples) -> Iterator[bytes | None]:
        """Yields None at places to stop, and finally `file` of audio [S]."""
        file = io.BytesIO()
        is_aac = self.name == "aac"
        coding = (
            choose_coding(self.coding.source_rate, format_named("pcm"), self.coding.rate)
            if is_aac
            else self.coding
        )
        yield from encoding(file, coding, self.blocks(check_samples(audio)))
        yield encode_aac(file.getvalue(), coding.rate) if is_aac else file.getvalue()


def available() -> tuple[str, ...]:
    """Names of the formats that this server supports."""
    return tuple(name for name in MEDIA_TYPES if name != "aac" or aac_encoder() is not None)


def pcm(pieces: Iterable[Samples]) -> bytes:
    """Samples as 16-bit little-endian PCM."""
    return b"".join(pcm_bytes(np.asarray(piece).clip(-1.0, 1.0), "PCM_16") for piece in pieces)


@cache
def aac_encoder() -> str | None:
    """The available aac encoder: "av" (PyAV), the path of ffmpeg, or None."""
    return "av" if find_spec("av") is not None else shutil.which("ffmpeg")


def encode_aac(content: bytes, rate: int) -> bytes:
    """16-bit mono PCM as an ADTS stream of AAC. Raises `ApiError` if the encoder fails."""
    program = aac_encoder()
    if program == "av":
        return _encode_av(content, rate)
    command = [str(program), "-v", "error", "-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0"]
    result = subprocess.run(
        [*command, "-c:a", "aac", "-b:a", str(_AAC_BITS), "-f", "adts", "pipe:1"],
        input=content,
        capture_output=True,
        check=False,
    )
    if result.returncode:
        raise ApiError(500, "ffmpeg could not encode aac; use another format", code="encoder_failed")
    return result.stdout


def _encode_av(content: bytes, rate: int) -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="adts") as container:
        stream: Any = container.add_stream("aac", rate=rate, layout="mono", bit_rate=_AAC_BITS)
        samples = np.frombuffer(content, "<i2")[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = rate
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()
