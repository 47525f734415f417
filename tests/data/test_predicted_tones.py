"""`data.tones`: predicted tones in training, and recordings that contradict them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kalakan.config.schema import AudioConfig, DataConfig
from kalakan.data.dataset import TwiDataset
from kalakan.data.tones import LEAST_STEP, pitch_weights, with_predicted_tones
from kalakan.data.utterance import Utterance
from kalakan.errors import ConfigError, DataError
from kalakan.text.framing import frame
from kalakan.text.phonemes import TONE_IDS, id_to_symbol
from kalakan.text.twi_g2p import TwiG2P

TEXT = "Ɔbaa no resere, na papa no nso reba."
RATE = 24_000


def utterance(text: str, **changes: object) -> Utterance:
    """One whose units are those of its text without tones."""
    units = [id_to_symbol(row) for row in frame(TwiG2P(tones="written").text_to_phoneme_sequence(text))[1:]]
    made = Utterance(
        id="a",
        speaker="s",
        text=text,
        audio=Path("a.flac"),
        units=tuple(units),
        tones=(0,) * len(units),
        frames=(2,) * len(units),
        lead=2.0,
        samples=(2 * len(units) + 6) * 600,
        f0=np.zeros(0, np.float32),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [TEXT, "Papa!", "Yɛbɛhyia bio ɔkyena.", "ɔ̀báá nó rèsèré."])
def test_a_text_gets_the_tones_that_synthesis_gives_it(text: str) -> None:
    (made,), count = with_predicted_tones([utterance(text)])
    assert count == 1
    marks = {1: "˥", 2: "˩", 3: "˧"}
    spelled = [
        symbol
        for unit, tone in zip(made.units, made.tones, strict=True)
        for symbol in (unit, *([marks[tone]] if tone else []))
    ]
    expected = [
        id_to_symbol(row) for row in frame(TwiG2P(tones="predicted").text_to_phoneme_sequence(text))[1:]
    ]
    assert spelled == expected
    assert len(made.frames) == len(made.units)
    assert sum(made.frames) == sum(utterance(text).frames) - 2 * sum(
        unit in {id_to_symbol(row) for row in TONE_IDS} for unit in utterance(text).units
    )


def test_labels_and_other_pronunciations_are_left_alone() -> None:
    labelled = utterance(TEXT, tones=(1, *(0,) * (len(utterance(TEXT).units) - 1)))
    strange = replace(utterance(TEXT), text="Mekɔ sukuu.")
    made, count = with_predicted_tones([labelled, strange])
    assert (made, count) == ([labelled, strange], 0)


def toned(*tones: int, pause: int | None = None) -> Utterance:
    """Vowels of 2 labels (4 frames) each, with these tones; `pause` stands before that one."""
    units = ["a"] * len(tones)
    marks = list(tones)
    if pause is not None:
        units.insert(pause, ",")
        marks.insert(pause, 0)
    return utterance(
        "x", units=tuple(units), tones=tuple(marks), frames=(2,) * len(units), lead=1.0, samples=100 * 600
    )


def track(item: Utterance, *semitones: float) -> np.ndarray:
    """F0 [T] of the vowels, in semitones over 200 Hz; NaN for an unvoiced one."""
    f0 = np.zeros(200, np.float32)
    vowels = [place for place, unit in enumerate(item.units) if unit == "a"]
    for place, height in zip(vowels, semitones, strict=True):
        start = 2 + 4 * place
        f0[start : start + 4] = 0.0 if np.isnan(height) else 200.0 * 2 ** (height / 12)
    return f0


@pytest.mark.parametrize(
    ("item", "semitones", "doubted"),
    [
        (toned(1, 2), (2, 0), ""),
        (toned(1, 2), (0, 2), "01"),
        (toned(2, 1), (2, 0), "01"),
        (toned(2, 1), (0, 2), ""),
        (toned(2, 3), (2, 0), "01"),
        (toned(1, 1), (0, 5), ""),  # equal tones say nothing
        (toned(1, 2), (0, 0.9 * LEAST_STEP), ""),  # too little to say so
        (toned(1, 2, 1), (4, 0, -3), "12"),
        (toned(1, 2, pause=1), (0, 2), ""),  # another phrase
        (toned(1, 2, 2), (0, np.nan, 2), "02"),  # an unvoiced one between them is not heard
        (toned(1, 0, 2), (0, 9, 2), "02"),
    ],
)
def test_frames_are_doubted_where_the_recording_moves_against_the_labels(
    item: Utterance, semitones: tuple[float, ...], doubted: str
) -> None:
    weights = pitch_weights(item, track(item, *semitones), 300, 0.25)
    vowels = [place for place, unit in enumerate(item.units) if unit == "a"]
    expected = np.ones(200, np.float32)
    for number in map(int, doubted):
        expected[2 + 4 * vowels[number] : 6 + 4 * vowels[number]] = 0.25
    np.testing.assert_array_equal(weights, expected)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "audio").mkdir()
    lines = []
    for number, split in enumerate(("train", "train", "validation")):
        item = utterance(TEXT, id=f"clip{number}")
        time = np.arange(item.samples) / RATE
        rising = 0.3 * np.sin(2 * np.pi * (150 * time + 20 * time**2))
        soundfile.write(folder / "audio" / f"{item.id}.flac", rising.astype(np.float32), RATE)
        keys = ("id", "speaker", "text", "units", "frames", "lead", "samples")
        record = {key: getattr(item, key) for key in keys}
        lines.append(json.dumps({**record, "split": split}, ensure_ascii=False))
    (folder / "meta.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_dataset_has_tones_and_weights_only_on_demand(corpus: Path, tmp_path: Path) -> None:
    plain = TwiDataset(corpus, audio=AudioConfig(), features=tmp_path)
    assert "pitch_weight" not in plain[0]
    assert not set(plain[0]["phonemes"].tolist()) & TONE_IDS
    options = DataConfig(tones="predicted", contradicted_weight=0.5)
    data = TwiDataset(corpus, audio=AudioConfig(), data=options, features=tmp_path)
    item = data[0]
    assert set(item["phonemes"].tolist()) & TONE_IDS
    assert item["pitch_weight"].shape == item["pitch"].shape
    assert set(item["pitch_weight"].tolist()) == {0.5, 1.0}  # F0 only rises
    assert int(item["durations"].sum()) == int(plain[0]["durations"].sum())
    batch = data.__getitems__([0, 1])
    assert batch[0]["pitch_weight"].shape == batch[0]["pitch"].shape


def test_a_corpus_that_gets_no_tones_is_refused(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "audio").symlink_to(corpus / "audio")
    text = (corpus / "meta.jsonl").read_text(encoding="utf-8").replace(TEXT, "Mekɔ sukuu.")
    (tmp_path / "meta.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"data\.tones is 'predicted' and no transcript is read as the units"):
        TwiDataset(tmp_path, data=DataConfig(tones="predicted"), features=tmp_path / "features")


def test_tones_come_from_one_of_two_places() -> None:
    with pytest.raises(ConfigError, match=r"data\.tones"):
        DataConfig(tones="marked")
    with pytest.raises(ConfigError, match=r"data\.contradicted_weight"):
        DataConfig(contradicted_weight=1.5)
