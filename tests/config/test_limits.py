"""Every number among the settings has a limit that is told before anything is allocated, and takes numpy's numbers."""

from __future__ import annotations

import math
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan import Config, Synthesizer
from kalakan.audio.files import write_audio
from kalakan.audio.harmonic_noise import source_start
from kalakan.config.resolve import resolve
from kalakan.config.schema import MODEL_CONFIGS, Settings
from kalakan.errors import AudioError, ConfigError

COUNTED = {
    "seed",
    *("max_steps", "warmup_steps", "start_step", "patience", "validation_utterances"),
    *("log_every", "validate_every", "checkpoint_every", "picture_every"),
}
"""Numbers that cost nothing, however large they are: when something happens, not how much of it there is."""


def numbers() -> list[tuple[type, str, str, type]]:
    """Model, section, name and type of every setting that is a number."""
    found = []
    for model in MODEL_CONFIGS:
        settings = Settings(model=model())
        sections = [item.name for item in fields(settings) if is_dataclass(getattr(settings, item.name))]
        for section in sections if model is MODEL_CONFIGS[0] else ["model"]:
            values = getattr(settings, section)
            for name, kind in typing.get_type_hints(type(values)).items():
                if kind in (int, float):
                    found.append((model, section, name, kind))
    return found


NUMBERS = numbers()
IDS = [f"{model.__name__}-{section}.{name}" for model, section, name, _ in NUMBERS]


@pytest.mark.parametrize(("model", "section", "name", "kind"), NUMBERS, ids=IDS)
def test_a_number_beyond_reason_is_refused(model: Any, section: str, name: str, kind: type) -> None:
    values: list[Any] = [10**400, -(10**400), 10**5000]
    if kind is float:
        values += [math.inf, math.nan, -math.inf]
    elif name not in COUNTED:
        values += [1_000_000_001]
    for value in values:
        with pytest.raises(ConfigError) as caught:
            resolve({section: {name: value}}, Settings(model=model()))
        assert f"{section}." in str(caught.value)
        assert len(str(caught.value)) < 600


@pytest.mark.parametrize(("model", "section", "name", "kind"), NUMBERS, ids=IDS)
def test_numbers_of_numpy_are_numbers(model: Any, section: str, name: str, kind: type) -> None:
    preset = Settings(model=model())
    value = getattr(getattr(preset, section), name)
    for form in (np.int32, np.int64) if kind is int else (np.float32, np.float64):
        again = getattr(getattr(resolve({section: {name: form(value)}}, preset), section), name)
        assert type(again) is kind
        assert again == pytest.approx(value)


def test_threads_beyond_reason_start_none() -> None:
    with pytest.raises(ConfigError, match=r"inference\.threads is 100000; it must be at most 256"):
        Config({"inference": {"threads": 100_000}})


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.uint32, np.int64, np.uint64])
def test_a_seed_may_be_any_whole_number(streaming_voice: Path, kind: Any) -> None:
    assert source_start(kind(7)) == source_start(7)
    synthesizer = Synthesizer(streaming_voice)
    expected = synthesizer.synthesize("Yoo", seed=7)
    assert np.array_equal(synthesizer.synthesize("Yoo", seed=kind(7)), expected)


@pytest.mark.parametrize("rate", [768_001, 2**40, 10**30])
def test_a_sample_rate_beyond_reason(tmp_path: Path, rate: int) -> None:
    with pytest.raises(AudioError, match=f"sample_rate is {rate}; it must be at least 1 and at most 768000"):
        write_audio(tmp_path / "a.wav", np.zeros(9, np.float32), rate)
