"""The compiled core of Kalakan. Use `kalakan.text` and `kalakan.audio`; this is their typed floor."""

from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EnglishLexicon",
    "G2p",
    "Mel",
    "SourceFilter",
    "Stft",
    "TextOptions",
    "__version__",
    "clean_text",
    "currency_look_alikes",
    "currency_signs",
    "is_foreign",
    "letter_names",
    "normalize_text",
    "parse_units",
    "phoneme_table",
    "phoneme_table_hash",
    "phoneme_table_text",
    "sign_names",
    "split_sentences",
]

__version__: str

# Text

@final
class TextOptions:
    def __new__(cls, *, variety: str, human: bool, chat: str, clock_to_hour: bool) -> TextOptions: ...

@final
class EnglishLexicon:
    def __new__(cls, text: bytes, /) -> EnglishLexicon: ...

@final
class G2p:
    def __new__(
        cls,
        options: TextOptions,
        *,
        lexicon: list[tuple[str, str, str]],
        english: Callable[[], EnglishLexicon] | None,
        tone: str,
        cache_size: int,
        normalize: bool,
    ) -> G2p: ...
    def text_to_ids(self, text: str, /, language: str | None = None) -> list[int]: ...
    def read(
        self, text: str, /, language: str | None = None
    ) -> tuple[list[int], list[tuple[int, int, int, int]]]: ...
    def texts_to_ids(self, texts: list[str], /, language: str | None = None) -> list[list[int]]: ...
    def text_to_units(self, text: str, /, language: str | None = None) -> list[str]: ...
    def word_to_units(self, word: str, /) -> list[str]: ...
    def syllables(self, word: str, /) -> list[list[str]]: ...
    def cache_info(self) -> dict[str, int]: ...
    def unknown(self) -> dict[str, int]: ...
    def clear(self) -> None: ...

def normalize_text(text: str, options: TextOptions, /) -> str: ...
def clean_text(text: str, options: TextOptions, /) -> str: ...
def split_sentences(text: str, /) -> list[tuple[int, int]]: ...
def letter_names() -> list[tuple[str, str]]: ...
def sign_names() -> list[tuple[str, str]]: ...
def currency_signs() -> list[tuple[str, bool]]: ...
def currency_look_alikes() -> list[tuple[str, str]]: ...
def is_foreign(word: str, /) -> bool: ...
def phoneme_table() -> list[tuple[str, str, str, str]]: ...
def phoneme_table_text() -> str: ...
def phoneme_table_hash() -> str: ...
def parse_units(units: str, /) -> list[int]: ...

# Audio: arrays are copied on entry, results are C-contiguous

@final
class Stft:
    def __new__(cls, n_fft: int, win_length: int, hop_length: int) -> Stft: ...
    def forward(self, audio: NDArray[np.float32], /) -> NDArray[np.complex64]: ...
    def inverse(self, spectrum: NDArray[np.complex64], /) -> NDArray[np.float32]: ...
    def griffin_lim(
        self,
        magnitude: NDArray[np.float32],
        /,
        *,
        n_iter: int,
        momentum: float,
        seed: int | None,
        threads: int,
    ) -> NDArray[np.float32]: ...

@final
class Mel:
    def __new__(
        cls,
        *,
        sample_rate: float,
        n_fft: int,
        win_length: int,
        hop_length: int,
        n_mels: int,
        fmin: float,
        fmax: float,
        floor: float,
    ) -> Mel: ...
    def filters(self) -> NDArray[np.float32]: ...
    def log_mel(self, audio: NDArray[np.float32], /) -> NDArray[np.float32]: ...
    def magnitudes(self, mel: NDArray[np.float32], /) -> NDArray[np.float32]: ...
    def to_audio(
        self,
        mel: NDArray[np.float32],
        /,
        *,
        n_iter: int,
        momentum: float,
        seed: int | None,
        threads: int,
    ) -> NDArray[np.float32]: ...

@final
class SourceFilter:
    def __new__(
        cls,
        *,
        sample_rate: float,
        hop_length: int,
        n_fft: int,
        subframes: int,
        noise_cut: float,
        noise_cut_below: float,
        noise_cut_from: float,
    ) -> SourceFilter: ...
    @property
    def context(self) -> int: ...
    def render(
        self,
        filters: NDArray[np.float32],
        f0: NDArray[np.float32],
        /,
        first_frame: int,
        phase: float,
        noise: int,
    ) -> NDArray[np.float32]: ...
