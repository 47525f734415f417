"""Durations that come back from TextGrids."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kalakan.audio.textgrid import format_tiers, parse_tiers
from kalakan.config.schema import DataConfig
from kalakan.data.dataset import TwiDataset
from kalakan.data.labels import LABEL_SAMPLES, read_corrected
from kalakan.data.manifest import read_manifest
from kalakan.data.utterance_textgrid import textgrid_of
from kalakan.errors import AudioError, DataError
from tiny_corpus import make_corpus

RATE = 24_000
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
1.5
<exists>
2
"IntervalTier"
"words"
0
1.5
1
0
1.5
"say ""yoo"" 2"
"TextTier"
"points"
0
1.5
1
0.5
"x"
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_corpus(tmp_path / "corpus", clips=4)


def edges(folder: Path) -> dict[str, np.ndarray]:
    """Ends in seconds of the lead and of each unit."""
    return {
        item.id: np.cumsum([item.lead, *item.frames]) * item.label_samples / RATE
        for item in read_manifest(folder)
    }


def write_grids(corpus: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for item in read_manifest(corpus):
        (folder / f"{item.id}.TextGrid").write_text(textgrid_of(item, RATE), encoding="utf-8")


def forget(corpus: Path) -> None:
    """Removes the durations of all but one utterance."""
    path = corpus / "meta.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for record in records[1:]:
        del record["frames"], record["lead"]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def test_what_is_written_is_read_back(corpus: Path, tmp_path: Path) -> None:
    write_grids(corpus, tmp_path / "grids" / "deeper")
    wanted = edges(corpus)
    forget(corpus)
    assert sorted(read_corrected(corpus, tmp_path / "grids", RATE)) == sorted(wanted)
    for name, found in edges(corpus).items():
        sounds = wanted[name].size - 1  # the last unit is a pause: it ends where the recording does
        np.testing.assert_allclose(found[:sounds], wanted[name][:sounds], atol=LABEL_SAMPLES / RATE)
    assert all(item.label_samples == LABEL_SAMPLES for item in read_manifest(corpus))


@pytest.mark.parametrize("silence", ["sil", "sp", "spn", "<eps>", "SIL"])
def test_silences_of_forced_aligners_are_silences(corpus: Path, tmp_path: Path, silence: str) -> None:
    """As in the grids of the Montreal Forced Aligner."""
    write_grids(corpus, tmp_path / "grids")
    for path in (tmp_path / "grids").iterdir():
        text = path.read_text(encoding="utf-8")
        assert 'text = ""' in text
        path.write_text(text.replace('text = ""', f'text = "{silence}"'), encoding="utf-8")
    wanted = edges(corpus)
    forget(corpus)
    assert sorted(read_corrected(corpus, tmp_path / "grids", RATE)) == sorted(wanted)
    for name, found in edges(corpus).items():
        np.testing.assert_allclose(found[:-1], wanted[name][:-1], atol=LABEL_SAMPLES / RATE)


def test_a_boundary_that_somebody_moved_is_moved(corpus: Path, tmp_path: Path) -> None:
    write_grids(corpus, tmp_path / "grids")
    item = read_manifest(corpus)[0]
    path = tmp_path / "grids" / f"{item.id}.TextGrid"
    tiers = parse_tiers(path.read_text(encoding="utf-8"))
    first, second = [k for k, (_, _, label) in enumerate(tiers["phones"]) if label][:2]
    begin, end, label = tiers["phones"][first]
    tiers["phones"][first] = (begin, end - 0.01, label)
    tiers["phones"][second] = (end - 0.01, *tiers["phones"][second][1:])
    whole = {
        name: [(round(a * RATE), round(b * RATE), text) for a, b, text in intervals]
        for name, intervals in tiers.items()
    }
    path.write_text(format_tiers(whole, item.samples, RATE), encoding="utf-16")
    before = edges(corpus)[item.id]
    read_corrected(corpus, tmp_path / "grids", RATE)
    moved = before[1] - edges(corpus)[item.id][1]
    assert moved == pytest.approx(0.01, abs=LABEL_SAMPLES / RATE)


def test_grids_of_other_sounds_change_nothing(corpus: Path, tmp_path: Path) -> None:
    write_grids(corpus, tmp_path / "grids")
    name = read_manifest(corpus)[1].id
    path = tmp_path / "grids" / f"{name}.TextGrid"
    path.write_text(path.read_text(encoding="utf-8").replace('text = "k"', 'text = "ɡ"', 1), encoding="utf-8")
    before = (corpus / "meta.jsonl").read_bytes()
    with pytest.raises(DataError, match=rf"{name}\.TextGrid: has ɡ .* where the utterance has k"):
        read_corrected(corpus, tmp_path / "grids", RATE)
    path.write_text("no grid", encoding="utf-8")
    with pytest.raises(DataError, match=rf"{name}\.TextGrid: is no TextGrid in one of Praat's text forms"):
        read_corrected(corpus, tmp_path / "grids", RATE)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="of an utterance of"):
        read_corrected(corpus, tmp_path / "none", RATE)
    assert (corpus / "meta.jsonl").read_bytes() == before


def test_praats_short_form_is_read() -> None:
    assert parse_tiers(SHORT) == {"words": [(0.0, 1.5, 'say "yoo" 2')]}
    for text in ("", '"ooTextFile" "Pitch"', SHORT[:-30]):
        with pytest.raises(AudioError, match="is no TextGrid"):
            parse_tiers(text)


def test_doubtful_utterances_can_be_left_out(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "meta.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    records[1]["doubtful"] = "doubtful: text and sound agree far less than elsewhere"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    for skip, count in ((False, 4), (True, 3)):
        dataset = TwiDataset(
            corpus, split="all", data=DataConfig(skip_doubtful=skip), features=tmp_path / "features"
        )
        assert len(dataset) == count
    assert records[1]["id"] not in {item.id for item in dataset.utterances}
