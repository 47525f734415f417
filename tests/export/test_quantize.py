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

from kalakan.audio.harmonic_noise import NOISE_SIZE
from kalakan.cli.export import command
from kalakan.config.schema import AudioConfig, FastSpeech2Config, HarmonicNoiseConfig
from kalakan.errors import ExportError, VoiceError
from kalakan.export.onnx.acoustic import write_acoustic
from kalakan.export.onnx.conv1d_to_2d import widen
from kalakan.export.onnx.matmuls import candidates
from kalakan.export.onnx.quantize import LEVELS, quantize_file, quantize_graph
from kalakan.export.voice import add_onnx, add_vocoder
from kalakan.export.voice_quantize import quantize_voice
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.voices.package import Voice, load_voice
from kalakan.voices.save import save_acoustic_product, save_vocoder_product
from kalakan.voices.weights import SCALE, dequantize, load_acoustic

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0)
CONFIG = FastSpeech2Config(
    n_mels=20,
    speakers=("ama", "kofi"),
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
IDS = np.random.default_rng(5).integers(24, 77, (1, 63))


@pytest.fixture(scope="module")
def model() -> FastSpeech2:
    torch.manual_seed(2)
    made = FastSpeech2(CONFIG).eval()
    torch.nn.init.constant_(made.duration_predictor.out.bias, 1.5)
    torch.nn.init.normal_(made.mel_out.weight, std=0.2)
    return made


@pytest.fixture(scope="module")
def exported(model: FastSpeech2, tmp_path_factory: pytest.TempPathFactory) -> Voice:
    """A voice with both graphs, in 32 bits."""
    folder = tmp_path_factory.mktemp("quantize")
    save_acoustic_product(folder, "fastspeech2_small", model, AUDIO, {})
    add_onnx(folder / "voice")
    torch.manual_seed(3)
    vocoder = HarmonicNoise(VOCODER, AUDIO).eval()
    weights = save_vocoder_product(folder, "harmonic_noise", vocoder, AUDIO)
    return add_vocoder(folder / "voice", weights)


@pytest.fixture(scope="module")
def quantized(exported: Voice) -> Voice:
    return quantize_voice(exported.path, exported.path.parent / "quantized")


def session(source: str | bytes | Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(source if isinstance(source, bytes) else str(source), options)


def outputs(graph: Any, feeds: dict[str, Any]) -> dict[str, Any]:
    names = [item.name for item in graph.get_outputs()]
    return dict(zip(names, graph.run(names, feeds), strict=True))


@pytest.mark.parametrize("half", [False, True])
def test_durations_and_f0_keep_every_bit(model: FastSpeech2, tmp_path: Path, half: bool) -> None:
    source, target = tmp_path / "acoustic_model.onnx", tmp_path / "quantized.onnx"
    write_acoustic(model, source, half_weights=half)
    quantize_file(source, target)
    assert target.stat().st_size < source.stat().st_size
    before, after = session(source), session(target)
    for of in ("get_inputs", "get_outputs", "get_overridable_initializers"):
        assert [(i.name, i.type) for i in getattr(before, of)()] == [
            (i.name, i.type) for i in getattr(after, of)()
        ]
    for feeds in ({"phonemes": IDS}, {"phonemes": IDS, "pitch": np.full((1, 1), 2, np.float32)}):
        wanted, found = outputs(before, feeds), outputs(after, feeds)
        for name in ("durations", "mel_lengths", "pitch_output"):
            np.testing.assert_array_equal(found[name], wanted[name])
        difference = np.abs(found["mel_output"] - wanted["mel_output"]).mean()
        assert 0 < difference < 0.03 * wanted["mel_output"].std()


def test_both_engines_have_the_same_weights(exported: Voice, quantized: Voice) -> None:
    for name in ("acoustic.safetensors", "vocoder.safetensors"):
        assert quantized.file(name).stat().st_size < exported.file(name).stat().st_size
    with torch.no_grad():
        wanted, aux = load_acoustic(quantized).inference(torch.from_numpy(IDS))
    found = outputs(session(quantized.file("acoustic.onnx")), {"phonemes": IDS})
    np.testing.assert_array_equal(found["durations"], aux["durations"].numpy())
    assert np.abs(found["mel_output"] - wanted.numpy()).mean() < 0.02 * wanted.numpy().std()
    loud = [Synthesizer(quantized.path, engine=engine).synthesize("Akwaaba") for engine in ("onnx", "torch")]
    assert len(loud[0]) == len(loud[1])
    np.testing.assert_allclose(loud[0], np.asarray(loud[1]), atol=0.02)


def test_weights_of_a_quantized_voice_live_once(quantized: Voice) -> None:
    for name in ("acoustic.onnx", "vocoder.onnx", "vocoder_filters.onnx"):
        graph = onnx.load(quantized.file(name), load_external_data=False).graph
        assert sum(node.op_type == "MatMulInteger" for node in graph.node) >= 3
        large = [tensor for tensor in graph.initializer if np.prod(tensor.dims) >= 1024]
        assert any(tensor.data_type == TensorProto.INT8 for tensor in large)
        inside = [tensor for tensor in large if tensor.data_location != TensorProto.EXTERNAL]
        assert [tuple(tensor.dims) for tensor in inside] in (
            [],
            [(NOISE_SIZE,)],
        )  # no weight, but the noise table


def test_a_quantized_voice_can_be_exported_anew(quantized: Voice, tmp_path: Path) -> None:
    voice = add_onnx(quantized.path, tmp_path / "voice")
    again = quantize_voice(voice.path)
    first, second = (outputs(session(v.file("acoustic.onnx")), {"phonemes": IDS}) for v in (quantized, again))
    np.testing.assert_allclose(second["mel_output"], first["mel_output"], atol=1e-4)


def test_what_cannot_be_quantized_is_refused(quantized: Voice, tiny_voice: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="holds no graph with weights to quantize"):
        quantize_voice(quantized.path, tmp_path / "again")
    with pytest.raises(ExportError, match="holds no graph with weights to quantize"):
        quantize_voice(tiny_voice, tmp_path / "tiny")
    with pytest.raises(ExportError, match="no product with a matrix of 4096"):
        quantize_file(quantized.file("acoustic.onnx"), tmp_path / "again.onnx")
    assert not list(tmp_path.iterdir())


def test_missing_scales_are_named() -> None:
    values = torch.tensor([[1, -2]], dtype=torch.int8)
    state = {"a.weight": values, "a.weight" + SCALE: torch.full((1, 1), 0.5), "a.bias": torch.ones(1)}
    restored = dequantize(state)
    assert list(restored) == ["a.weight", "a.bias"]
    torch.testing.assert_close(restored["a.weight"], torch.tensor([[0.5, -1.0]]))
    with pytest.raises(VoiceError, match=r"a\.weight is quantized and has no scales"):
        dequantize({"a.weight": values})


def convolution(weight: np.ndarray, group: int, pads: tuple[int, int], target: str = "sound") -> Any:
    """x [B, T, I] to `target` [B, T', O] by a convolution over time."""
    bias = np.random.default_rng(9).normal(size=len(weight)).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", ["x"], ["channels"], perm=(0, 2, 1)),
        helper.make_node("Conv", ["channels", "weight", "bias"], ["made"], group=group, pads=pads),
        helper.make_node("Transpose", ["made"], [target], perm=(0, 2, 1)),
    ]
    values = [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")]
    return one_graph(nodes, values, weight.shape[1] * group, [target])


def one_graph(nodes: list[Any], values: list[Any], width: int, targets: list[str]) -> Any:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, None, width])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, None]) for name in targets]
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(
        helper.make_graph(nodes, "g", [x], ends, values), opset_imports=opset, ir_version=8
    )


