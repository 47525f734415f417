"""What surrounds TensorRT, with a stand-in for it that computes on the CPU: no machine of this project has a GPU."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from kalakan import Synthesizer
from kalakan.config.schema import AudioConfig
from kalakan.errors import ConfigError, ExportError, MissingDependencyError, SynthesisError, VoiceError
from kalakan.export.exporter import ExportOptions
from kalakan.export.tensorrt import engines
from kalakan.export.tensorrt.engines import engine_of, key_of
from kalakan.synthesis.engines import tensorrt_engines
from kalakan.synthesis.engines.tensorrt_engines import EngineAcoustic, EngineVocoder, Runner, open_engine
from kalakan.voices.contents import kind_of
from kalakan.voices.engine_file import MARK, EngineFile, read_engine, with_facts
from kalakan.voices.identity import Identity, to_metadata

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0)
PLAN = b"ftrt a plan"
MOST = 40
"""Longest input that the engines of the stand-in take."""


def predicted(given: dict[str, Any]) -> dict[str, Any]:
    """A model of two frames for each id, whose mel tells what it was given."""
    ids = given["phonemes"]
    frames = 2 * ids.shape[1]
    mel = np.zeros((len(ids), 20, frames), np.float32)
    mel[:, 0] = np.repeat(ids, 2, axis=1)
    mel[:, 1] = given["speaker"].reshape(-1, 1)
    mel[:, 2] = given["speed"].mean()
    counts = np.count_nonzero(ids, axis=1) * 2
    return {"mel_output": mel, "mel_lengths": counts.astype(np.int64), "pitch_output": mel[:, 3] + 120}


def vocoded(given: dict[str, Any]) -> dict[str, Any]:
    return {"audio_output": np.repeat(given["mel_input"][:, 0] / 100, 64, axis=1).astype(np.float32)}


MODELS: dict[str, tuple[dict[str, str], dict[str, str], Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "acoustic_model": (
        {"phonemes": "INT64", "speaker": "INT64", "speed": "FLOAT"},
        {"mel_output": "FLOAT", "mel_lengths": "INT64", "pitch_output": "FLOAT"},
        predicted,
    ),
    "vocoder": ({"mel_input": "FLOAT"}, {"audio_output": "FLOAT"}, vocoded),
    "fused_model": (
        {"phonemes": "INT64", "speaker": "INT64", "speed": "FLOAT"},
        {"audio_output": "FLOAT", "mel_lengths": "INT64"},
        lambda given: (
            vocoded({"mel_input": predicted(given)["mel_output"]})
            | {"mel_lengths": predicted(given)["mel_lengths"]}
        ),
    ),
}
KINDS = {"FLOAT": np.float32, "INT64": np.int64, "INT32": np.int32, "HALF": np.float16}


def stand_in() -> ModuleType:
    """A module with the part of TensorRT's interface that Kalakan uses (NVIDIA's documentation of TensorRT 10)."""
    module: Any = ModuleType("tensorrt")
    module.__version__ = "10.0.stand-in"
    module.TensorIOMode = type("TensorIOMode", (), {"INPUT": 1, "OUTPUT": 2})
    module.DataType = type("DataType", (), {name: name for name in KINDS})
    module.IOutputAllocator = type("IOutputAllocator", (), {"__init__": lambda self: None})
    module.Logger = type("Logger", (), {"ERROR": 1, "__init__": lambda self, level: None})

    class Context:
        def __init__(self, engine: Any) -> None:
            self.engine, self.shapes, self.places, self.outputs = engine, {}, {}, {}

        def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
            self.shapes[name] = shape
            return len(shape) < 2 or shape[1] <= MOST or name == "mel_input"

        def set_tensor_address(self, name: str, place: int) -> None:
            self.places[name] = place

        def set_output_allocator(self, name: str, place: Any) -> None:
            self.outputs[name] = place

        def execute_async_v3(self, stream: int) -> bool:
            given = {}
            for name, place in self.places.items():
                kind = np.dtype(KINDS[self.engine.inputs[name]])
                size = int(np.prod(self.shapes[name])) * kind.itemsize
                given[name] = np.frombuffer(ctypes.string_at(place, size), kind).reshape(self.shapes[name])
            for name, value in self.engine.work(given).items():
                content = np.ascontiguousarray(value, KINDS[self.engine.outputs[name]])
                place = self.outputs[name].reallocate_output(name, 0, content.nbytes, 256)
                ctypes.memmove(place, content.tobytes(), content.nbytes)
                self.outputs[name].notify_shape(name, content.shape)
            return True

    class Engine:
        def __init__(self, role: str) -> None:
            self.inputs, self.outputs, self.work = MODELS[role]
            self.names = [*self.inputs, *self.outputs]
            self.num_io_tensors = len(self.names)

        def get_tensor_name(self, index: int) -> str:
            return self.names[index]

        def get_tensor_mode(self, name: str) -> int:
            return 1 if name in self.inputs else 2

        def get_tensor_dtype(self, name: str) -> str:
            return (self.inputs | self.outputs)[name]

        def create_execution_context(self) -> Context:
            return Context(self)

    class Runtime:
        def __init__(self, logger: Any) -> None:
            pass

        def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
            role = plan.removeprefix(PLAN).decode()
            return Engine(role) if role in MODELS else None

    module.Runtime = Runtime
    return module


@pytest.fixture
def tensorrt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    module = stand_in()
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    yield module


def written(folder: Path, role: str, **changes: str) -> Path:
    speakers = None if role == "vocoder" else ("akosua", "kwame")
    path = folder / f"{role}.engine"
    told = {**to_metadata(AUDIO, speakers), "role": role, **changes}
    path.write_bytes(with_facts(PLAN + role.encode(), told))
    return path


def opened(path: Path) -> Runner:
    return Runner(read_engine(path), path, torch.device("cpu"))


def test_a_file_says_what_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, "acoustic_model")
    found = read_engine(path)
    assert kind_of(path) == "tensorrt"
    assert found == EngineFile(
        PLAN + b"acoustic_model", "acoustic_model", Identity(AUDIO, ("akosua", "kwame"))
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAN, "does not say what it is"),
        (PLAN + b"\0" * 8 + MARK, "damaged"),
        (PLAN + b"{}" + (2).to_bytes(8, "little") + MARK, "damaged"),
        (PLAN + b"{}" + (2**40).to_bytes(8, "little") + MARK, "damaged"),
        (with_facts(PLAN, {"role": "vocoder"}), "audio settings"),
        (with_facts(PLAN, {"role": "vocoder", "phoneme_table": "0"}), "another phoneme table"),
        (b"", "does not say what it is"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.engine"
    path.write_bytes(content)
    with pytest.raises(VoiceError, match=said):
        read_engine(path)


def test_an_engine_predicts(tensorrt: Any, tmp_path: Path) -> None:
    model = EngineAcoustic(opened(written(tmp_path, "acoustic_model")), AUDIO, is_fused=False)
    ids = torch.tensor([[5, 6, 7], [8, 9, 3]])
    mel, more = model.inference(
        ids, torch.tensor([3, 2]), torch.tensor([1, 0]), speed=torch.tensor([[0.5]], dtype=torch.float64)
    )
    assert mel[:, 0].tolist() == [[5, 5, 6, 6, 7, 7], [8, 8, 9, 9, 0, 0]]
    assert mel[:, 1, 0].tolist() == [1, 0]
    assert mel[0, 2, 0].item() == 0.5
    assert more["mel_lengths"].tolist() == [6, 4]
    assert more["pitch"].shape == (2, 6)
    plain, _ = model.inference(ids)
    assert (plain[0, 1, 0].item(), plain[0, 2, 0].item()) == (0, 1)  # the defaults


def test_what_an_engine_refuses(tensorrt: Any, tmp_path: Path) -> None:
    model = EngineAcoustic(opened(written(tmp_path, "acoustic_model")), AUDIO, is_fused=False)
    with pytest.raises(SynthesisError, match="no input 'pitch'"):
        model.inference(torch.ones(1, 3, dtype=torch.int64), pitch=torch.zeros(1, 1))
    with pytest.raises(SynthesisError, match="was not built for"):
        model.inference(torch.ones(1, MOST + 1, dtype=torch.int64))
    path = tmp_path / "other.engine"
    path.write_bytes(with_facts(b"ftrt of another version", {**to_metadata(AUDIO), "role": "vocoder"}))
    with pytest.raises(VoiceError, match=r"10\.0\.stand-in refuses it"):
        opened(path)


def test_vocoder_and_fused_engines(tensorrt: Any, tmp_path: Path) -> None:
    vocoder = EngineVocoder(opened(written(tmp_path, "vocoder")), AUDIO)
    assert vocoder.inference(torch.ones(1, 20, 3)).shape == (1, 192)
    fused = EngineAcoustic(opened(written(tmp_path, "fused_model")), AUDIO, is_fused=True)
    frames, more = fused.inference(torch.tensor([[5, 6]]))
    assert frames.shape == (1, 64, 4)
    assert more["mel_lengths"].tolist() == [4]


def test_a_synthesizer_of_engines(tensorrt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way, with the stand-in's memory on the CPU in place of a GPU's."""

    def on_the_cpu(path: Path, device: str) -> tuple[EngineFile, Runner]:
        return read_engine(path), opened(path)

    monkeypatch.setattr(tensorrt_engines, "open_engine", on_the_cpu)
    acoustic = written(tmp_path, "acoustic_model").rename(tmp_path / "by_content.bin")
    parts = Synthesizer(acoustic_model=acoustic, vocoder=written(tmp_path, "vocoder"))
    fused = Synthesizer(acoustic_model=written(tmp_path, "fused_model"))
    assert parts.engine == fused.engine == "torch"
    assert parts.speakers == ("akosua", "kwame")
    audio = parts.synthesize("Kofi ba.", speaker="kwame", speed=0.8)
    assert len(audio) > 0
    torch.testing.assert_close(fused.synthesize("Kofi ba.", speaker="kwame", speed=0.8), audio)
    with pytest.raises(VoiceError, match="holds a vocoder"):
        Synthesizer(acoustic_model=tmp_path / "vocoder.engine")
    with pytest.raises(ConfigError, match="leave the other one out"):
        Synthesizer(acoustic_model=tmp_path / "fused_model.engine", vocoder=tmp_path / "vocoder.engine")


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "acoustic_model")
    with pytest.raises(ConfigError, match="runs on a GPU alone"):
        Synthesizer(acoustic_model=path)
    monkeypatch.setattr(tensorrt_engines, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="tensorrt is not installed"):
        open_engine(path, "cuda:0")


