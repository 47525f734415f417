"""Melody against recordings that obey their tones, contradict them, or say nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kalakan.errors import DataError
from kalakan.evaluation.melody import (
    FEWEST,
    LEVELS,
    Clip,
    Melody,
    format_melody,
    labels_of,
    measure,
    read_clips,
    semitones,
    without_course,
)
from kalakan.evaluation.timeline import HIGH, LOW, Segment, nuclei, timeline
from kalakan.text.phonemes import TONE_IDS
from kalakan.text.twi_g2p import TwiG2P

READER = TwiG2P(tones="predicted", english=False)
SENTENCES = (
    "ɔbaa no kɔɔ sukuu",
    "me pɛ sika ne adwuma",
    "abofra no didi wɔ fie",
    "obi a ɔnim twi wɔ hɔ",
    "ɔkyerɛɛ me kwan no",
    "nsuo no mu yɛ den",
)
RATE = 16000


def contour(text: str, step: float, flipped: str = "") -> NDArray[np.float64]:
    """F0 in Hz of each nucleus: `step` semitones up for high and down for low, the other way in one word."""
    labels = labels_of(text, READER)
    up = [LEVELS[label.tone] * (-1.0 if label.word == flipped else 1.0) for label in labels]
    return 120.0 * 2.0 ** (np.array(up) * step / 12.0)


def clips(step: float, flipped: str = "") -> list[Clip]:
    texts = [text for _ in range(2) for text in SENTENCES]
    return [Clip(str(number), "one", text, contour(text, step, flipped)) for number, text in enumerate(texts)]


def test_labels_line_up_with_words_and_nuclei() -> None:
    labels = labels_of("Ɔbaa no, ɛnnɛ.", READER)
    assert [(label.word, label.place, label.tone) for label in labels] == [
        ("ɔbaa", 0, LOW),
        ("ɔbaa", 1, HIGH),
        ("ɔbaa", 2, HIGH),
        ("no", 0, HIGH),
        ("ɛnnɛ", 0, LOW),
        ("ɛnnɛ", 1, LOW),
        ("ɛnnɛ", 2, HIGH),
    ]
    assert labels[0].rule == "word"
    assert labels[3].rule == "word+context"


def test_recordings_that_obey_agree_and_others_do_not() -> None:
    good, bad = Melody(clips(1.5), READER), Melody(clips(-1.5), READER)
    # Below 1: F0 is held against its clip's median, and clips differ in how many of their tones are high.
    assert good.agreement(good.levels)["r"] > 0.65
    assert good.agreement(good.levels)["direction_percent"] == 100.0
    assert bad.agreement(bad.levels)["r"] < -0.65
    assert bad.agreement(bad.levels)["direction_percent"] == 0.0
    low, high = good.agreement(good.levels)["intervals"]["r"]
    assert low <= good.agreement(good.levels)["r"] <= high + 1e-9
    contrast = good.contrasts()["rule"]["word"]
    assert contrast.interval[0] < contrast.semitones < contrast.interval[1]
    assert contrast.semitones == pytest.approx(3.0, abs=1.0)


def test_a_word_that_says_something_else_is_found() -> None:
    text = "ɔbaa no kɔɔ fie na sika no wɔ mu"
    recordings = [Clip(str(n), "one", text, contour(text, 2.0, "sika")) for n in range(FEWEST)]
    # A contour without any change from clip to clip has no interval to speak of.
    rng = np.random.default_rng(1)
    recordings = [
        Clip(clip.name, clip.speaker, clip.text, clip.f0 * 2.0 ** (rng.normal(0, 0.1, len(clip.f0)) / 12.0))
        for clip in recordings
    ]
    against, open_ones = Melody(recordings, READER).findings()
    assert {finding.word for finding in against} == {"sika"}
    assert not open_ones
    assert not Melody(recordings[1:], READER).findings()[0]


def test_words_learned_from_recordings_are_not_scored_on_them() -> None:
    melody = Melody(clips(1.5), READER)
    every = melody.agreement(melody.levels)["syllables"]
    melody.is_learned[:10] = True
    assert melody.agreement(melody.levels)["syllables"] == every - 10


def test_the_course_of_a_sentence_and_octave_errors_count_for_nothing() -> None:
    place = np.linspace(0, 1, 12)
    assert without_course(3.0 - 4.0 * place + place**2, place) == pytest.approx(np.zeros(12), abs=1e-9)
    values = semitones(np.array([100.0, 200.0, 0.0, 100.0]), np.zeros(4, np.int64))
    assert values[:2] == pytest.approx([0.0, 12.0])
    assert math.isnan(values[2])
    text = SENTENCES[0]
    f0 = contour(text, 1.0)
    f0[2] *= 4.0
    assert np.isnan(Melody([Clip("a", "one", text, f0)], READER).recorded).sum() == 1


def test_a_voice_that_follows_its_labels_is_scored_by_its_sound(tmp_path: Path) -> None:
    table = tmp_path / "clips.tsv"
    lines = ["clip\tspeaker\ttext\tf0_hz"]
    for clip in clips(1.5):
        lines += [f"{clip.name}\t{clip.speaker}\t{clip.text}\t{hertz:.2f}" for hertz in clip.f0]
    lines += ["odd\tone\tɔbaa no\t100"]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def speak(ids: Sequence[int], speaker: str) -> tuple[NDArray[np.float32], int, list[Segment]]:
        assert speaker == "someone"
        segments = timeline(ids, [0 if unit in TONE_IDS else 12 for unit in ids], 0.0125)
        hertz = np.full(round(segments[-1].end_s * RATE), 110.0)
        for segment in nuclei(segments):
            first, last = round(segment.start_s * RATE), round(segment.end_s * RATE)
            hertz[first:last] = 110.0 * 2.0 ** (LEVELS[segment.tone] * 2.0 / 12.0)
        phase = np.cumsum(hertz) / RATE
        return (0.5 * np.sign(np.sin(2 * np.pi * phase))).astype(np.float32), RATE, segments

    report = measure(table, speak, ["someone"], READER)
    assert (report["clips"], report["clips_left_out"]) == (12, 1)
    found = report["speakers"]["someone"]
    assert found["r"] > 0.9
    assert report["share_of_labels"]["someone"] == pytest.approx(found["r"] / report["labels"]["r"])
    assert json.loads(json.dumps(report))["labels"]["r"] > 0.65
    printed = format_melody(report)
    assert "someone" in printed
    assert "12 clips (1 left out" in printed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("clip\tspeaker\ttext\n", "has no column f0_hz"),
        ("clip\tspeaker\ttext\tf0_hz\na\tb\tno\tlow\n", "line 2: f0_hz is 'low'"),
        ("clip\tspeaker\ttext\tf0_hz\na\tb\tno\t-3\n", "line 2: f0_hz is '-3'"),
        ("clip\tspeaker\ttext\tf0_hz\n", "holds no clip"),
    ],
)
def test_tables_that_cannot_be_used_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "clips.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_clips(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_clips(tmp_path / "none.tsv")


def test_recordings_of_other_texts_are_no_melody() -> None:
    with pytest.raises(DataError, match="no clip has as many nuclei"):
        Melody([Clip("a", "one", "ɔbaa no", np.array([100.0]))], READER)
