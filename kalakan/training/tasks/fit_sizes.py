"""Model sizes that are determined by the corpus and other settings, not by the section `model`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from kalakan.config.schema import AlignerConfig, FastSpeech2Config, RecognizerConfig, Tacotron2Config
from kalakan.errors import ConfigError
from kalakan.text.phonemes import TABLE_SIZE

Sizes = TypeVar("Sizes", FastSpeech2Config, Tacotron2Config, AlignerConfig, RecognizerConfig)


def fitted(model: Sizes, **decided: Any) -> Sizes:
    """The settings of a model for this phoneme table, with the values of `decided` (`n_mels`, `speakers`) filled in.

    Raises `ConfigError` where the section `model` contradicts them.
    """
    decided["n_phonemes"] = TABLE_SIZE
    default = type(model)()
    for name, value in decided.items():
        said = getattr(model, name)
        if said not in (getattr(default, name), value):
            raise ConfigError(f"model.{name} is {said!r} and {_WHY[name]} {value!r}; leave it out")
    return replace(model, **decided)


_WHY = {
    "n_phonemes": "the phoneme table has",
    "n_mels": "audio.n_mels is",
    "speakers": "the speakers of the corpus are",
}
