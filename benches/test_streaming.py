"""Streams of the default voice at one thread. `pytest benches/test_streaming.py --benchmark-only`

Equality with the whole is asserted first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.voices.package import DEFAULT
from streaming import TEXTS

pytestmark = pytest.mark.skipif(
    not (DEFAULT / "voice.json").is_file(), reason="no default voice in this checkout"
)


@pytest.fixture(scope="module")
def synthesizer() -> Iterator[Synthesizer]:
    yield Synthesizer(config={"inference": {"threads": 1}})


@pytest.mark.benchmark(group="first audio")
@pytest.mark.parametrize("name", TEXTS)
def test_first_audio(benchmark: Any, synthesizer: Synthesizer, name: str) -> None:
    joined = np.concatenate(list(synthesizer.stream(TEXTS[name])))
    np.testing.assert_allclose(joined, synthesizer.synthesize(TEXTS[name]), atol=1e-4)
    benchmark(lambda: next(synthesizer.stream(TEXTS[name])))


@pytest.mark.benchmark(group="whole stream")
@pytest.mark.parametrize("way", ["stream", "whole"])
def test_whole_stream(benchmark: Any, synthesizer: Synthesizer, way: str) -> None:
    text = TEXTS["paragraph"]
    if way == "stream":
        benchmark(lambda: list(synthesizer.stream(text)))
    else:
        benchmark(synthesizer.synthesize, text)
