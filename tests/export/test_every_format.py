"""Every model in every format that can exist: exported, loaded by content, synthesized, and equal to torch."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from kalakan import Synthesizer
from kalakan.cli.inspect import inspect_path
from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig, HifiGanConfig, MelGanConfig
from kalakan.errors import ConfigError, ExportError, MissingDependencyError, VoiceError
from kalakan.export import files
from kalakan.export.exporter import ExportOptions, Source
from kalakan.export.files import REPORT, Cost, export_files
from kalakan.export.formats import exporter_of, source_of_voice
from kalakan.export.onnx.fused import trace_any_acoustic, trace_fused
from kalakan.export.tensorrt.engines import in_half, profile_shapes
from kalakan.export.tensorrt.exporter import TensorRtExporter
from kalakan.export.tensorrt.operators import adapted, reasons_against
from kalakan.export.torchscript import TorchScriptExporter
from kalakan.export.trial import Trial
from kalakan.models.registry import create_acoustic, create_vocoder
from kalakan.onnx_runtime import checking_session
from kalakan.voices.contents import kind_of
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import load_voice
from kalakan.voices.scripted import check_code, load_scripted
from kalakan.voices.weights import LoadedModel, load_model

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0)
TEXT = "Akwaaba, Kofi."
SPEAKERS = ("akosua", "kwame")
PARALLEL: dict[str, Any] = {
    **{"encoder_layers": 1, "encoder_width": 32, "encoder_filter": 32, "encoder_kernel": 3},
    **{"decoder_layers": 1, "decoder_filter": 32, "decoder_kernel": 3},
    **{"predictor_layers": 1, "predictor_width": 16},
}
ACOUSTIC: dict[str, dict[str, Any]] = {
    "fastspeech2": PARALLEL | {"encoder_heads": 2},
    "fastspeech2_small": PARALLEL | {"voicing_width": 8},
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
    "melgan": MelGanConfig(channels=16, upsample_rates=(8, 8), residual_dilations=(1, 3)),
    "griffin_lim": None,
}
PAIRS = (
    ("fastspeech2", "melgan"),
    ("fastspeech2_small", "harmonic_noise"),
    ("tacotron2", "hifigan"),
    ("fastspeech2_small", "griffin_lim"),
)
"""Every acoustic model and every vocoder."""


def acoustic(name: str) -> LoadedModel:
    torch.manual_seed(1)
    model: Any = create_acoustic(name, n_mels=20, speakers=SPEAKERS, **ACOUSTIC[name])
    model.mel_mean.fill_(-5.0)
    if name != "tacotron2":
        torch.nn.init.constant_(model.duration_predictor.out.bias, math.log(4.0))
    return LoadedModel(model.eval().requires_grad_(False), ModelRecord(name, to_dict(model.config)), AUDIO)


def vocoder(name: str) -> LoadedModel:
    torch.manual_seed(2)
    model: Any = create_vocoder(name, AUDIO, config=VOCODERS[name])
    if name == "harmonic_noise":
        model.project_out.weight.data.normal_(0.0, 0.3)
        model.f0_head.project_out.weight.data.normal_(0.0, 0.5)
    sizes = {} if VOCODERS[name] is None else to_dict(VOCODERS[name])
    return LoadedModel(model.eval().requires_grad_(False), ModelRecord(name, sizes), AUDIO)


pytestmark = pytest.mark.filterwarnings("ignore::kalakan.errors.StopTokenWarning")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the process that measures torch beside each file; 8-bit files still have 32-bit ones beside them."""
    monkeypatch.setattr(files, "_torch_cost", lambda *arguments: Cost(1, 1.0, 1.0))


@pytest.fixture(scope="module")
def sources() -> dict[tuple[str, str], Source]:
    return {pair: Source(acoustic(pair[0]), vocoder(pair[1])) for pair in PAIRS}


def wanted(source: Source) -> Any:
    assert source.acoustic is not None
    assert source.vocoder is not None
    made = Synthesizer(acoustic_model=source.acoustic.module, vocoder=source.vocoder.module)
    return made.synthesize(TEXT).numpy()


def near(found: Any, reference: Any) -> None:
    reference = np.asarray(reference)
    assert len(found) == len(reference)
    assert np.abs(reference).max() > 1e-4
    np.testing.assert_allclose(np.asarray(found), reference, atol=2e-3)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("name", ["onnx", "torchscript", "safetensors", "pt"])
