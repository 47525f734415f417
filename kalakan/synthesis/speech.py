"""The result of a synthesis: audio and its timing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kalakan.audio.files import AudioFile, write_audio
from kalakan.audio.formats import Bits
from kalakan.audio.html import audio_element
from kalakan.synthesis.timing import Timing


@dataclass(frozen=True, eq=False)
class Speech:
    """The synthesized audio of a text, with its timing."""

    audio: Any
    """Audio [S], float32 in [-1, 1]: a numpy array from the onnx engine, a CPU tensor from the torch engine."""
    timing: Timing
    """Timing of its sentences, words, sounds and pauses; `timing.samples` is S."""

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return self.timing.sample_rate

    def save(
        self,
        file: AudioFile,
        format: str | None = None,
        *,
        rate: int | None = None,
        bits: Bits | None = None,
    ) -> None:
        """Writes the audio to a path, in the format of its suffix, or to a binary file object, by default as WAV.

        `format`, `rate` in Hz, `bits` and errors as for `kalakan.audio.files.write_audio`.
        """
        write_audio(file, self.audio, self.sample_rate, format, rate=rate, bits=bits)

    def _repr_html_(self) -> str:
        """An HTML audio player, for notebooks."""
        return audio_element(self.audio, self.sample_rate)