def test_the_cache_has_an_engine_for_each_gpu_and_version(
    tensorrt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    gpu: dict[str, Any] = {"name": "H200", "capability": (9, 0)}
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: gpu["name"])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: gpu["capability"])
    built: list[bytes] = []

    def build(content: bytes, role: str) -> bytes:
        built.append(content)
        return PLAN + role.encode()

    monkeypatch.setattr(engines, "build", build)
    graph = type("Graph", (), {"SerializeToString": lambda self: b"graph"})()
    for count, change in enumerate(
        (
            lambda: None,
            lambda: gpu.update(name="L4"),
            lambda: gpu.update(capability=(8, 9)),
            lambda: setattr(tensorrt, "__version__", "10.1"),
            lambda: monkeypatch.setattr(torch.version, "cuda", "14.0"),
        ),
        start=1,
    ):
        change()
        for _ in range(2):
            assert engine_of(graph, "vocoder", ExportOptions()) == PLAN + b"vocoder"
        assert len(built) == count  # the second time it comes from the cache
    keys = {key_of(content, ExportOptions(floats)) for content in (b"a", b"b") for floats in ("fp32", "fp16")}
    assert len(keys) == 4

    def fails(content: bytes, role: str) -> bytes:
        raise ExportError("TensorRT built no engine; its log above says why")

    monkeypatch.setattr(engines, "build", fails)
    gpu.update(name="T4")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ExportError, match="built no engine"):
        engine_of(graph, "vocoder", ExportOptions())
    assert sorted(tmp_path.rglob("*")) == before