def test_each_file_is_exported_loaded_and_synthesizes_as_torch(
    sources: dict[tuple[str, str], Source], pair: tuple[str, str], name: str, tmp_path: Path
) -> None:
    told: list[str] = []
    made = export_files(exporter_of(name), sources[pair], tmp_path, ExportOptions(), told.append)
    assert len(told) == len(made) == (1 if pair[1] == "griffin_lim" and name != "torchscript" else 2)
    report = json.loads((tmp_path / REPORT).read_text())
    for path in made:
        parity = report[path.name]["parity"]
        assert parity["lengths_equal"]
        assert parity["max_abs"] <= 1e-4 * parity["largest"] or path.stem.startswith("vocoder")
        assert report[path.name]["after"]["bytes"] == path.stat().st_size
        path.rename(path.with_name(f"{path.stem}.model"))  # the content says what it is
    found = [path.with_name(f"{path.stem}.model") for path in made]
    second: dict[str, Any] = {"vocoder": found[1]} if len(found) == 2 else {"vocoder_type": "griffin_lim"}
    engine = "torch" if name != "onnx" else "onnx"
    synthesizer = Synthesizer(acoustic_model=found[0], engine=engine, **second)
    assert synthesizer.speakers == SPEAKERS
    near(synthesizer.synthesize(TEXT), wanted(sources[pair]))


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("name", ["onnx", "torchscript"])
def test_fused_files_synthesize_as_the_pair(
    sources: dict[tuple[str, str], Source], pair: tuple[str, str], name: str, tmp_path: Path
) -> None:
    options = ExportOptions(fuse=True)
    if name == "onnx" and pair[1] == "griffin_lim":
        with pytest.raises(ExportError, match="griffin_lim has no ONNX form"):
            export_files(exporter_of(name), sources[pair], tmp_path, options)
        return
    (path,) = export_files(exporter_of(name), sources[pair], tmp_path, options)
    fused = Synthesizer(acoustic_model=path)
    near(fused.synthesize(TEXT), wanted(sources[pair]))
    near(np.concatenate([np.asarray(piece) for piece in fused.stream(TEXT)]), fused.synthesize(TEXT))
    with pytest.raises(ConfigError, match="has its own vocoder; leave the other one out"):
        Synthesizer(acoustic_model=path, vocoder_type="griffin_lim")


def test_files_of_all_kinds_are_mixed(sources: dict[tuple[str, str], Source], tmp_path: Path) -> None:
    source = sources["fastspeech2_small", "harmonic_noise"]
    reference = wanted(source)
    paths: dict[str, tuple[Path, Path]] = {}
    for name in ("onnx", "torchscript", "pt"):
        written = exporter_of(name).write(source, tmp_path, ExportOptions())
        paths[name] = (written[0].path, written[1].path)
    for one, other in (("onnx", "pt"), ("pt", "onnx"), ("torchscript", "onnx"), ("onnx", "torchscript")):
        mixed = Synthesizer(acoustic_model=paths[one][0], vocoder=paths[other][1])
        assert mixed.engine == "torch"
        near(mixed.synthesize(TEXT), reference)
    facts = inspect_path(paths["torchscript"][0])
    assert (facts["kind"], facts["role"], facts["speakers"]) == (
        "torchscript",
        "acoustic_model",
        list(SPEAKERS),
    )
    swapped = {"acoustic_model": paths["torchscript"][1]}
    with pytest.raises(VoiceError, match="holds a vocoder; give it as another model"):
        Synthesizer(**swapped)


