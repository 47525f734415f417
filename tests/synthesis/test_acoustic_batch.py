"""The controls of a batch are what request, markup and levels say for each id."""

from __future__ import annotations

import numpy as np
import pytest

from kalakan.synthesis.engines.stages import acoustic_batch
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import Phrase
from kalakan.synthesis.script import PLAIN, Prosody
from kalakan.voices.corrections import Levels

LEVELS = Levels(
    {"a": {"pitch": [[-4.0, -2.0], [0.0, 0.0], [4.0, 3.0]], "speed": [[0.5, 1.0], [1.0, 0.0], [2.0, -1.0]]}}
)
KINDS = (PLAIN, Prosody(speed=1.5), Prosody(pitch=3.0, volume=-6.0), Prosody(speed=3.0, pitch=-20.0))


def phrases(count: int, kinds: int) -> list[Phrase]:
    """Of different lengths, each id with one of the first `kinds` prosodies."""
    rng = np.random.default_rng(count)
    lengths = rng.integers(2, 9, count)
    return [
        Phrase(
            list(range(2, 2 + length)),
            (),
            tuple(KINDS[kind] for kind in rng.integers(0, kinds, length)),
            (0, 1),
        )
        for length in lengths.tolist()
    ]


def expected(given: list[Phrase], row: int, place: int, options: SpeakOptions) -> dict[str, float]:
    """By the definition, for one id; the default behind the end of a phrase."""
    length = len(given[row].ids)
    own = given[row].prosody[place] if place < length else None
    speed = 1.0 if own is None else min(max(options.speed * own.speed, 0.5), 2.0)
    pitch = 0.0 if own is None else min(max(options.pitch + own.pitch, -12.0), 12.0)
    volume = 0.0 if own is None else min(max(options.volume + own.volume, -20.0), 12.0)
    volume += LEVELS.gain("a", "pitch", pitch) + LEVELS.gain("a", "speed", speed)
    return {"speed": speed, "pitch": pitch, "volume": volume}


@pytest.mark.parametrize("kinds", [1, 2, 4])
@pytest.mark.parametrize("options", [SpeakOptions(), SpeakOptions(speed=1.25, pitch=2.0, volume=3.0)])
def test_every_id_has_its_values(kinds: int, options: SpeakOptions) -> None:
    given = phrases(7, kinds)
    batch = acoustic_batch(given, options, ["a"], LEVELS)
    longest = max(len(phrase.ids) for phrase in given)
    assert batch.ids.shape == (7, longest)
    for row in range(7):
        np.testing.assert_array_equal(batch.ids[row, : len(given[row].ids)], given[row].ids)
        for place in range(len(given[row].ids)):
            for name, value in expected(given, row, place, options).items():
                array = getattr(batch, name)
                default = {"speed": 1.0, "pitch": 0.0, "volume": 0.0}[name]
                found = default if array is None else array[row, min(place, array.shape[1] - 1)]
                assert found == pytest.approx(value, abs=1e-5), (name, row, place)


def test_one_value_for_all_is_no_array_of_ids() -> None:
    batch = acoustic_batch(phrases(3, 1), SpeakOptions(speed=1.5), ["a"])
    assert batch.speed is not None
    assert batch.speed.tolist() == [[1.5]] * 3
    assert batch.pitch is None
    assert batch.volume is None
