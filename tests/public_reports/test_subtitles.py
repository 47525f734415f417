"""Public reports of other programs' faults in subtitles and streams, as trials of the `Synthesizer`."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.synthesis.subtitles import format_subtitles


@pytest.fixture(scope="module")
def synthesizer(streaming_voice: Path) -> Synthesizer:
    return Synthesizer(streaming_voice)


def _srt(synthesizer: Synthesizer, text: str) -> list[list[str]]:
    """The lines of each cue."""
    written = format_subtitles(synthesizer.speak(text).timing, text, "srt")
    return [cue.split("\n") for cue in written.strip().split("\n\n")]


def test_cues_are_numbered_without_a_gap(synthesizer: Synthesizer) -> None:
    """denizsafak/abogen#41"""
    cues = _srt(synthesizer, "Maakye.\n\n***\n\nDa yie.\n???\nAkwaaba.\n")
    assert [int(cue[0]) for cue in cues] == list(range(1, len(cues) + 1))
    assert all(re.search(r"\w", "".join(cue[2:])) for cue in cues)


def test_times_are_those_of_the_audio_in_a_long_book(quick_voice: Path) -> None:
    """readbeyond/aeneas#243"""
    book = "\n".join(f"Asɛm {number}: Kofi kɔɔ fie na ɔdaeɛ." for number in range(300))
    speech = Synthesizer(quick_voice).speak(book)
    sentences = speech.timing.sentences
    assert len(sentences) == 300
    assert sentences[-1].end == len(speech.audio)
    phones = [phone for sentence in sentences for part in sentence.segments for phone in part.phones]
    assert all(before.end == after.start for before, after in pairwise(phones))


@pytest.mark.parametrize("text", ["Maakye.", "Mepa wo kyɛw, wo din de sɛn? Me din de Kofi, na mete Kumase."])
@pytest.mark.parametrize(
    "options",
    [{}, {"speaker": "kwame"}, {"speed": 0.7}, {"pitch": 4.0}],
    ids=["plain", "speaker", "speed", "pitch"],
)
def test_pieces_of_a_stream_meet_without_a_step(
    synthesizer: Synthesizer, text: str, options: dict[str, object]
) -> None:
    """remsky/Kokoro-FastAPI#463"""
    joined = np.concatenate(list(synthesizer.stream(text, **options)))  # type: ignore[arg-type]
    assert np.array_equal(joined, synthesizer.synthesize(text, **options))  # type: ignore[arg-type]