def run(model: Any, x: np.ndarray) -> np.ndarray:
    result: np.ndarray = outputs(session(model.SerializeToString()), {"x": x})[model.graph.output[0].name]
    return result


def rounded_input(x: np.ndarray) -> np.ndarray:
    """What `DynamicQuantizeLinear` of the ONNX standard leaves of its input."""
    low, high = min(x.min(), 0.0), max(x.max(), 0.0)
    step = np.float32((high - low) / 255)
    zero = np.clip(np.rint(-low / step), 0, 255)
    return ((np.clip(np.rint(x / step) + zero, 0, 255) - zero) * step).astype(np.float32)


@pytest.mark.parametrize("frames", [2, 63, 129])
@pytest.mark.parametrize(("kernel", "pads"), [(1, (0, 0)), (2, (1, 0)), (5, (2, 2)), (3, (0, 2))])
def test_quantized_convolution_is_that_of_rounded_numbers(
    frames: int, kernel: int, pads: tuple[int, int]
) -> None:
    random = np.random.default_rng(frames)
    weight = random.normal(size=(48, 96, kernel)).astype(np.float32)
    x = random.normal(1.0, 2.0, (2, frames, 96)).astype(np.float32)
    model = convolution(weight, 1, pads)
    (found,) = quantize_graph(model, candidates(model))
    assert np.abs(found.values).max() == LEVELS
    exact = convolution((found.values * found.scales).astype(np.float32), 1, pads)
    assert np.abs(found.values * found.scales - weight).max() <= found.scales.max() / 2 * 1.001
    np.testing.assert_allclose(run(model, x), run(exact, rounded_input(x)), rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("frames", [2, 63, 129])
@pytest.mark.parametrize(("group", "pads"), [(1, (3, 3)), (32, (3, 3)), (32, (6, 0))])
def test_two_dimensional_convolution_is_the_same(frames: int, group: int, pads: tuple[int, int]) -> None:
    random = np.random.default_rng(frames)
    weight = random.normal(size=(32, 32 // group, 7)).astype(np.float32)
    x = random.normal(size=(2, frames, 32)).astype(np.float32)
    model = convolution(weight, group, pads)
    wanted = run(model, x)
    widen(model, skipped=())
    assert [node.op_type for node in model.graph.node].count("Unsqueeze") == 2
    np.testing.assert_allclose(run(model, x), wanted, rtol=1e-5, atol=5e-5)


def test_weights_that_an_exact_output_needs_are_no_candidates() -> None:
    weight = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "shared"], ["mel_output"]),
        helper.make_node("MatMul", ["mel_output", "free"], ["energy_output"]),
        helper.make_node("MatMul", ["x", "shared"], ["durations"]),
    ]
    values = [numpy_helper.from_array(weight, name) for name in ("shared", "free")]
    targets = ["mel_output", "energy_output", "durations"]
    assert candidates(one_graph(nodes, values, 64, targets)) == {"free"}
    assert candidates(one_graph(nodes[:2], values, 64, targets[:2])) == {"free", "shared"}
    assert candidates(convolution(np.ones((64, 64, 3), np.float32), 1, (1, 1), "durations")) == set()


