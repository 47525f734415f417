"""Exported files in plain onnxruntime: loaded without a warning, and every input with a default may be left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig, HifiGanConfig
from kalakan.export.exporter import ExportOptions, Source
from kalakan.export.onnx.acoustic import trace_acoustic
from kalakan.export.onnx.exporter import OnnxExporter
from kalakan.export.onnx.optional_inputs import serialized
from kalakan.export.onnx.vocoder import trace_vocoder
from kalakan.export.voice import add_onnx, add_vocoder
from kalakan.models.registry import create_acoustic, create_vocoder
from kalakan.onnx_runtime import checking_session
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import DEFAULT
from kalakan.voices.save import save_acoustic_product, save_vocoder_product
from kalakan.voices.weights import LoadedModel

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0)
ACOUSTIC: dict[str, dict[str, Any]] = {
    "fastspeech2_small": {
        **{"encoder_layers": 1, "encoder_width": 32, "encoder_filter": 32, "encoder_kernel": 3},
        **{"decoder_layers": 1, "decoder_filter": 32, "decoder_kernel": 3},
        **{"predictor_layers": 1, "predictor_width": 16, "voicing_width": 8},
    },
    "tacotron2": {
        **{"encoder_width": 16, "encoder_layers": 1, "attention_width": 8, "location_filters": 4},
        **{"prenet_width": 16, "decoder_width": 24, "postnet_width": 16, "postnet_layers": 2},
        **{"frames_per_step": 2, "max_frames_per_phoneme": 2},
    },
}
VOCODERS: dict[str, Any] = {
    "harmonic_noise": HarmonicNoiseConfig(width=16, layers=2, inner=24, kernel=3, n_fft=128, f0_width=8),
    "hifigan": HifiGanConfig(
        channels=16, upsample_rates=(8, 8), residual_kernels=(3,), residual_dilations=((1, 3),)
    ),
}
PAIRS = (("fastspeech2_small", "harmonic_noise"), ("tacotron2", "hifigan"), ("tacotron2", "harmonic_noise"))

IDS = np.array([[1, 29, 48, 24, 25, 7], [1, 29, 16, 48, 7, 0]])
MEL = np.random.default_rng(0).normal(-5.0, 2.0, (2, 20, 9)).astype(np.float32)


def acoustic(name: str) -> LoadedModel:
    torch.manual_seed(1)
    model: Any = create_acoustic(name, n_mels=20, speakers=("akosua", "kwame"), **ACOUSTIC[name])
    return LoadedModel(model.eval().requires_grad_(False), ModelRecord(name, to_dict(model.config)), AUDIO)


def vocoder(name: str) -> LoadedModel:
    torch.manual_seed(2)
    model: Any = create_vocoder(name, AUDIO, config=VOCODERS[name])
    record = ModelRecord(name, to_dict(VOCODERS[name]))
    return LoadedModel(model.eval().requires_grad_(False), record, AUDIO)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every graph that an export writes: of each model, of both in one, of a voice."""
    paths = []
    for number, pair in enumerate(PAIRS):
        source = Source(acoustic(pair[0]), vocoder(pair[1]))
        for options in (ExportOptions(), ExportOptions(fuse=True), ExportOptions(floats="fp16")):
            if OnnxExporter().refuses(source, options):
                continue
            folder = tmp_path_factory.mktemp(f"pair-{number}")
            exporter = OnnxExporter()
            for item in exporter.write(source, folder, options):
                exporter.check(item)
                paths.append(item.path)
    folder = tmp_path_factory.mktemp("voice")
    save_acoustic_product(folder, "fastspeech2_small", acoustic("fastspeech2_small").module, AUDIO, {})
    weights = save_vocoder_product(folder, "harmonic_noise", vocoder("harmonic_noise").module, AUDIO)
    add_onnx(folder / "voice", half_weights=True)
    voice = add_vocoder(folder / "voice", weights)
    assert np.abs(Synthesizer(voice.path).synthesize("Akwaaba", speed=1.2, pitch=2.0)).max() > 0
    return paths + [voice.file(name) for name in voice.manifest.files if name.endswith(".onnx")]


