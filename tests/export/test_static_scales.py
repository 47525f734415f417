"""Activations rounded by constant scales: windows are the whole, and what lies out of range is clipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from kalakan.cli.export import command
from kalakan.config.schema import AudioConfig, FastSpeech2Config, HarmonicNoiseConfig
from kalakan.errors import ExportError
from kalakan.export.onnx.acoustic import inference_with, is_exact_file
from kalakan.export.onnx.acoustic_parts import DECODER, ENCODER
from kalakan.export.onnx.activation_ranges import BYTES, Range, measure
from kalakan.export.onnx.calibration import acoustic_inputs, sentences, vocoder_inputs
from kalakan.export.onnx.matmuls import candidates
from kalakan.export.onnx.quantize import quantize_graph
from kalakan.export.voice import add_onnx, add_vocoder
from kalakan.export.voice_quantize import quantize_voice
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.text.phonemes import BOS, PAUSE_IDS, TABLE_SIZE, TONE_IDS
from kalakan.voices.package import Voice
from kalakan.voices.save import save_acoustic_product, save_vocoder_product
from kalakan.voices.weights import load_acoustic

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0)
CONFIG = FastSpeech2Config(
    n_mels=20,
    speakers=("ama", "kofi", "yaa"),
    encoder_layers=1,
    encoder_width=64,
    encoder_filter=64,
    encoder_kernel=3,
    decoder_block="convnext",
    decoder_layers=2,
    decoder_filter=96,
    decoder_kernel=5,
    predictor_layers=2,
    predictor_width=32,
)
VOCODER = HarmonicNoiseConfig(width=48, layers=1, inner=96, kernel=3, n_fft=128, f0_width=8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    """A voice that streams inside the sentence, in 32 bits."""
    folder = tmp_path_factory.mktemp("static")
    torch.manual_seed(2)
    model = FastSpeech2(CONFIG).eval()
    torch.nn.init.constant_(model.duration_predictor.out.bias, 1.5)
    torch.nn.init.normal_(model.mel_out.weight, std=0.2)
    save_acoustic_product(folder, "fastspeech2_small", model, AUDIO, {})
    add_onnx(folder / "voice")
    weights = save_vocoder_product(folder, "harmonic_noise", HarmonicNoise(VOCODER, AUDIO).eval(), AUDIO)
    return add_vocoder(folder / "voice", weights)


@pytest.fixture(scope="module")
def quantized(exported: Voice) -> Voice:
    return quantize_voice(exported.path, exported.path.parent / "quantized", activations="static")


@pytest.fixture(scope="module")
def whole(exported: Voice) -> Voice:
    """The voice with encoder and predictors in integers too."""
    return quantize_voice(exported.path, exported.path.parent / "whole", activations="static", exact=False)


def session(source: bytes | Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(source if isinstance(source, bytes) else str(source), options)


def constants(path: Path, ending: str) -> list[float]:
    """Scales (`.step`) or zero points (`.zero`) by which a graph rounds activations."""
    graph = onnx.load(path, load_external_data=False).graph
    values = {item.name: item for item in graph.initializer}
    named = [
        node.input[1 if ending == ".step" else 2] for node in graph.node if node.op_type == "QuantizeLinear"
    ]
    assert all(name.endswith(ending) for name in named)
    return [float(numpy_helper.to_array(values[name])) for name in named]


def test_windows_of_frames_are_the_whole(quantized: Voice) -> None:
    decoder = session(quantized.file(DECODER))
    frames = np.random.default_rng(1).normal(0, 1, (1, 129, 64)).astype(np.float32)
    loud = frames.copy()
    loud[:, 90:] *= 30.0  # would change the scale of a call
    context = 2 * (5 // 2)
    for whole_frames in (frames, loud):
        (whole,) = decoder.run(None, {"frames": whole_frames})
        (window,) = decoder.run(None, {"frames": whole_frames[:, 17 : 80 + context]})
        np.testing.assert_allclose(window[:, :, context:63], whole[:, :, 17 + context : 80], atol=1e-5)


def test_a_stream_inside_a_sentence_is_the_whole(exported: Voice, quantized: Voice, tmp_path: Path) -> None:
    synthesizer = Synthesizer(quantized.path)
    assert synthesizer.acoustic_model.context_frames == 4
    assert synthesizer.vocoder.context_frames is not None
    text = "Me din de Kofi na mefiri Kumasi na meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran na mekɔ fie."
    chunks = list(synthesizer.stream(text))
    assert len(chunks) >= 2
    np.testing.assert_allclose(np.concatenate(chunks), synthesizer.synthesize(text), atol=1e-4)
    other = Synthesizer(quantize_voice(exported.path, tmp_path / "dynamic").path)
    assert other.acoustic_model.context_frames is None
    assert len(list(other.stream(text))) == 1


def test_one_graph_and_two_have_the_same_scales(quantized: Voice) -> None:
    for ending in (".step", ".zero"):
        whole = constants(quantized.file("acoustic.onnx"), ending)
        parts = [*constants(quantized.file(ENCODER), ending), *constants(quantized.file(DECODER), ending)]
        assert len(parts) >= 5
        assert sorted(whole) == sorted(parts)


def test_exact_durations_and_f0_keep_every_bit(exported: Voice, quantized: Voice) -> None:
    before, after = (session(voice.file("acoustic.onnx")) for voice in (exported, quantized))
    feeds = {"phonemes": np.random.default_rng(5).integers(24, 77, (1, 63))}
    names = ["durations", "mel_lengths", "pitch_output", "mel_output"]
    wanted, found = before.run(names, feeds), after.run(names, feeds)
    for a, b in zip(wanted[:3], found[:3], strict=True):
        np.testing.assert_array_equal(a, b)
    assert 0 < np.abs(found[3] - wanted[3]).mean() < 0.03 * wanted[3].std()


def test_durations_and_f0_in_integers_stay_near(exported: Voice, whole: Voice) -> None:
    before, after = (session(voice.file("acoustic.onnx")) for voice in (exported, whole))
    rounded = [node.op_type for node in onnx.load(whole.file(ENCODER), load_external_data=False).graph.node]
    assert rounded.count("MatMulIntegerToFloat") >= 6
    assert rounded.count("MultiHeadAttention") == 1
    feeds = {"phonemes": np.random.default_rng(5).integers(24, 77, (1, 63))}
    names = ["durations", "pitch_output"]
    wanted, found = before.run(names, feeds), after.run(names, feeds)
    ends = np.cumsum(wanted[0]), np.cumsum(found[0])
    assert not np.array_equal(found[1], wanted[1])
    assert np.abs(ends[1] - ends[0]).max() <= 2
    with torch.no_grad():
        model = load_acoustic(whole)
        tensors = {"phonemes": torch.from_numpy(feeds["phonemes"]), "durations": torch.from_numpy(found[0])}
        _, aux = model.inference(**tensors)
    both = (found[1] > 0) & (aux["pitch"].numpy() > 0)
    assert both.mean() > 0.9 * (aux["pitch"].numpy() > 0).mean()
    steps = 12 * np.log2(found[1][both] / aux["pitch"].numpy()[both])
    assert np.sqrt(np.square(steps).mean()) < 0.3


def test_a_voice_in_integers_streams_as_the_whole(whole: Voice) -> None:
    synthesizer = Synthesizer(whole.path)
    text = "Me din de Kofi na mefiri Kumasi na meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran na mekɔ fie."
    chunks = list(synthesizer.stream(text))
    assert len(chunks) >= 2
    np.testing.assert_allclose(np.concatenate(chunks), synthesizer.synthesize(text), atol=1e-4)


def test_a_graph_whose_sounds_end_far_away_is_refused(exported: Voice, whole: Voice) -> None:
    model = load_acoustic(exported)
    assert is_exact_file(str(exported.file("acoustic.onnx")))
    assert not is_exact_file(str(whole.file("acoustic.onnx")))
    inputs = {"phonemes": np.random.default_rng(5).integers(24, 77, (1, 63))}
    with torch.no_grad():
        _, aux = model.inference(torch.from_numpy(inputs["phonemes"]))
    durations = aux["durations"].numpy()
    longer = durations.copy()
    longer[0, 3] += 2
    inference_with(model, inputs, longer, is_exact=False)
    longer[0, 3] += 1
    with pytest.raises(ExportError, match=r"ends 3 frames from where it does in torch.*--exact"):
        inference_with(model, inputs, longer, is_exact=False)
    with pytest.raises(ExportError, match="rounds durations differently"):
        inference_with(model, inputs, longer)


def test_scales_of_each_call_keep_durations_exact(exported: Voice, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="quantize with static scales"):
        quantize_voice(exported.path, tmp_path / "voice", activations="dynamic", exact=False)
    refused = CliRunner().invoke(command, [str(exported.path), "--quantize", "dynamic", "--exact"])
    assert refused.exit_code == 2
    assert "--exact is of --quantize static" in refused.output


@pytest.mark.parametrize("pitch", [-12.0, 12.0])
@pytest.mark.parametrize("energy", [0.25, 4.0])
def test_inputs_far_from_the_examples_stay_finite(quantized: Voice, pitch: float, energy: float) -> None:
    feeds = {
        "phonemes": np.random.default_rng(7).integers(0, TABLE_SIZE, (2, 60)),
        "pitch": np.full((1, 1), pitch, np.float32),
        "energy": np.full((1, 1), energy, np.float32),
    }
    mel, f0 = session(quantized.file("acoustic.onnx")).run(["mel_output", "pitch_output"], feeds)
    assert np.isfinite(mel).all()
    vocoder = session(quantized.file("vocoder.onnx"))
    for heard in (mel, np.full_like(mel, np.log(1e-5)), np.full_like(mel, 20.0)):
        (audio,) = vocoder.run(["audio_output"], {"mel_input": heard, "f0": f0})
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() <= 1.0


def product(bias: bool = False) -> Any:
    """y = x [B, T, 64] times a matrix, perhaps plus 0.5 to 1.5."""
    weight = numpy_helper.from_array(
        np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32), "weight"
    )
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, None]) for name in ("x", "y"))
    nodes = [helper.make_node("MatMul", ["x", "weight"], ["made" if bias else "y"])]
    more = [numpy_helper.from_array(np.linspace(0.5, 1.5, 64, dtype=np.float32), "bias")] if bias else []
    if bias:
        nodes.append(helper.make_node("Add", ["bias", "made"], ["y"]))
    return helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], [weight, *more]), opset_imports=[helper.make_opsetid("", 17)]
    )


def test_a_range_is_measured_and_holds_all_but_its_tails() -> None:
    x = np.random.default_rng(3).uniform(-1.0, 3.0, (1, 9000, 64)).astype(np.float32)
    found = measure(product(), {"weight"}, [{"x": x, "no_input": x}])["weight"]
    assert found.low == pytest.approx(-1.0, abs=1e-2)
    assert found.high == pytest.approx(3.0, abs=1e-2)
    x[0, 0, 0] = 1e6
    assert measure(product(), {"weight"}, [{"x": x}])["weight"].high == pytest.approx(3.0, abs=1e-2)


@pytest.mark.parametrize("limits", [Range(-1.0, 3.0), Range(0.0, 2.0), Range(-5.0, 0.0)])
@pytest.mark.parametrize("bias", [False, True])
def test_values_are_rounded_within_the_range_and_clipped_outside(limits: Range, bias: bool) -> None:
    model = product(bias)
    (rounded,) = quantize_graph(model, candidates(model), {"weight": limits})
    x = np.random.default_rng(4).uniform(-6.0, 4.0, (2, 30, 64)).astype(np.float32)
    step, zero = limits.scale()
    bytes_ = np.clip(np.rint(x / step) + zero, 0, BYTES)
    wanted = ((bytes_ - zero) * step) @ (rounded.values * rounded.scales)
    wanted += np.linspace(0.5, 1.5, 64) if bias else 0.0
    assert [node.op_type for node in model.graph.node].count("Add") == 0  # it is part of the product
    np.testing.assert_allclose(
        session(model.SerializeToString()).run(None, {"x": x})[0], wanted, rtol=1e-4, atol=1e-3
    )
    inside = np.clip(x, limits.low, limits.high)
    assert np.abs((bytes_ - zero) * step - inside).max() <= step * 1.01


def test_activations_that_are_always_zero_stay_zero() -> None:
    model = product()
    zeros = np.zeros((1, 9, 64), np.float32)
    chosen = candidates(model)
    quantize_graph(model, chosen, measure(model, chosen, [{"x": zeros}]))
    np.testing.assert_array_equal(session(model.SerializeToString()).run(None, {"x": zeros})[0], zeros)


def test_examples_are_sentences_as_the_models_know_them() -> None:
    ids = list(sentences())
    assert all(item[0] == BOS and item[-1] in PAUSE_IDS and len(item) > 8 for item in ids)
    with_tone = sum(bool(set(TONE_IDS) & set(item)) for item in ids)
    assert 0.2 * len(ids) < with_tone < 0.8 * len(ids)
    assert len({unit for item in ids for unit in item}) >= 40
    examples = list(acoustic_inputs(3))
    assert {int(item["speaker"][0]) for item in examples} == {0, 1, 2}
    assert {float(item["speed"][0, 0]) for item in examples} == {0.5, 1.0, 1.5, 2.0}


def test_mels_of_the_acoustic_model_are_the_examples_of_the_vocoder() -> None:
    example = next(iter(vocoder_inputs(FastSpeech2(CONFIG).eval())))
    assert example["mel_input"].shape[1:] == (20, example["f0"].shape[1])


def test_command_measures_scales_for_a_voice_and_for_files(exported: Voice, tmp_path: Path) -> None:
    options = ["--quantize", "static", "--output-dir"]
    run([str(exported.path), "--force", *options, str(tmp_path / "voice")])
    assert constants(tmp_path / "voice" / "vocoder.onnx", ".step")
    acoustic, vocoder = (
        str(exported.path.parent / name) for name in ("acoustic_model.pt", "vocoder_model.pt")
    )
    run(["--acoustic-model", acoustic, "--vocoder", vocoder, "--force", *options, str(tmp_path)])
    run(
        [
            "--acoustic-model",
            acoustic,
            "--vocoder",
            vocoder,
            "--output-dir",
            str(tmp_path / "bare"),
            "--format",
            "onnx",
            "--force",
            "--quantize",
        ]
    )
    for name in ("acoustic_model.onnx", "vocoder.onnx"):
        assert constants(tmp_path / name, ".step")
        assert (tmp_path / "bare" / name).read_bytes() == (tmp_path / name).read_bytes()
    refused = CliRunner().invoke(command, ["--vocoder", vocoder, *options, str(tmp_path)])
    assert refused.exit_code == 2
    assert "measured with an --acoustic-model" in refused.output


def run(arguments: list[str]) -> None:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
