from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from kalakan.config.schema import AudioConfig, DataConfig
from kalakan.data import recorded_corpus
from kalakan.data.dataset import TwiDataset
from kalakan.data.features import FeatureStore
from kalakan.data.manifest import read_manifest
from kalakan.data.sampler import LengthBatchSampler, balancing
from kalakan.data.units import plain_sequence, varied_sequence
from kalakan.errors import DamagedDataWarning, DataError, KalakanError
from kalakan.text.phonemes import BOS, TONE_IDS
from tiny_corpus import make_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def dataset(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> TwiDataset:
    return TwiDataset(corpus, split="all", features=tmp_path_factory.mktemp("features"))


def test_splits_share_no_utterance_and_lose_none(corpus: Path, tmp_path: Path) -> None:
    names = {
        split: {item.id for item in TwiDataset(corpus, split=split, features=tmp_path).utterances}
        for split in ("train", "test", "all")
    }
    assert names["train"] | names["test"] == names["all"]
    assert not names["train"] & names["test"]
    assert len(names["test"]) == 3


def test_speakers_stand_in_the_order_that_is_asked_for(corpus: Path, tmp_path: Path) -> None:
    asked = DataConfig(speakers=("kwame", "akosua"))
    data = TwiDataset(corpus, split="all", features=tmp_path, data=asked)
    assert data.speakers == ("kwame", "akosua")
    assert {int(data[index]["speaker"]) for index in range(len(data)) if "kwame" in data.name(index)} == {0}
    assert TwiDataset(corpus, split="all", features=tmp_path).speakers == ("akosua", "kwame")
    for wrong in (("kwame",), ("kwame", "akosua", "esi"), ("kwame", "kwame", "akosua")):
        with pytest.raises(DataError, match="the corpus has akosua, kwame; name each of these once"):
            TwiDataset(corpus, split="all", features=tmp_path, data=DataConfig(speakers=wrong))


def test_every_part_of_an_item_has_the_same_frames(dataset: TwiDataset) -> None:
    for item in (dataset[index] for index in range(len(dataset))):
        frames = int(item["durations"].sum())
        assert item["mel"].shape == (80, frames)
        assert item["pitch"].shape == item["energy"].shape == (frames,)
        assert item["phonemes"].shape == item["durations"].shape


def test_tone_units_follow_their_vowel_and_last_no_frame(dataset: TwiDataset) -> None:
    tones = 0
    for index, utterance in enumerate(dataset.utterances):
        item = dataset[index]
        is_tone = torch.isin(item["phonemes"], torch.tensor(list(TONE_IDS)))
        assert bool((item["durations"][is_tone] == 0).all())
        assert bool((item["durations"][~is_tone] > 0).all())
        assert int(is_tone.sum()) >= sum(tone > 0 for tone in utterance.tones)
        tones += int(is_tone.sum())
    assert tones > 0


def test_durations_keep_the_labels_at_any_hop(corpus: Path) -> None:
    for utterance in read_manifest(corpus):
        for hop in (300, 256, 600):
            sequence = plain_sequence(utterance, AudioConfig(hop_length=hop))
            expected = (sum(utterance.frames) + 2) * 600 / hop
            assert abs(sequence.frames - expected) <= 1
            assert sequence.ids[0] == BOS


@pytest.mark.parametrize(("rate", "hop"), [(8_000, 80), (22_050, 256), (24_000, 300), (44_100, 512)])
def test_bos_stands_for_50_ms_at_any_sample_rate(corpus: Path, rate: int, hop: int) -> None:
    audio = AudioConfig(sample_rate=rate, hop_length=hop, n_fft=2048, win_length=2048, mel_fmax=4000.0)
    label = rate // 40
    for utterance in read_manifest(corpus):
        scaled = replace(utterance, label_samples=label, samples=utterance.samples * label // 600)
        for sequence in (
            plain_sequence(scaled, audio),
            varied_sequence(scaled, audio, DataConfig(bos_rate=1.0), np.random.default_rng(0)),
        ):
            assert sequence.ids[0] == BOS
            assert abs(sequence.durations[0] / audio.frame_rate - 0.05) <= 1.0 / audio.frame_rate


def test_augmentation_is_fixed_by_seed_epoch_and_index(corpus: Path, tmp_path: Path) -> None:
    data = DataConfig(substitution_rate=0.5, bos_rate=0.5, tone_drop_rate=1.0)
    one, two = (TwiDataset(corpus, data=data, varied=True, features=tmp_path, seed=3) for _ in range(2))
    epochs = []
    for epoch in range(3):
        one.set_epoch(epoch)
        two.set_epoch(epoch)
        lists = [[dataset.sequence(i).ids.tolist() for i in range(len(dataset))] for dataset in (one, two)]
        assert lists[0] == lists[1]
        epochs.append(lists[0])
    assert epochs[0] != epochs[1] != epochs[2]


def test_dropping_tones_drops_only_tones(corpus: Path) -> None:
    data = DataConfig(substitution_rate=0.0, bos_rate=1.0, tone_drop_rate=1.0)
    dropped = 0
    for utterance in read_manifest(corpus):
        plain = plain_sequence(utterance, AudioConfig())
        varied = varied_sequence(utterance, AudioConfig(), data, np.random.default_rng(1))
        assert [i for i in plain.ids if i not in TONE_IDS] == [i for i in varied.ids if i not in TONE_IDS]
        assert plain.frames == varied.frames
        dropped += len(plain.ids) - len(varied.ids)
    assert dropped > 0


@pytest.mark.filterwarnings("ignore:'pin_memory' argument")  # there is nothing to pin for on a CPU
def test_default_collate_of_the_seed_works(corpus: Path, tmp_path: Path) -> None:
    dataset = TwiDataset(corpus, features=tmp_path)
    dataset.prepare()
    loader = DataLoader(
        dataset,
        batch_size=4,
        shuffle=True,
        num_workers=2,
        pin_memory=True,
        prefetch_factor=2,
        persistent_workers=True,
    )
    seen = 0
    for batch in loader:
        sizes = batch["durations"].sum(dim=1)
        assert batch["mel"].shape[2] == sizes.max()
        assert batch["mel"][0, :, sizes[0] :].eq(math.log(1e-5)).all()
        seen += len(batch["phonemes"])
    assert seen == len(dataset)


def test_sampler_yields_every_index_once_and_resumes_anywhere() -> None:
    lengths = np.random.default_rng(0).integers(10, 500, 103).tolist()
    sampler = LengthBatchSampler(lengths, 8, seed=1)
    sampler.set_position(epoch=2)
    batches = list(sampler)
    assert sorted(index for batch in batches for index in batch) == list(range(103))
    assert len(batches) == len(sampler)
    sampler.set_position(epoch=2, start=5)
    assert list(sampler) == batches[5:]
    sampler.set_position(epoch=3)
    assert list(sampler) != batches


def test_pitch_and_energy_are_left_out_on_request(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FeatureStore, "f0", lambda *_: pytest.fail("nobody asked for F0"))
    dataset = TwiDataset(corpus, features=tmp_path, prosody=False)
    dataset.prepare()
    assert dataset[0].keys() == {"phonemes", "durations", "mel", "frames", "speaker"}
    assert "pitch" not in next(iter(DataLoader(dataset, batch_size=2)))


@pytest.mark.parametrize("hop", [256, 200, 301])
def test_labels_that_end_with_the_recording_fit_the_mel_of_any_hop(hop: int, tmp_path: Path) -> None:
    make_corpus(tmp_path / "corpus")
    path = tmp_path / "corpus" / "meta.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:  # in labels of 300 samples, as `kalakan align` writes them
        record["frames"] = [2 * size for size in record["frames"]]
        record["frames"][-1] += 5
        record |= {"label_samples": 300, "lead": 2 * record["lead"]}
    path.write_text("\n".join(json.dumps(record) for record in records))
    audio = AudioConfig(hop_length=hop, n_fft=1200 + hop % 2)
    dataset = TwiDataset(tmp_path / "corpus", split="all", audio=audio, features=tmp_path / "features")
    for index in range(len(dataset)):
        item = dataset[index]
        assert int(item["durations"].sum()) == item["mel"].shape[1] == int(item["frames"])


def test_unreadable_recordings_and_empty_splits_are_named(tmp_path: Path) -> None:
    folder = make_corpus(tmp_path / "corpus", clips=3)
    dataset = TwiDataset(folder, features=tmp_path / "features")
    dataset.utterances[0].audio.write_bytes(b"OggS and nothing more")
    with pytest.raises(KalakanError, match=dataset.utterances[0].audio.name):
        dataset[0]
    with pytest.warns(DamagedDataWarning, match=f"left out: 1 .*{dataset.utterances[0].audio.name}"):
        dataset.prepare()
    assert len(dataset) == 1
    manifest = folder / "meta.jsonl"
    lines = [json.loads(line) | {"split": "train"} for line in manifest.read_text().splitlines()]
    manifest.write_text("\n".join(json.dumps(line) for line in lines))
    with pytest.raises(DataError, match="holds no utterance of the split 'validation'"):
        TwiDataset(folder, split="validation", features=tmp_path / "features")
    with pytest.raises(DataError, match="split is 'tset'; choose"):
        TwiDataset(folder, split="tset", features=tmp_path / "features")


def test_manifest_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    make_corpus(tmp_path / "corpus", clips=1)
    path = tmp_path / "corpus" / "meta.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Akonta", b"Ak\xffonta"))
    with pytest.raises(DataError, match=r"meta\.jsonl:1: is not valid JSON"):
        read_manifest(tmp_path / "corpus")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda record: "{", "is not valid JSON"),
        (lambda record: "[]", "must be a JSON object"),
        (
            lambda record: json.dumps({key: value for key, value in record.items() if key != "units"}),
            "lacks units",
        ),
        (lambda record: json.dumps(record | {"tones": [0]}), "differ in length"),
        (lambda record: json.dumps(record | {"id": "nobody_00001"}), "is not there"),
        (lambda record: json.dumps(record) + "\n" + json.dumps(record), "stands there twice"),
        (lambda record: "", "holds no utterance"),
        (lambda record: json.dumps(record | {"units": 3}), "units is 3; it must be a list"),
        (
            lambda record: json.dumps(record | {"units": [None] * len(record["units"])}),
            "None is not a symbol",
        ),
        (lambda record: json.dumps(record | {"id": 7}), "id is 7; it must be a str"),
        (lambda record: json.dumps(record | {"id": "../x"}), "must be fit for a file name"),
        (lambda record: json.dumps(record | {"samples": "long"}), "value of a wrong kind"),
        (lambda record: json.dumps(record | {"samples": 0}), "must be at least 1"),
        (lambda record: json.dumps(record | {"split": "trian"}), "split is 'trian'; it must be one of train"),
        (lambda record: json.dumps(record | {"frames": [-1] * len(record["units"])}), "whole numbers from 0"),
        (lambda record: json.dumps(record | {"lead": 1000}), "and the recording has"),
        (lambda record: json.dumps(record | {"f0": [100, float("nan")]}), "f0 holds what is no frequency"),
        (lambda record: json.dumps(record | {"samples": 1e999}), "value of a wrong kind"),
        (
            lambda record: json.dumps(record | {"tones": [9] * len(record["units"])}),
            "tone 9 is not one of 0, 1",
        ),
    ],
)
def test_damaged_manifest_is_named_with_its_line(change: object, text: str, tmp_path: Path) -> None:
    make_corpus(tmp_path / "corpus", clips=1)
    path = tmp_path / "corpus" / "meta.jsonl"
    path.write_text(change(json.loads(path.read_text())) + "\n")  # type: ignore[operator]
    with pytest.raises(DataError, match=text):
        read_manifest(tmp_path / "corpus")


