"""Gains that keep a speaker's level: what they do to a phrase, and how a voice says them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.cli.level import command as level
from kalakan.errors import VoiceError
from kalakan.evaluation.levels import active_level, level_gains
from kalakan.voices.corrections import EVEN, Levels
from kalakan.voices.describe import describe
from kalakan.voices.package import load_voice

TEXT = "Maakye. Yɛda mo ase, na yɛbɛhyia bio ɔkyena."
CURVES = {"pitch": [[-12.0, 6.0], [0.0, 0.0]], "speed": [[0.5, 2.0], [1.0, 0.0]]}


@pytest.fixture
def leveled(tiny_voice: Path, tmp_path: Path) -> Path:
    voice = load_voice(tiny_voice)
    speaker = voice.manifest.speakers[0]
    return describe(voice, tmp_path / "leveled", levels={speaker: CURVES}).path


def test_gains_are_interpolated_and_constant_outside_their_points() -> None:
    levels = Levels({"ama": CURVES})
    found = [levels.gain("ama", "pitch", value) for value in (-20.0, -12.0, -6.0, 0.0, 12.0)]
    assert found == [6.0, 6.0, 3.0, 0.0, 0.0]
    assert levels.gain("ama", "sounds", 3) == 0.0
    assert EVEN.gain("kofi", "pitch", -12.0) == 0.0


@pytest.mark.parametrize(
    ("changes", "decibels"),
    [
        ({}, 0.0),
        ({"pitch": -12.0}, 6.0),
        ({"pitch": -6.0, "speed": 0.5}, 5.0),
        ({"pitch": 12.0}, 0.0),
    ],
)
def test_the_gains_of_pitch_and_tempo_are_added_to_the_volume(
    tiny_voice: Path, leveled: Path, changes: dict[str, float], decibels: float
) -> None:
    quiet = changes | {"volume": -20.0}  # far from the limiter, which is not linear
    plain = Synthesizer(tiny_voice).synthesize(TEXT, **quiet)
    found = Synthesizer(leveled).synthesize(TEXT, **quiet)
    np.testing.assert_allclose(found, plain * np.float32(10 ** (decibels / 20)), atol=2e-7, rtol=2e-6)


def test_a_stream_has_the_gains_of_the_whole_also_where_markup_changes_the_pitch(leveled: Path) -> None:
    synthesizer = Synthesizer(leveled)
    text = f"<speak>{TEXT} <prosody pitch='-5st'>Meda wo ase.</prosody></speak>"
    whole = synthesizer.synthesize(text, ssml=True)
    streamed = np.concatenate(list(synthesizer.stream(text, ssml=True)))
    np.testing.assert_array_equal(streamed, whole)


def test_short_phrases_get_the_gain_of_their_sounds(tiny_voice: Path, tmp_path: Path) -> None:
    voice = load_voice(tiny_voice)
    speaker = voice.manifest.speakers[0]
    curves = {speaker: {"sounds": [[3.0, -6.0], [5.0, 0.0]]}}
    short = Synthesizer(describe(voice, tmp_path / "v", levels=curves).path)
    for text, decibels in (("Bra", -6.0), ("Kofi", -3.0), ("Akwaaba", 0.0)):
        plain = Synthesizer(tiny_voice).synthesize(text, volume=-20.0)
        found = short.synthesize(text, volume=-20.0)
        np.testing.assert_allclose(found, plain * np.float32(10 ** (decibels / 20)), atol=2e-7, rtol=2e-6)


@pytest.mark.parametrize(
    "levels",
    [
        {"nobody": {}},
        {"*": {"tempo": [[0.0, 1.0]]}},
        {"*": {"pitch": []}},
        {"*": {"pitch": [[0.0, 1.0], [0.0, 2.0]]}},
        {"*": {"pitch": [[0.0, 90.0]]}},
        {"*": {"pitch": [[0.0, True]]}},
        {"*": {"pitch": [0.0, 1.0]}},
        {"*": 3},
    ],
)
def test_levels_that_are_wrong_are_refused_by_name(
    tiny_voice: Path, tmp_path: Path, levels: dict[str, object]
) -> None:
    folder = tmp_path / "v"
    shutil.copytree(tiny_voice, folder)
    record = json.loads((folder / "voice.json").read_text())
    first = record["speakers"][0]
    record["levels"] = {first if name == "*" else name: value for name, value in levels.items()}
    (folder / "voice.json").write_text(json.dumps(record))
    with pytest.raises(VoiceError, match=r"is damaged \(levels"):
        load_voice(folder)


def test_measured_gains_bring_a_pitch_to_the_usual_level(
    tiny_voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SENTENCES", (TEXT,)), ("SHORT", ("Bra. Akwaaba.",)), ("SPEEDS", (1.0, 2.0))):
        monkeypatch.setattr(f"kalakan.evaluation.levels.{name}", value)
    plain = Synthesizer(tiny_voice)
    speaker = plain.speakers[0]
    curves = level_gains(plain)
    assert set(curves) == set(plain.speakers)
    even = Synthesizer(describe(load_voice(tiny_voice), tmp_path / "v", levels=curves).path)
    assert level_gains(even) == curves

    def spread(synthesizer: Synthesizer) -> float:
        shifts = (-12.0, 0.0, 12.0)
        levels = [
            active_level(synthesizer.synthesize(TEXT, speaker=speaker, pitch=shift), synthesizer.sample_rate)
            for shift in shifts
        ]
        return max(levels) - min(levels)

    assert spread(even) <= max(spread(plain), 1.0)


def test_a_place_that_cannot_be_written_is_refused_before_the_measurement(
    tiny_voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "text.txt").write_text("Yoo")

    def measure(synthesizer: Synthesizer) -> None:
        raise AssertionError("it was measured")

    monkeypatch.setattr("kalakan.evaluation.levels.level_gains", measure)
    with pytest.raises(VoiceError, match="is not empty and no voice"):
        level.main([str(tiny_voice), "-o", str(tmp_path / "mine")], standalone_mode=False)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["text.txt"]


@pytest.mark.parametrize("engine", ["onnx", pytest.param("torch", marks=pytest.mark.torch)])
def test_a_copy_on_another_device_has_levels_and_corrections_too(engine: str) -> None:
    synthesizer = Synthesizer(engine=engine)
    assert synthesizer.voice is not None and synthesizer.voice.levels and synthesizer.voice.corrections
    expected = np.asarray(synthesizer.synthesize(TEXT, pitch=-12.0))
    assert np.array_equal(np.asarray(synthesizer.copied_to("cpu").synthesize(TEXT, pitch=-12.0)), expected)
