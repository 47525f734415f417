from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from kalakan.config.schema import AudioConfig, FastSpeech2Config
from kalakan.errors import ExportError, VoiceError
from kalakan.export.onnx import acoustic as onnx_export
from kalakan.export.onnx.acoustic import export_acoustic, rounded, write_acoustic
from kalakan.export.onnx.shared_weights import read_layout
from kalakan.export.voice import add_onnx, add_vocoder
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.voices.package import DEFAULT, load_voice, voice_folder
from kalakan.voices.save import save_acoustic_product
from kalakan.voices.weights import load_acoustic, load_vocoder

CONFIG = FastSpeech2Config(
    speakers=("ama", "kofi"),
    encoder_layers=1,
    encoder_width=32,
    encoder_filter=32,
    encoder_kernel=3,
    decoder_block="convnext",
    decoder_layers=1,
    decoder_filter=32,
    decoder_kernel=3,
    predictor_layers=1,
    predictor_width=16,
    voicing_width=8,
)


@pytest.fixture(scope="module")
def model() -> FastSpeech2:
    torch.manual_seed(0)
    return FastSpeech2(CONFIG).eval()


@pytest.fixture
def trained(tmp_path: Path, model: FastSpeech2) -> Path:
    save_acoustic_product(tmp_path, "fastspeech2_small", model, AudioConfig(), {})
    return tmp_path / "voice"


@pytest.mark.parametrize("half", [False, True])
def test_voice_speaks_the_same_in_both_forms(trained: Path, half: bool) -> None:
    before = load_voice(trained).file("acoustic.safetensors").stat().st_size
    voice = add_onnx(trained, half_weights=half)
    weights, graph = voice.file("acoustic.safetensors"), voice.file("acoustic.onnx")
    assert weights.stat().st_size < (0.65 * before if half else 1.01 * before)
    session = onnxruntime.InferenceSession(str(graph), _silent(), providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(1).integers(24, 60, (2, 40))
    found = session.run(["mel_output"], {"phonemes": ids})[0]
    with torch.no_grad():
        expected, _ = load_acoustic(voice).inference(torch.from_numpy(ids))
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-3)


def test_graph_of_a_voice_holds_no_second_copy_of_the_weights(trained: Path) -> None:
    import onnx

    voice = add_onnx(trained)
    graph = onnx.load(voice.file("acoustic.onnx"), load_external_data=False)
    matrices = [t for t in graph.graph.initializer if np.prod(t.dims) >= 1024]
    assert matrices
    assert all(t.data_location == onnx.TensorProto.EXTERNAL for t in matrices)
    names = read_layout(voice.file("acoustic.safetensors").read_bytes())
    assert {t.name.removeprefix("model.").removesuffix(".half") for t in matrices} <= set(names)


@pytest.mark.parametrize("half", [False, True])
def test_single_file_export_needs_only_phonemes(model: FastSpeech2, tmp_path: Path, half: bool) -> None:
    write_acoustic(model, tmp_path / "acoustic_model.onnx", half_weights=half)
    assert [path.name for path in tmp_path.iterdir()] == ["acoustic_model.onnx"]
    path = str(tmp_path / "acoustic_model.onnx")
    session = onnxruntime.InferenceSession(path, _silent(), providers=["CPUExecutionProvider"])
    ids = np.array([[1, 29, 48, 16, 7]])
    mel = session.run(["mel_output"], {"phonemes": ids})[0]
    with torch.no_grad():
        expected, _ = (rounded(model) if half else model).inference(torch.from_numpy(ids))
    np.testing.assert_allclose(mel, expected.numpy(), atol=1e-4)


def test_export_that_differs_from_torch_is_not_kept(
    model: FastSpeech2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "TOLERANCE", 0.0)
    with pytest.raises(ExportError, match="differs from torch by"):
        write_acoustic(model, tmp_path / "acoustic_model.onnx")
    assert not list(tmp_path.iterdir())


def test_durations_may_differ_from_torch_only_on_the_edge_of_rounding(model: FastSpeech2) -> None:
    ids = np.random.default_rng(1).integers(24, 60, (1, 40))
    inputs = {"phonemes": ids, "speed": np.ones((1, 1), np.float32)}
    with torch.no_grad():
        hidden, mask = model.encode(torch.from_numpy(ids), torch.zeros(1, dtype=torch.long))
        log_durations = model.duration_predictor(hidden, mask).squeeze(2)
    ones = torch.ones(1, 1)
    ends = model.exact_ends(log_durations, torch.from_numpy(ids), ones)[0].detach().numpy()
    near = int(np.abs((ends + 0.5) - np.round(ends + 0.5)).argmax())  # far from a tie
    exact = model.round_durations(log_durations, torch.from_numpy(ids), ones).numpy()
    _, aux = onnx_export.inference_with(model, inputs, exact)
    np.testing.assert_array_equal(aux["durations"].numpy(), exact)
    moved = exact.copy()
    moved[0, near] += 1
    with pytest.raises(ExportError, match="rounds durations differently"):
        onnx_export.inference_with(model, inputs, moved)
    # A speed at which that sound ends at a tie, so nearly that either side is right.
    tie = float(np.floor(ends[near]) + 0.5)
    inputs["speed"] = np.full((1, 1), ends[near] / tie, np.float32)
    found = model.round_durations(log_durations, torch.from_numpy(ids), torch.from_numpy(inputs["speed"]))
    moved = found.numpy().copy()
    moved[0, near] += 1 if np.floor(ends[near] / inputs["speed"][0, 0] + 0.5) < tie else -1
    moved[0, near] = max(moved[0, near], 1)
    _, aux = onnx_export.inference_with(model, inputs, moved)
    np.testing.assert_array_equal(aux["durations"].numpy(), moved)


def test_export_leaves_the_model_as_it_was(model: FastSpeech2) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    export_acoustic(model)
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def _silent() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return options


def test_a_voice_takes_over_the_vocoder_of_another(
    tiny_voice: Path, streaming_voice: Path, tmp_path: Path
) -> None:
    made = add_vocoder(tiny_voice, streaming_voice, tmp_path / "made")
    wanted = load_vocoder(load_voice(streaming_voice)).state_dict()
    for name, value in load_vocoder(load_voice(made.path)).state_dict().items():
        assert torch.equal(value, wanted[name]), name
    ours = np.asarray(Synthesizer(made.path).synthesize("Yoo"))
    theirs = np.asarray(Synthesizer(tiny_voice, vocoder=streaming_voice).synthesize("Yoo"))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    with pytest.raises(VoiceError, match="its vocoder is griffin_lim, which has no weights"):
        add_vocoder(streaming_voice, tiny_voice, tmp_path / "not")


def test_the_word_default_is_the_voice_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert voice_folder("default") == voice_folder(Path("default")) == voice_folder(None) == DEFAULT
    (tmp_path / "default").mkdir()
    assert voice_folder("default") == Path("default")
    assert voice_folder("other") == Path("other")
