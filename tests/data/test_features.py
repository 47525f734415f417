"""Features on disk: found again, computed again where they are damaged or older than their recording."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kalakan.config.schema import AudioConfig
from kalakan.data.features import FeatureStore
from kalakan.data.manifest import Utterance, read_manifest
from kalakan.errors import AudioError, DataError
from tiny_corpus import make_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"), clips=1)


def test_damaged_feature_file_is_computed_again(corpus: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, AudioConfig())
    utterance = read_manifest(corpus)[0]
    mel = store.mel(utterance)
    path = store.folder / f"{utterance.id}.npy"
    path.write_bytes(path.read_bytes()[:100])
    np.testing.assert_array_equal(store.mel(utterance), mel)
    np.testing.assert_array_equal(np.load(path), mel)


def test_damage_of_the_kept_features_is_mended(corpus: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, AudioConfig())
    utterance = read_manifest(corpus)[0]
    mel = store.mel(utterance)
    np.save(store.folder / f"{utterance.id}.npy", np.full_like(mel, np.nan))
    again = FeatureStore(tmp_path, AudioConfig())
    np.testing.assert_array_equal(again.mel(utterance), mel)


@pytest.fixture
def one(corpus: Path, tmp_path: Path) -> Utterance:
    """The first utterance, without F0 labels, its recording in a folder of its own."""
    utterance = read_manifest(corpus)[0]
    audio = tmp_path / "one.wav"
    soundfile.write(audio, soundfile.read(utterance.audio)[0], 24_000)
    return replace(utterance, audio=audio, f0=np.zeros(0, np.float32))


def _features(utterance: Utterance, folder: Path) -> list[np.ndarray]:
    """Mel, F0 and audio, as a new run finds or makes them."""
    store = FeatureStore(folder, AudioConfig())
    return [store.mel(utterance), store.f0(utterance), store.samples(utterance)]


def _set_age(path: Path, seconds: float) -> None:
    """Makes a file so much older than the year 2020 is; a negative number is after it."""
    os.utime(path, (1_577_836_800 - seconds,) * 2)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("seconds", "is_stale"), [(-1, True), (0, False), (1, False)], ids=["newer", "as old", "older"]
)
def test_features_of_a_recording_made_anew_are_computed_again(
    one: Utterance, tmp_path: Path, seconds: int, is_stale: bool
) -> None:
    before = _features(one, tmp_path)
    for path in tmp_path.glob("*/*.npy"):
        _set_age(path, 0)
    soundfile.write(one.audio, 0.1 * soundfile.read(one.audio)[0][::-1], 24_000)
    _set_age(one.audio, seconds)
    after = _features(one, tmp_path)
    assert [np.array_equal(*both) for both in zip(before, after, strict=True)] == [not is_stale] * 3
    for _ in range(2):
        for kept, values in zip(_features(one, tmp_path), after, strict=True):
            np.testing.assert_array_equal(kept, values)


@pytest.mark.torch
def test_a_recording_from_the_future_is_read_once(
    one: Utterance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(one.audio, (4e9, 4e9))
    before = _features(one, tmp_path)
    monkeypatch.setattr(FeatureStore, "audio", lambda *_: pytest.fail("its features are kept"))
    for kept, values in zip(_features(one, tmp_path), before, strict=True):
        np.testing.assert_array_equal(kept, values)


@pytest.mark.torch
def test_features_of_a_recording_that_is_gone_are_not_used(one: Utterance, tmp_path: Path) -> None:
    _features(one, tmp_path)
    one.audio.unlink()
    with pytest.raises(AudioError, match=r"one\.wav"):
        _features(one, tmp_path)


@pytest.mark.torch
def test_features_keep_their_names_between_versions(corpus: Path, tmp_path: Path) -> None:
    """A cache of hours of recordings is found again."""
    store = FeatureStore(tmp_path, AudioConfig())
    utterance = replace(read_manifest(corpus)[0], f0=np.zeros(0, np.float32))
    store.mel(utterance)
    store.f0(utterance)
    store.samples(utterance)
    assert store.folder.name == "387961a20976"
    names = {f"{utterance.id}{ending}" for ending in (".npy", ".f0.npy", ".audio.npy")}
    assert {path.name for path in store.folder.iterdir()} == names


def test_kept_audio_is_the_recording_in_16_bits(one: Utterance, tmp_path: Path) -> None:
    loud = 3.0 * soundfile.read(one.audio)[0]
    soundfile.write(one.audio, loud, 24_000, subtype="FLOAT")
    for _ in range(2):
        samples = FeatureStore(tmp_path, AudioConfig()).samples(one)
        np.testing.assert_allclose(samples / 32767, np.clip(loud, -1, 1), atol=0.5001 / 32767)


@pytest.mark.torch
def test_labelled_f0_counts_where_a_voice_is_heard(corpus: Path, tmp_path: Path) -> None:
    """The label of the voiceless half is what a synthesizer was told."""
    hertz, count = 210.0, 160
    audio = 0.2 * np.sin(2 * np.pi * hertz * np.arange(300 * count) / 24_000)
    audio[len(audio) // 2 :] = 0.05 * np.random.default_rng(3).standard_normal(len(audio) // 2)
    soundfile.write(tmp_path / "half.wav", audio, 24_000)
    labels = np.full(count, 190.0, np.float32)
    labels[:20] = 0
    utterance = replace(
        read_manifest(corpus)[0], id="half", audio=tmp_path / "half.wav", samples=len(audio), f0=labels
    )
    f0 = FeatureStore(tmp_path, AudioConfig()).f0(utterance)
    assert (f0[:20] == 0).all()  # heard, but labelled voiceless
    assert (f0[22:75] == 190.0).all()
    assert (f0[85:] == 0).all()


def test_features_of_other_audio_settings_are_kept_apart(tmp_path: Path) -> None:
    folders = {FeatureStore(tmp_path, AudioConfig(n_mels=size)).folder for size in (40, 80)}
    assert len(folders) == 2


def test_wrong_sample_rate_is_named(corpus: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, AudioConfig(sample_rate=22_050, mel_fmax=11_000.0))
    with pytest.raises(DataError, match="24000 Hz and the audio settings say 22050"):
        store.mel(read_manifest(corpus)[0])
