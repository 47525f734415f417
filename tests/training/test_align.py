from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import parselmouth
import pytest
import torch

from kalakan.config.schema import AudioConfig, DataConfig
from kalakan.data.alignment import AlignmentDataset
from kalakan.data.alignment_states import SILENCE, states_of
from kalakan.data.dataset import TwiDataset
from kalakan.data.manifest import read_manifest
from kalakan.data.units import plain_sequence, varied_sequence
from kalakan.errors import DataError, TrainingError, UnalignedWarning
from kalakan.models.aligner import Aligner
from kalakan.models.layers.cepstra import FEATURES, cepstra
from kalakan.text.phonemes import BOS, TONE_IDS
from kalakan.training.align import Aligned, align
from kalakan.training.alignment_checks import Durations, doubts
from kalakan.training.trainer import Trainer
from spoken_corpus import make_spoken_corpus
from tiny_corpus import make_corpus

SMALL = {
    "model": {"width": 24, "inner": 32, "layers": 2},
    "training": {
        "max_steps": 40,
        "validate_every": 20,
        "checkpoint_every": 20,
        "picture_every": 40,
        "log_every": 10,
        "warmup_steps": 2,
        "ema_decay": 0.8,
    },
}
Truth = dict[str, list[tuple[float, float]]]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth, Aligned]:
    folder = tmp_path_factory.mktemp("spoken") / "corpus"
    truth = make_spoken_corpus(folder)
    return folder, truth, align(folder, config=SMALL, quiet=True)


def test_boundaries_are_found_without_labels(spoken: tuple[Path, Truth, Aligned]) -> None:
    folder, truth, made = spoken
    assert len(made.durations) == len(truth)
    rows = (folder / "alignment.tsv").read_text(encoding="utf-8").splitlines()
    scores = [float(row.split("\t")[1]) for row in rows[1:]]
    assert len(scores) == len(truth)
    assert scores == sorted(scores)
    errors = []
    for item in read_manifest(folder):
        edges = np.cumsum([item.lead, *item.frames]) * item.label_samples / 24_000
        sounds = [i for i, unit in enumerate(item.units) if unit not in ("_", ".")]
        for place, (start, end) in zip(sounds, truth[item.id], strict=True):
            errors += [abs(edges[place] - start), abs(edges[place + 1] - end)]
    assert np.median(errors) <= 0.0125
    assert np.mean(np.array(errors) <= 0.0375) > 0.97


def test_every_sound_has_frames_and_they_sum_to_the_recording(spoken: tuple[Path, Truth, Aligned]) -> None:
    for item in read_manifest(spoken[0]):
        assert item.is_aligned
        assert item.label_samples == 300
        assert int(item.lead) + sum(item.frames) == item.samples // 300
        assert all(size > 0 for unit, size in zip(item.units, item.frames, strict=True) if unit not in "_.")


def test_textgrids_are_read_by_praat(spoken: tuple[Path, Truth, Aligned]) -> None:
    folder, truth, _ = spoken
    for name in truth:
        grid = parselmouth.Data.read(str(folder / "textgrids" / f"{name}.TextGrid"))
        count = parselmouth.praat.call(grid, "Get number of intervals", 2)
        labels = [parselmouth.praat.call(grid, "Get label of interval", 2, k + 1) for k in range(count)]
        item = next(item for item in read_manifest(folder) if item.id == name)
        assert [label for label in labels if label] == [unit for unit in item.units if unit not in ("_", ".")]
    written = [
        parselmouth.praat.call(grid, "Get label of interval", 1, k + 1)
        for k in range(parselmouth.praat.call(grid, "Get number of intervals", 1))
    ]
    assert len([label for label in written if label]) == 3


def test_durations_are_replaced_only_when_asked(spoken: tuple[Path, Truth, Aligned], tmp_path: Path) -> None:
    folder = spoken[0]
    with pytest.raises(DataError, match="has durations already"):
        align(folder, config=SMALL, quiet=True)
    before = (folder / "meta.jsonl").read_bytes()
    aligner = (folder / "aligner" / "aligner.pt").read_bytes()
    align(folder, config=SMALL, again=True, quiet=True)
    assert (folder / "meta.jsonl").read_bytes() == before
    assert (folder / "aligner" / "aligner.pt").read_bytes() == aligner