def test_plain_onnxruntime_says_nothing(written: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    assert len(written) >= 12
    loaded = [onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in written]
    assert capfd.readouterr().err == ""
    for session in loaded:
        names = [item.name for item in session.get_inputs()]
        feeds: dict[str, Any] = {"phonemes": IDS} if "phonemes" in names else {"mel_input": MEL}
        if "frames" in names:
            continue
        assert len(session.run(None, feeds)) == len(session.get_outputs())


@pytest.mark.parametrize("fuse", [False, True])
@pytest.mark.parametrize("pair", [PAIRS[0], PAIRS[1]])
def test_what_stands_behind_a_rows_length_does_not_count(
    pair: tuple[str, str], fuse: bool, tmp_path: Path
) -> None:
    options = ExportOptions(fuse=fuse)
    source = Source(acoustic(pair[0]), vocoder(pair[1]))
    session = checking_session(str(OnnxExporter().write(source, tmp_path, options)[0].path))
    counted = np.array([[1, 29, 48, 24, 25, 7, 0, 0], [1, 29, 16, 48, 7, 0, 0, 0], [1, 29, 0, 0, 0, 0, 0, 0]])
    behind = np.where(counted == 0, 31, counted)
    lengths = np.array([6, 5, 2])
    wanted = session.run(None, {"phonemes": counted})
    found = session.run(None, {"phonemes": behind, "lengths": lengths})
    assert not np.array_equal(wanted[0], session.run(None, {"phonemes": behind})[0])
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(one, other)
    one_for_all = session.run(None, {"phonemes": behind[:1], "lengths": lengths[:1]})
    np.testing.assert_array_equal(one_for_all[0], session.run(None, {"phonemes": counted[:1]})[0])


def _cases() -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    graph = trace_acoustic(acoustic("fastspeech2_small").module, fold=True)  # type: ignore[arg-type]
    controls = {
        "speaker": np.array([1, 0]),
        "speed": np.full((1, 1), 1.3, np.float32),
        "pitch": np.full((2, 6), -2.0, np.float32),
        "energy": np.full((2, 1), 1.5, np.float32),
        "pitch_range": np.full((1, 1), 0.5, np.float32),
    }
    yield graph, {"phonemes": IDS}
    for name, value in controls.items():
        yield graph, {"phonemes": IDS, name: value}
    yield graph, {"phonemes": IDS, **controls}
    graph = trace_vocoder(vocoder("harmonic_noise").module, fold=True)
    yield graph, {"mel_input": MEL}
    yield graph, {"mel_input": MEL, "f0": np.full((2, 9), 120.0, np.float32)}
    yield graph, {"mel_input": MEL, "synthesize": np.asarray(False)}


def test_values_and_defaults_give_the_bits_of_the_traced_graph() -> None:
    for graph, feeds in _cases():
        before = checking_session(graph.SerializeToString())
        after = checking_session(serialized(graph))
        assert [item.name for item in after.get_inputs()] == [item.name for item in graph.graph.input]
        for one, other in zip(before.run(None, feeds), after.run(None, feeds), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_graph_without_defaults_stays_as_it_is() -> None:
    torch.manual_seed(0)
    graph = trace_vocoder(vocoder("hifigan").module, fold=True)
    assert onnx.load_model_from_string(serialized(graph)) == graph


def test_the_voice_of_the_package_is_such_a_voice() -> None:
    paths = sorted(DEFAULT.glob("*.onnx"))
    if not paths:
        pytest.skip("the default voice is not installed")
    for path in paths:
        graph = onnx.load(path, load_external_data=False).graph
        named = {item.name for item in graph.input} & {item.name for item in graph.initializer}
        assert not named, path.name
