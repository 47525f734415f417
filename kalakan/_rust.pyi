"""The compiled core of Kalakan, used by `kalakan.text` and `kalakan.audio`; import those instead."""

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "TEXT_RULES",
    "Again",
    "Done",
    "EnglishLexicon",
    "G2p",
    "Mel",
    "Pipeline",
    "PipelineStage",
    "PipelineTicket",
    "SourceFilter",
    "Stft",
    "TextOptions",
    "__version__",
    "clean_text",
    "currency_look_alikes",
    "currency_signs",
    "is_foreign",
    "letter_names",
    "normalize_counting",
    "normalize_text",
    "parse_units",
    "phoneme_table",
    "phoneme_table_hash",
    "phoneme_table_text",
    "sign_names",
    "split_sentences",
]

__version__: str
TEXT_RULES: str

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
        tones: str,
        cache_size: int,
        normalize: bool,
    ) -> G2p: ...
    def text_to_ids(
        self, text: str, /, language: str | None = None, tones: str | None = None
    ) -> list[int]: ...
    def read(
        self, text: str, /, language: str | None = None, tones: str | None = None
    ) -> tuple[list[int], list[tuple[int, int, int, int]]]: ...
    def texts_to_ids(
        self, texts: list[str], /, language: str | None = None, tones: str | None = None
    ) -> list[list[int]]: ...
    def text_to_units(
        self, text: str, /, language: str | None = None, tones: str | None = None
    ) -> list[str]: ...
    def write_tones(self, text: str, /, language: str | None = None) -> str: ...
    def explain_tones(
        self, text: str, /, language: str | None = None
    ) -> list[tuple[str, str, str, str, str]]: ...
    def word_to_units(self, word: str, /) -> list[str]: ...
    def syllables(self, word: str, /) -> list[list[str]]: ...
    def cache_info(self) -> dict[str, int]: ...
    def unknown(self) -> dict[str, int]: ...
    def clear(self) -> None: ...

def normalize_text(text: str, options: TextOptions, /) -> str: ...
def normalize_counting(text: str, options: TextOptions, /) -> tuple[str, dict[str, int]]: ...
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

# Work on several threads

@final
class Again:
    """Returned by a stage to be called with this payload again after waiting ones, to process long work in slices."""

    def __new__(cls, payload: Any, /) -> Again: ...
    @property
    def payload(self) -> Any: ...

@final
class Done:
    """Returned by a stage if this payload is the result and later stages are not needed."""

    def __new__(cls, payload: Any, /) -> Done: ...
    @property
    def payload(self) -> Any: ...

@final
class PipelineStage:
    """A stage of a pipeline.

    `work` is called with a list of 1 to `max_batch` payloads, and returns as many results in order: the input of the
    next stage, `Again`, `Done`, or an exception, which ends that request. If it raises for several payloads, it is
    called again with each one alone, so it must not modify them. At most `capacity` requests of one priority may be in
    the stage; a worker waits up to `max_wait` seconds for a batch to fill up; `pool` is the pool that serves the stage.
    """

    def __new__(
        cls,
        name: str,
        work: Callable[[list[Any]], Sequence[Any]],
        *,
        capacity: int = 64,
        max_batch: int = 1,
        max_wait: float = 0.0,
        pool: int = 0,
    ) -> PipelineStage: ...

@final
class PipelineTicket:
    """The caller's handle to a request. Dropping it has no effect."""

    def cancel(self) -> bool:
        """Ends the request with `RequestCancelled` immediately; False if it had already ended."""
    @property
    def is_settled(self) -> bool: ...

@final
class Pipeline:
    """Stages on worker threads that hold the GIL only while a stage's function runs.

    `workers` has the number of threads of each pool. Results are returned as they finish, or, with `ordered`, in the
    order of submission. Waits can be interrupted with Ctrl-C. A pipeline keeps its functions alive until it ends; if
    they refer to its owner, it must be aborted. In a forked child it raises `PipelineError`; create a new one there.
    """

    def __new__(
        cls, stages: Sequence[PipelineStage], workers: Sequence[int], *, ordered: bool = False
    ) -> Pipeline: ...
    def submit(
        self,
        payload: Any,
        *,
        key: Any = None,
        reply: Callable[[Any, BaseException | None], object] | None = None,
        priority: int = 1,
        deadline: float | None = None,
        stage: int = 0,
        timeout: float | None = None,
    ) -> PipelineTicket:
        """Sends a payload to a stage as soon as it has a free place, waiting at most `timeout` seconds.

        `reply` is called with value and error in a worker's thread; without it, `result` returns them with `key`.
        `priority` is 0, 1 or 2; lower numbers are served first. No stage starts on a payload after `deadline` seconds.
        Raises `PipelineFull`, `PipelineClosed`.
        """

    def result(self, timeout: float | None = None) -> tuple[Any, Any, BaseException | None] | None:
        """Key, value and error of the next request without a `reply`; None after `timeout` seconds."""

    @property
    def pending(self) -> int:
        """Number of requests without a `reply` whose result has not been taken."""

    @property
    def is_closed(self) -> bool: ...
    def metrics(self) -> dict[str, Any]:
        """Request counts, and for each of the `stages` its `depth`, `in_work`, `wait_s`, `service_s` and `batch`."""

    def drain(self, timeout: float | None = None) -> bool:
        """Stops accepting requests, and waits for the admitted ones; False after `timeout` seconds."""

    def abort(self) -> None:
        """Stops accepting requests; ends waiting ones with `PipelineClosed`, and running ones when they return."""

    def join(self, timeout: float | None = None) -> bool:
        """Waits until the workers of a closed pipeline have ended; False after `timeout` seconds."""
