"""Synthesizes several texts at once; each text keeps its own result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from kalakan.errors import ConfigError, KalakanError, SynthesisError, TextError
from kalakan.synthesis.delivery import Delivery
from kalakan.synthesis.engines.stages import Engine
from kalakan.synthesis.options import SpeakOptions, is_whole
from kalakan.synthesis.reading.phrases import Phrase

Group = tuple[str, list[Phrase]]
"""A text and its phrases."""


def synthesize_texts(
    engine: Engine,
    texts: Iterable[str],
    read: Callable[[str], Iterator[Phrase]],
    options: SpeakOptions,
    batch_size: int,
    errors: str,
) -> list[Any]:
    """Audio [S_i] of each text, or its exception; `read` returns the phrases of a text. See
    `Synthesizer.synthesize_batch`, whose arguments and errors these are."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise TextError(f"the texts are a {type(texts).__name__}; they must be a list of strings")
    if errors not in ("return", "raise"):
        raise ConfigError(f"errors is {errors!r}; it must be 'return' or 'raise'")
    if not is_whole(batch_size) or batch_size < 1:
        raise SynthesisError(f"batch_size is {batch_size!r}; it must be a whole number of at least 1")
    results: list[Any] = list(texts)
    groups: dict[int, Group] = {}
    for index, text in enumerate(results):
        try:
            groups[index] = text, _phrases_of(index, text, read)
        except KalakanError as error:
            if errors == "raise":
                raise
            results[index] = error
    size = int(batch_size)
    try:
        found: Iterable[Any] = _audios(engine, list(groups.values()), options, size)
    except Exception:
        if errors == "raise":
            raise
        found = [_audio_or_error(engine, group, options, size) for group in groups.values()]
    for index, audio in zip(groups, found, strict=True):
        results[index] = audio
    return results


def is_out_of_memory(error: Exception) -> bool:
    """Whether a model did not fit into its device's memory; torch's class is recognized by its name, without torch."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _phrases_of(index: int, text: str, read: Callable[[str], Iterator[Phrase]]) -> list[Phrase]:
    try:
        return list(read(text))
    except TextError as error:
        raise TextError(f"text {index}: {error}") from error


def _audios(engine: Engine, groups: Sequence[Group], options: SpeakOptions, batch_size: int) -> list[Any]:
    """Audio of texts that were read; in smaller batches if this one does not fit into memory."""
    texts, phrases = [text for text, _ in groups], [phrases for _, phrases in groups]
    delivery = Delivery(engine, options, batch_size)
    try:
        return [delivery.joined(chunks) for chunks in delivery.texts(texts, phrases)]
    except Exception as error:
        if batch_size == 1 or not is_out_of_memory(error):
            raise
    return _audios(engine, groups, options, batch_size // 2)


def _audio_or_error(engine: Engine, group: Group, options: SpeakOptions, batch_size: int) -> Any:
    try:
        return _audios(engine, [group], options, batch_size)[0]
    except Exception as error:  # the error belongs to this text; the caller decides what to do with it
        return error
