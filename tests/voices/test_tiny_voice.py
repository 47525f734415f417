"""The committed voices: they run without torch, do what a trained voice does, and are made again bit for bit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from conftest import COMMITTED, TINY_AUDIO
from kalakan import Synthesizer
from kalakan.synthesis.engines.onnx_models import OnnxAcousticModel
from kalakan.text.phonemes import BOS, SYMBOLS, TONE_IDS, parse_units

TEXT = "Akwaaba! Wo ho te sɛn? Me dín de Kofi, na mefiri Kumasi."
LIMIT = 30_000
"""Bytes that both voices may take up in the repository."""
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer(COMMITTED / "tiny")


@pytest.fixture(scope="module")
def whole() -> OnnxAcousticModel:
    """The acoustic model in one graph."""
    return OnnxAcousticModel(COMMITTED / "tiny" / "acoustic.onnx", threads=1)


def files(folder: Path) -> Iterator[Path]:
    return (path for name in ("tiny", "quick") for path in sorted((folder / name).iterdir()))


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in files(COMMITTED)) <= LIMIT


@pytest.mark.torch
def test_made_again_they_are_the_same(tmp_path: Path) -> None:
    from voices.make_tiny_voice import make

    make(tmp_path)
    assert [path.relative_to(tmp_path) for path in files(tmp_path)] == [
        path.relative_to(COMMITTED) for path in files(COMMITTED)
    ]
    for path in files(tmp_path):
        assert path.read_bytes() == (COMMITTED / path.relative_to(tmp_path)).read_bytes(), path.name


def test_its_settings_are_those_of_the_other_tests(synthesizer: Synthesizer) -> None:
    assert synthesizer.voice is not None
    assert synthesizer.voice.audio == TINY_AUDIO
    assert synthesizer.speakers == ("akosua", "kwame")
    assert synthesizer.engine == "onnx"
    assert synthesizer.acoustic_model.context_frames == 1
    assert synthesizer.vocoder.context_frames == 3


def test_timing_adds_up(synthesizer: Synthesizer) -> None:
    speech = synthesizer.speak(TEXT)
    assert np.isfinite(speech.audio).all()
    assert 0.05 < np.abs(speech.audio).max() <= 1.0
    assert speech.timing.samples == len(speech.audio)
    at = 0
    for sentence in speech.timing.sentences:
        for segment in sentence.segments:
            assert segment.start == at
            assert not segment.phones or (segment.phones[0].start, segment.phones[-1].end) == (
                at,
                segment.end,
            )
            at = segment.end
    assert at == len(speech.audio)


@pytest.mark.parametrize("changes", [{}, {"speaker": "kwame", "speed": 1.7, "pitch": -3.0, "seed": 5}])
@pytest.mark.parametrize("chunk_ms", [None, 20, 170])
def test_a_stream_is_the_whole(
    synthesizer: Synthesizer, chunk_ms: float | None, changes: dict[str, object]
) -> None:
    expected = synthesizer.synthesize(TEXT, **changes)
    chunks = list(synthesizer.stream(TEXT, chunk_ms=chunk_ms, **changes))
    assert len(chunks) >= 3
    np.testing.assert_allclose(np.concatenate(chunks), expected, atol=1e-5)


def test_windows_need_their_context(synthesizer: Synthesizer) -> None:
    """The decoder reads neighbors: a window without them differs at its end, and nowhere else."""
    model = synthesizer.acoustic_model
    frames, _ = model.predict_frames([[BOS, *parse_units("a k w a b a .")]])
    mel, part = model.decode_frames(frames), model.decode_frames(frames[:, :15])
    np.testing.assert_allclose(part[:, :, :14], mel[:, :, :14], atol=1e-6)
    assert np.abs(part[:, :, 14] - mel[:, :, 14]).max() > 1e-3


@pytest.mark.parametrize(
    "controls", [{}, {"speed": [[1.0], [0.7]], "pitch": [[2.0], [0.0]], "speaker": [0, 1]}]
)
def test_padding_changes_nothing(whole: OnnxAcousticModel, controls: dict[str, list[object]]) -> None:
    long, short = ([BOS, *parse_units(units)] for units in ("a k w a a b a , a n a .", "j o ."))
    batch = [long, short + [0] * (len(long) - len(short))]
    mel, aux = whole.inference(batch, **controls)
    for row, ids in enumerate((long, short)):
        own = {name: values[row : row + 1] for name, values in controls.items()}
        alone, known = whole.inference([ids], **own)
        count = int(known["mel_lengths"][0])
        assert aux["mel_lengths"][row] == count == alone.shape[2]
        assert aux["durations"][row, : len(ids)].tolist() == known["durations"][0].tolist()
        np.testing.assert_allclose(mel[row, :, :count], alone[0], atol=1e-6)
        np.testing.assert_allclose(aux["pitch"][row, :count], known["pitch"][0], rtol=1e-6)
        assert not mel[row, :, count:].any()
        assert not aux["pitch"][row, count:].any()


def test_both_forms_of_the_acoustic_model_agree(synthesizer: Synthesizer, whole: OnnxAcousticModel) -> None:
    ids = [[BOS, *parse_units("a k w a a b a ."), 0], [BOS, *parse_units("a k ʊ a a b , a .")]]
    for controls in ({}, {"speaker": [1, 0], "speed": [[0.6], [1.5]]}):
        (one, aux), (two, other) = (
            model.inference(ids, **controls) for model in (synthesizer.acoustic_model, whole)
        )
        np.testing.assert_allclose(one, two, atol=1e-6)
        assert aux.keys() == other.keys()
        for name, values in aux.items():
            np.testing.assert_array_equal(values, other[name])


def test_tones_and_padding_last_no_frame_and_all_else_does(whole: OnnxAcousticModel) -> None:
    rows = [row for row, symbol in enumerate(SYMBOLS) if symbol is not None]
    durations = whole.inference([rows], speed=[[2.0]])[1]["durations"][0]
    silent = {row for row, frames in zip(rows, durations, strict=True) if frames == 0}
    assert silent == {0, *TONE_IDS}


def test_speed_pitch_and_speaker_act(whole: OnnxAcousticModel) -> None:
    ids = [[BOS, *parse_units("m a m a .")]]
    usual = whole.inference(ids)[1]
    twice = whole.inference(ids, speed=[[0.5]])[1]
    assert abs(int(twice["mel_lengths"][0]) - 2 * int(usual["mel_lengths"][0])) <= 1
    part = whole.inference(ids, speed=[[1.0, 1.0, 0.5, 1.0, 1.0, 1.0]])[1]
    longer = part["durations"][0] - usual["durations"][0]
    assert longer[2] > 4
    assert np.abs(np.delete(longer, 2)).max() <= 1
    voiced = usual["pitch"] > 0
    assert voiced.any() and not voiced.all()
    octave = whole.inference(ids, pitch=[[12.0]])[1]
    np.testing.assert_allclose(octave["pitch"], 2 * usual["pitch"], rtol=1e-5)
    flat, wide = (whole.inference(ids, pitch_range=[[width]])[1]["pitch"] for width in (0.0, 2.0))
    assert flat[voiced].std() < 1e-3 < usual["pitch"][voiced].std()
    np.testing.assert_allclose((wide * flat)[voiced], (usual["pitch"] ** 2)[voiced], rtol=1e-5)
    kwame = whole.inference(ids, speaker=[1])
    assert (kwame[1]["pitch"][voiced] < 0.7 * usual["pitch"][voiced]).all()


def test_the_command_writes_what_the_engine_gives(
    kalakan: Run, synthesizer: Synthesizer, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    done = kalakan("synthesize", TEXT, "--voice", COMMITTED / "tiny", "--speaker", "kwame", "-o", path)
    assert (done.returncode, done.stderr) == (0, b"")
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 8000
    np.testing.assert_allclose(samples, synthesizer.synthesize(TEXT, speaker="kwame"), atol=2**-15)
    piped = kalakan("synthesize", TEXT, "--voice", COMMITTED / "quick", "--stream", "-f", "pcm")
    assert piped.returncode == 0
    expected = Synthesizer(COMMITTED / "quick").synthesize(TEXT)
    np.testing.assert_allclose(np.frombuffer(piped.stdout, "<i2") / 2**15, expected, atol=2**-14)