def test_an_aligner_of_another_state_of_the_corpus_is_trained_again(
    spoken: tuple[Path, Truth, Aligned], tmp_path: Path
) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(spoken[0], folder)
    product = folder / "aligner" / "aligner.pt"
    lines = (folder / "meta.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "meta.jsonl").write_text("".join(lines[1:]), encoding="utf-8")
    before = product.read_bytes()
    made = align(folder, config=SMALL, again=True, aligner=product, quiet=True)
    assert len(made.durations) == len(lines) - 1
    assert product.read_bytes() == before
    short = {**SMALL, "training": {**SMALL["training"], "max_steps": 2}}
    made = align(folder, config=short, again=True, quiet=True)
    assert len(made.durations) == len(lines) - 1
    assert product.read_bytes() != before


def test_new_recordings_are_aligned_and_the_others_keep_their_durations(
    spoken: tuple[Path, Truth, Aligned], tmp_path: Path
) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(spoken[0], folder)
    product = folder / "aligner" / "aligner.pt"
    before = product.read_bytes()
    records = [json.loads(line) for line in (folder / "meta.jsonl").read_text(encoding="utf-8").splitlines()]
    wanted = {record["id"]: record["frames"] for record in records}
    changed = {record["id"] for record in records[3:5]}
    for record in records:
        if record["id"] in changed:
            del record["frames"], record["lead"], record["label_samples"]
    (folder / "meta.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    marked = records[0]["id"]
    message = f"2 recordings without durations are aligned by .*, and {len(wanted) - 2} keep theirs"
    with pytest.warns(UnalignedWarning, match=message):
        made = align(folder, config=SMALL, quiet=True)
    assert set(made.durations) == changed
    assert product.read_bytes() == before
    found = {item.id: list(item.frames) for item in read_manifest(folder)}
    assert found == wanted
    scores = (folder / "alignment.tsv").read_text(encoding="utf-8")
    assert len(scores.splitlines()) == 1 + len(wanted)
    assert marked in scores


def test_training_counts_and_names_what_is_not_aligned(tmp_path: Path) -> None:
    folder = make_corpus(tmp_path / "corpus")
    lines = (folder / "meta.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    names = [record["id"] for record in records if int(record["id"][-5:]) % 20 != 7][:5]
    for record in records:
        if record["id"] in names:
            del record["frames"], record["lead"]
    (folder / "meta.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.warns(
        UnalignedWarning, match=r"5 of \d+ utterances of the split 'train' have no durations"
    ) as told:
        dataset = TwiDataset(folder, features=tmp_path / "features")
    assert not set(names) & {item.id for item in dataset.utterances}
    assert str(told[0].message).endswith(f"({', '.join(names[:3])}, …); `kalakan align {folder}` aligns them")


@pytest.mark.filterwarnings("ignore::kalakan.errors.DamagedDataWarning")
def test_a_corpus_that_no_aligner_learns_from_is_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    make_spoken_corpus(folder, clips=3)
    lines = (folder / "meta.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "meta.jsonl").write_text(lines[-1], encoding="utf-8")
    with pytest.raises(DataError, match="holds 1 utterance and an aligner needs at least 2"):
        align(folder, config=SMALL, quiet=True)
    assert not (folder / "aligner").exists()
    (folder / "meta.jsonl").write_text("".join(lines), encoding="utf-8")
    for path in (folder / "audio").iterdir():
        path.write_bytes(b"no audio")
    with pytest.raises(DataError, match="no utterance of"):
        align(folder, config=SMALL, quiet=True)
    assert not (folder / "aligner").exists()


def test_squeezed_sounds_and_low_scores_are_doubtful() -> None:
    def spoken(frames: list[int], score: float = -1.0) -> Durations:
        return Durations(0, np.array(frames), score)

    found = {f"even{i}": spoken([5, 1, 1, 6, 0, 4], -1.0 - 0.01 * i) for i in range(9)}
    found |= {"squeezed": spoken([9, 1, 1, 0, 1, 1, 1, 8]), "low": spoken([5, 5, 5], -3.0)}
    reasons = doubts(found)
    assert list(reasons) == ["low", "squeezed"]
    assert "5 sounds in a row" in reasons["squeezed"]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Screen(), io.StringIO()], ids=["terminal", "log"])
def test_an_aligner_serves_another_corpus(
    spoken: tuple[Path, Truth, Aligned], tmp_path: Path, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a bar for each pass on a terminal, and none in a log."""
    make_spoken_corpus(tmp_path / "corpus", clips=3, seed=9)
    monkeypatch.setattr("sys.stderr", stream)
    align(tmp_path / "corpus", aligner=spoken[0] / "aligner" / "aligner.pt", textgrids=tmp_path / "grids")
    bars = {name for name in ("features", "alignments") if f"{name}: 100%" in stream.getvalue()}
    assert bars == ({"features", "alignments"} if stream.isatty() else set())
    assert stream.isatty() or stream.getvalue() == ""
    assert not (tmp_path / "corpus" / "aligner").exists()
    assert len(list((tmp_path / "grids").glob("*.TextGrid"))) == 3


def test_an_aligned_corpus_feeds_an_acoustic_model(
    spoken: tuple[Path, Truth, Aligned], tmp_path: Path
) -> None:
    dataset = TwiDataset(spoken[0], split="all", features=spoken[0] / "features")
    assert dataset.is_aligned
    item = dataset[0]
    assert item["phonemes"][0] == BOS
    assert int(item["durations"].sum()) == item["mel"].shape[1] == int(item["frames"])
    assert [
        len(TwiDataset(spoken[0], split=split, features=tmp_path)) for split in ("test", "validation")
    ] == [1, 1]


def test_training_an_acoustic_model_asks_for_durations(tmp_path: Path) -> None:
    make_spoken_corpus(tmp_path / "corpus", clips=3)
    with pytest.raises(DataError, match="run `kalakan align"):
        Trainer("fastspeech2_small", {}).train(tmp_path / "corpus", tmp_path / "run", quiet=True)


def test_utterances_too_short_for_their_text_are_left_out(tmp_path: Path) -> None:
    make_spoken_corpus(tmp_path / "corpus", clips=3)
    path = tmp_path / "corpus" / "meta.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    records[2]["units"] = ["a", "k"] * 400
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    dataset = AlignmentDataset(tmp_path / "corpus", split="all", features=tmp_path / "features")
    assert [item.id for item in dataset.too_short] == ["clip_00002"]
    assert len(dataset) == 2


def test_a_vocoder_is_no_aligner(tmp_path: Path) -> None:
    make_spoken_corpus(tmp_path / "corpus", clips=2)
    from kalakan.config.resolve import to_dict
    from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig
    from kalakan.models.registry import create_vocoder
    from kalakan.voices.manifest import ModelRecord
    from kalakan.voices.weights import save_pt

    vocoder = create_vocoder("harmonic_noise", AudioConfig())
    save_pt(
        tmp_path / "v.pt",
        vocoder,
        ModelRecord("harmonic_noise", to_dict(HarmonicNoiseConfig())),
        AudioConfig(),
    )
    with pytest.raises(TrainingError, match="harmonic_noise, not an aligner"):
        align(tmp_path / "corpus", aligner=tmp_path / "v.pt", quiet=True)


def test_states_are_sounds_with_silences_between(tmp_path: Path) -> None:
    for item in read_manifest(make_corpus(tmp_path / "corpus")):
        states = states_of(item)
        sounds = [unit for unit in item.units if unit not in ("_", ".")]
        assert int(np.sum(~states.optional)) == len(sounds)
        assert not (states.optional[1:] & states.optional[:-1]).any()
        assert (states.ids[states.optional] == SILENCE).all()
        lead, frames = states.unit_frames(np.arange(1, len(states.ids) + 1), len(item.units))
        assert lead + frames.sum() == np.arange(1, len(states.ids) + 1).sum()


def test_inline_tones_last_nothing_and_can_be_dropped(tmp_path: Path) -> None:
    make_spoken_corpus(tmp_path / "corpus", clips=3)
    item = read_manifest(tmp_path / "corpus")[0]
    from dataclasses import replace

    toned = replace(
        item, units=("k", "a", "˥", "_", "t", "o", "˩", "."), tones=(0,) * 8, frames=(2, 3, 0, 0, 2, 4, 0, 5)
    )
    sequence = plain_sequence(toned, AudioConfig())
    is_tone = np.isin(sequence.ids, list(TONE_IDS))
    assert is_tone.sum() == 2
    assert not sequence.durations[is_tone].any()
    data = DataConfig(substitution_rate=0, bos_rate=1, tone_drop_rate=1)
    sizes = {
        len(varied_sequence(toned, AudioConfig(), data, np.random.default_rng(seed)).ids)
        for seed in range(20)
    }
    assert max(sizes) < len(sequence.ids)
    assert min(sizes) == len(sequence.ids) - 2


def test_padding_does_not_change_what_an_utterance_is_heard_as() -> None:
    torch.manual_seed(0)
    from kalakan.config.schema import AlignerConfig

    model = Aligner(AlignerConfig(width=16, inner=16, layers=2)).eval()
    mel = torch.randn(1, 80, 21)
    padded = torch.nn.functional.pad(mel, (0, 9), value=-11.0)
    mask = (torch.arange(30) < 21).float()[None]
    alone, together = model(mel, torch.ones(1, 21)), model(padded, mask)
    torch.testing.assert_close(together[:, :21], alone, atol=1e-5, rtol=1e-5)
    assert cepstra(mel[0].numpy()).shape == (21, FEATURES)
