"""The compiled core of Kalakan. Use `kalakan.text` and `kalakan.audio`; this is their typed floor."""

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
    """What a stage returns to be called with this payload again, after those that wait: long work in slices."""

    def __new__(cls, payload: Any, /) -> Again: ...
    @property
    def payload(self) -> Any: ...

@final
class Done:
    """What a stage returns where this payload is the result and no later stage is needed."""

    def __new__(cls, payload: Any, /) -> Done: ...
    @property
    def payload(self) -> Any: ...

@final
class PipelineStage:
    """A stage of a pipeline.

    `work` is called with a list of 1 to `max_batch` payloads, and returns as many results in their order: what goes
    to the next stage, `Again`, `Done`, or an exception, which ends that request. Where it raises for several, it is
    called again with each alone, so it must not have changed them. `capacity` requests of one priority may be in the
    stage; a worker waits up to `max_wait` seconds for a batch to fill up; `pool` is whose workers serve the stage.
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
    """The caller's hold on a request. Dropping it changes nothing."""

    def cancel(self) -> bool:
        """Ends the request with `RequestCancelled`, at once; False where it had ended before."""
    @property
    def is_settled(self) -> bool: ...

@final
class Pipeline:
    """Stages on worker threads that hold the GIL only while a stage's function runs.

    `workers` has the number of threads of each pool. Results come first done first, or, with `ordered`, in the order
    of submission. Waits answer Ctrl-C. Until it ends, a pipeline keeps its functions alive: one whose functions refer
    to its owner needs to be aborted. A forked child raises `PipelineError`; it makes a pipeline of its own.
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
        """Sends a payload to a stage, as soon as there is a place for it within `timeout` seconds.

        With `reply` that is called with value and error, in a worker's thread; else they wait under `key` for
        `result`. `priority` is 0, 1 or 2, the lower served first; no stage begins with a payload `deadline` seconds
        from now. Raises `PipelineFull`, `PipelineClosed`.
        """

    def result(self, timeout: float | None = None) -> tuple[Any, Any, BaseException | None] | None:
        """Key, value and error of the next request without a `reply`; None where `timeout` seconds are over."""

    @property
    def pending(self) -> int:
        """Requests without a `reply` whose result nobody has taken."""

    @property
    def is_closed(self) -> bool: ...
    def metrics(self) -> dict[str, Any]:
        """Counts of requests, and of each of the `stages` its `depth`, `in_work`, `wait_s`, `service_s`, `batch`."""

    def drain(self, timeout: float | None = None) -> bool:
        """Takes no more requests, and waits for those that are in; False where `timeout` seconds are over."""

    def abort(self) -> None:
        """Takes no more requests; ends those that wait with `PipelineClosed`, and those in work when they return."""

    def join(self, timeout: float | None = None) -> bool:
        """Waits until the workers of a closed pipeline have ended; False where `timeout` seconds are over."""
