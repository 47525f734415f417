"""Texts at the edges: one sound, nothing, thousands of words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kalakan.errors import TextError
from kalakan.synthesis.synthesizer import Synthesizer

SILENT = 0.01
"""Amplitude below which a sample is silence (-40 dB)."""


@pytest.fixture(scope="module")
def default() -> Synthesizer:
    return Synthesizer()


@pytest.mark.parametrize(
    "text", ["a", "ɔ", "Yoo", "n", "5", "Akwaaba!", "aane?", "Wo ho te sɛn? Me ho yɛ, meda wo ase."]
)
def test_no_more_silence_than_half_a_second_at_either_end(default: Synthesizer, text: str) -> None:
    audio = np.abs(default.synthesize(text))
    loud = np.flatnonzero(audio > SILENT)
    assert len(loud), "something is heard"
    assert loud[0] <= 0.5 * default.sample_rate
    assert len(audio) - loud[-1] <= 0.5 * default.sample_rate


@pytest.mark.parametrize("text", ["a", "n", "Yoo"])
def test_one_word_is_no_longer_than_it_warrants(default: Synthesizer, text: str) -> None:
    speech = default.speak(text)
    assert [word.text for word in speech.timing.words] == [text]
    assert len(speech.audio) < 1.5 * default.sample_rate


@pytest.mark.parametrize("text", ["?", "", " ", "…", "😀"])
@pytest.mark.parametrize("method", ["synthesize", "speak", "stream"])
def test_nothing_to_speak_is_a_clear_error(quick_voice: Path, text: str, method: str) -> None:
    with pytest.raises(TextError, match="give words or numbers to speak"):
        list(getattr(Synthesizer(quick_voice), method)(text))


@pytest.mark.parametrize("end", ["", "."])
def test_thousands_of_words_are_each_spoken_once(quick_voice: Path, end: str) -> None:
    words = [
        f"{word}{end if index % 8 == 7 else ''}"
        for index, word in enumerate(["me", "ne", "wo", "bɛkɔ"] * 1250)
    ]
    speech = Synthesizer(quick_voice).speak(" ".join(words))
    found = [word.text for word in speech.timing.words if word.end > word.start]
    assert found == words
    assert speech.timing.samples == len(speech.audio)