def test_default_voice_speaks_alike_in_integers_and_in_torch() -> None:
    voice = load_voice()
    with torch.no_grad():
        wanted, aux = load_acoustic(voice).inference(torch.from_numpy(IDS))
    found = outputs(session(voice.file("acoustic_encoder.onnx")), {"phonemes": IDS})
    ends = np.cumsum(aux["durations"].numpy())  # the encoder rounds its activations, which torch does not
    assert np.abs(np.cumsum(found["durations"]) - ends).max() <= 2
    with torch.no_grad():
        wanted, aux = load_acoustic(voice).inference(
            torch.from_numpy(IDS), durations=torch.from_numpy(found["durations"])
        )
    pitch = aux["pitch"].numpy()
    assert ((found["pitch_output"] > 0) != (pitch > 0)).mean() < 0.02
    both = (found["pitch_output"] > 0) & (pitch > 0)
    np.testing.assert_allclose(found["pitch_output"][both], pitch[both], rtol=0.03)
    decoded = outputs(session(voice.file("acoustic_decoder.onnx")), {"frames": found["frames"]})
    assert np.abs(decoded["mel_output"] - wanted.numpy()).mean() < 0.05


def test_command_quantizes_a_voice_and_files(exported: Voice, tmp_path: Path) -> None:
    options = ["--quantize", "dynamic", "--output-dir"]
    run_command([str(exported.path), "--force", *options, str(tmp_path / "voice")])
    assert "MatMulInteger" in kinds(load_voice(tmp_path / "voice").file("vocoder.onnx"))
    weights = str(exported.path.parent / "acoustic_model.pt")
    run_command(["--acoustic-model", weights, "--force", *options, str(tmp_path)])
    assert "MatMulInteger" in kinds(tmp_path / "acoustic_model.onnx")


def run_command(arguments: list[str]) -> None:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output


def kinds(path: Path) -> set[str]:
    return {node.op_type for node in onnx.load(path, load_external_data=False).graph.node}