def test_workers_compute_the_same_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_corpus, "LEAST_SHARED_S", 0.0)
    folder = make_corpus(tmp_path / "corpus", clips=6)
    (folder / "audio").joinpath(read_manifest(folder)[2].audio.name).write_bytes(b"no audio")
    seen: list[tuple[int, int]] = []
    datasets = []
    for workers in (0, 2):
        dataset = TwiDataset(folder, split="all", features=tmp_path / f"features-{workers}")
        with pytest.warns(DamagedDataWarning):
            dataset.prepare(lambda done, total: seen.append((done, total)), workers)
        datasets.append(dataset)
    alone, shared = datasets
    assert seen == 2 * [(done, 6) for done in range(1, 7)]
    assert alone.left_out == shared.left_out != {}
    for path in alone.store.folder.glob("*.npy"):
        assert (shared.store.folder / path.name).read_bytes() == path.read_bytes()
    assert len(list(shared.store.folder.glob("*.npy"))) == 2 * 5


def test_few_recordings_start_no_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*given: object) -> None:
        raise AssertionError("a pool was started")

    monkeypatch.setattr(recorded_corpus, "ProcessPoolExecutor", start)
    folder = make_corpus(tmp_path / "corpus", clips=3)
    dataset = TwiDataset(folder, split="all", features=tmp_path / "features")
    dataset.prepare(workers=2)
    assert len(list(dataset.store.folder.glob("*.npy"))) == 2 * 3
    fewest = sum(item.samples for item in dataset.utterances) / dataset.audio.sample_rate
    monkeypatch.setattr(recorded_corpus, "LEAST_SHARED_S", fewest)
    with pytest.raises(AssertionError, match="a pool was started"):
        TwiDataset(folder, split="all", features=tmp_path / "others").prepare(workers=2)


def test_a_worker_that_computes_features_imports_no_torch() -> None:
    program = (
        "import sys, kalakan.data.feature_workers, kalakan.audio.pitch; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-I", "-c", program], check=False).returncode == 0


def test_speakers_with_few_recordings_are_drawn_as_often_as_others() -> None:
    speakers = ["ama"] * 90 + ["kofi"] * 10
    for balance, least in ((0.0, 10), (0.5, 25), (1.0, 50)):
        sampler = LengthBatchSampler([10] * 100, 8, seed=1, weights=balancing(speakers, balance))
        for epoch in (0, 1):
            drawn = [index for batch in sampler.batches(epoch) for index in batch]
            assert len(drawn) == 100
            assert abs(sum(speakers[index] == "kofi" for index in drawn) - least) <= 4
        assert sampler.batches(0) != sampler.batches(1)
        assert sampler.batches(0) == LengthBatchSampler(
            [10] * 100, 8, seed=1, weights=balancing(speakers, balance)
        ).batches(0)
    assert {index for batch in sampler.batches(0) for index in batch} >= set(range(90, 100))