def test_quantized_files_of_the_guide_are_small_and_load(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model: Any = create_acoustic(
        "fastspeech2_small", n_mels=20, speakers=SPEAKERS, encoder_layers=1, decoder_layers=1
    )
    model.mel_mean.fill_(-5.0)
    record = ModelRecord("fastspeech2_small", to_dict(model.config))
    source = Source(LoadedModel(model.eval().requires_grad_(False), record, AUDIO))
    (path,) = export_files(exporter_of("pt"), source, tmp_path, ExportOptions(quantize="weights"))
    assert path.name == "acoustic_model_quantized.pt"
    report = json.loads((tmp_path / REPORT).read_text())[path.name]
    assert report["before"]["bytes"] > 3 * report["after"]["bytes"]
    assert report["parity"]["mcd_db"] < 0.5
    assert len(Synthesizer(acoustic_model=path, vocoder_type="griffin_lim").synthesize(TEXT)) > 500


def test_an_8_bit_file_that_is_not_worth_it_needs_force(
    sources: dict[tuple[str, str], Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(sources["tacotron2", "hifigan"].acoustic)
    monkeypatch.setattr(files, "SMALLER", 100.0)
    monkeypatch.setattr(files, "FASTER", math.inf)
    monkeypatch.setattr(files, "check_parity", lambda *arguments: None)
    options = ExportOptions(quantize="dynamic")
    with pytest.raises(ExportError, match=r"8 bits are worth it from 100.0 or inf on; .* or add --force"):
        export_files(TorchScriptExporter(), source, tmp_path / "out", options)
    assert not list((tmp_path / "out").iterdir())
    assert export_files(TorchScriptExporter(), source, tmp_path / "out", replace(options, force=True))


def test_a_file_that_differs_leaves_nothing_behind(
    sources: dict[tuple[str, str], Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(sources["fastspeech2", "melgan"].acoustic)
    real = files.run_apart

    def louder(runner: str, path: Path, cases: Any, rounds: int = 3) -> Trial:
        trial = real(runner, path, cases, rounds)
        for outputs in trial.outputs:
            outputs["mel_output"] = outputs["mel_output"] + np.float32(0.01)
        return trial

    monkeypatch.setattr(files, "run_apart", louder)
    with pytest.raises(
        ExportError, match=r"acoustic_model.onnx: differs from torch by 1.00e-02 .* and equal lengths"
    ):
        export_files(exporter_of("onnx"), source, tmp_path, ExportOptions())
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_named(sources: dict[tuple[str, str], Source], tmp_path: Path) -> None:
    source = Source(None, sources["tacotron2", "hifigan"].vocoder)
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        export_files(exporter_of("safetensors"), source, tmp_path / "file" / "out", ExportOptions())
    kept = tmp_path / "vocoder.safetensors"
    kept.write_text("mine")
    kept.chmod(0o444)
    with pytest.raises(ExportError, match=r"the file is read-only|cannot be written"):
        export_files(exporter_of("safetensors"), source, tmp_path, ExportOptions())
    assert kept.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"file", "vocoder.safetensors"}


@pytest.mark.parametrize("opset", [16, 18, 20])
def test_operator_sets(opset: int, sources: dict[tuple[str, str], Source], tmp_path: Path) -> None:
    source = sources["fastspeech2_small", "harmonic_noise"]
    for item in exporter_of("onnx").write(source, tmp_path, ExportOptions(opset=opset)):
        versions = {entry.domain: entry.version for entry in onnx.load(item.path).opset_import}
        assert versions[""] == opset
        exporter_of("onnx").check(item)
        checking_session(str(item.path))


def test_a_voice_in_a_single_file(streaming_voice: Path, tmp_path: Path) -> None:
    source = source_of_voice(streaming_voice, None)
    name = load_voice(streaming_voice).manifest.name
    reference = np.asarray(Synthesizer(streaming_voice, engine="torch").synthesize(TEXT, speaker="kwame"))
    for format in ("onnx", "safetensors"):
        (item,) = exporter_of(format).write(source, tmp_path, ExportOptions(fuse=True))
        exporter_of(format).check(item)
        assert item.path.name == f"{name}.{format}"
        assert load_voice(item.path).manifest == replace(load_voice(streaming_voice).manifest, files={})
        synthesizer = Synthesizer(item.path)
        near(synthesizer.synthesize(TEXT, speaker="kwame"), reference)
        content = bytearray(item.path.read_bytes())
        content[len(content) // 2] ^= 1
        damaged = item.path.with_name(f"damaged.{format}")
        damaged.write_bytes(content)
        with pytest.raises(VoiceError, match="its sha256 is not the one in it"):
            load_voice(damaged)
        damaged.write_bytes(content[: len(content) // 3])
        with pytest.raises(VoiceError):
            Synthesizer(damaged)


def test_a_file_of_another_symbol_table_is_refused(
    sources: dict[tuple[str, str], Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(sources["fastspeech2_small", "harmonic_noise"].acoustic)
    monkeypatch.setattr("kalakan.voices.scripted.TABLE_HASH", "0" * 64)
    monkeypatch.setattr("kalakan.voices.weights.TABLE_HASH", "0" * 64)
    paths = [
        exporter_of(name).write(source, tmp_path, ExportOptions())[0].path
        for name in ("torchscript", "safetensors")
    ]
    monkeypatch.undo()
    for path in paths:
        with pytest.raises(VoiceError, match="another phoneme table"):
            Synthesizer(acoustic_model=path)


def test_code_in_files_is_refused(tmp_path: Path) -> None:
    class Reader(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.from_file("stolen", False, 4)

    path = tmp_path / "model.pt"
    torch.jit.script(Reader()).save(str(path))
    assert kind_of(path) == "torchscript"
    with pytest.raises(VoiceError, match=r"its code calls torch.from_file, which reaches beyond tensors"):
        Synthesizer(acoustic_model=path)
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    with pytest.raises(VoiceError, match="does not say what it is"):
        load_scripted(path)
    with pytest.raises(VoiceError, match="is a TorchScript file, which runs and cannot be changed"):
        load_model(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(VoiceError, match="is damaged"):
        check_code(path)
    torch.save(torch.nn.Linear(2, 2), path)  # a module, which is code to torch
    with pytest.raises(VoiceError, match="would run code of its own when it is loaded, and is refused"):
        load_model(path)


def test_graphs_are_what_tensorrt_takes(sources: dict[tuple[str, str], Source], tmp_path: Path) -> None:
    gan = sources["fastspeech2", "melgan"]
    for options in (ExportOptions(), ExportOptions(fuse=True), ExportOptions(opset=20)):
        for _, graph in TensorRtExporter().graphs(gan, options):
            assert reasons_against(graph) == []
    assert gan.acoustic is not None
    graph = trace_any_acoustic(gan.acoustic.module)
    assert reasons_against(graph) == ["CumSum of int64"]
    ids = np.array([[1, 29, 48, 16, 7]])
    both = [
        checking_session(item.SerializeToString()).run(None, {"phonemes": ids})
        for item in (graph, adapted(graph))
    ]
    for one, other in zip(*both, strict=True):
        np.testing.assert_array_equal(one, other)
    loop = trace_any_acoustic(sources["tacotron2", "hifigan"].acoustic.module)  # type: ignore[union-attr]
    assert reasons_against(loop) == ["Loop whose number of steps is not known"]


def test_a_graph_in_16_bits_keeps_durations(sources: dict[tuple[str, str], Source]) -> None:
    source = sources["fastspeech2", "melgan"]
    assert source.acoustic is not None
    assert source.vocoder is not None
    graph = trace_fused(source.acoustic.module, source.vocoder.module)
    half = in_half(graph.SerializeToString())
    assert len(half) < 0.9 * graph.ByteSize()
    ids = np.random.default_rng(0).integers(24, 77, (1, 31))
    names = ["durations", "audio_output"]
    one, other = (
        checking_session(item).run(names, {"phonemes": ids}) for item in (graph.SerializeToString(), half)
    )
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_allclose(one[1], other[1], atol=2e-2)


def test_an_engine_is_built_for_every_length() -> None:
    class Input:
        name, shape = "phonemes", (-1, -1)

    class Fixed:
        name, shape = "table", (3,)

    class Network:
        num_inputs = 2

        def get_input(self, index: int) -> Any:
            return (Input, Fixed)[index]

    assert list(profile_shapes(Network(), "acoustic_model")) == [("phonemes", [(1, 1), (1, 64), (16, 512)])]
    assert list(profile_shapes(Network(), "vocoder")) == [("phonemes", [(1, 1), (1, 256), (16, 4096)])]


def test_tensorrt_says_what_is_missing(sources: dict[tuple[str, str], Source], tmp_path: Path) -> None:
    source = sources["fastspeech2", "melgan"]
    exporter: Any = TensorRtExporter()
    reason = exporter.missing()
    if reason is None:
        pytest.skip("this machine has TensorRT and a GPU")
    with pytest.raises(MissingDependencyError, match="TensorRT"):
        export_files(exporter, source, tmp_path / "out", ExportOptions())
    assert not (tmp_path / "out").exists()


def test_other_rates_are_refused(tmp_path: Path, sources: dict[tuple[str, str], Source]) -> None:
    source = sources["fastspeech2", "melgan"]
    assert source.vocoder is not None
    other = replace(source.vocoder, audio=replace(AUDIO, sample_rate=7000, mel_fmax=3500.0))
    with pytest.raises(ExportError, match="different audio settings; they do not fit"):
        export_files(exporter_of("onnx"), replace(source, vocoder=other), tmp_path, ExportOptions())
