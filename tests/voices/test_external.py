"""What a graph may read: the files of its voice, or what lies beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kalakan import Synthesizer
from kalakan.cli.inspect import inspect_path
from kalakan.errors import VoiceError
from kalakan.synthesis.engines.sessions import open_session
from kalakan.voices.external import external_locations
from kalakan.voices.package import DEFAULT, file_hash, load_voice

Place = Callable[[TensorProto, onnx.ModelProto], None]


def external_tensor(location: str, name: str = "weight") -> TensorProto:
    tensor = numpy_helper.from_array(np.ones(4, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def as_initializer(tensor: TensorProto, model: onnx.ModelProto) -> None:
    model.graph.initializer.append(tensor)


def as_constant(tensor: TensorProto, model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def in_a_branch(tensor: TensorProto, model: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [], initializer=[tensor])
    model.graph.node.append(helper.make_node("If", ["b"], ["o"], then_branch=branch, else_branch=branch))


def as_sparse_values(tensor: TensorProto, model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add(values=tensor)


def in_a_function(tensor: TensorProto, model: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["c"], value=tensor)
    model.functions.append(helper.make_function("own", "f", [], ["c"], [node], [helper.make_opsetid("", 17)]))


PLACES = [as_initializer, as_constant, in_a_branch, as_sparse_values, in_a_function]


def graph_with(location: str, place: Place = as_initializer) -> onnx.ModelProto:
    """y = x + weight, the weight external; or with an external tensor elsewhere."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    other = "weight" if place is as_initializer else "x"
    graph = helper.make_graph([helper.make_node("Add", ["x", other], ["y"])], "graph", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    place(external_tensor(location), model)
    return model


@pytest.mark.parametrize("place", PLACES)
def test_a_location_is_found_wherever_it_stands(place: Place) -> None:
    content = graph_with("secret", place).SerializeToString()
    assert external_locations(Path("a.onnx"), content) == {"secret"}
    as_initializer(external_tensor("listed"), model := graph_with("secret", place))
    assert external_locations(Path("a.onnx"), model.SerializeToString()) == {"secret", "listed"}


def test_an_entry_is_read_as_protobuf_reads_it() -> None:
    """The last of two values counts, and a length may be written in more bytes than it needs."""
    entry = b"\x0a\x08location" + b"\x12\x06listed" + b"\x12\x06secret"
    padded = b"\x0a\x88\x00location" + b"\x12\x06secret"
    for content in (entry, padded, b"\x12\x06secret\x0a\x08location"):
        tensor = b"\x6a" + bytes([len(content)]) + content
        graph = b"\x2a" + bytes([len(tensor)]) + tensor
        model = b"\x3a" + bytes([len(graph)]) + graph
        assert onnx.load_model_from_string(model).graph.initializer[0].external_data[0].value == "secret"
        assert external_locations(Path("a.onnx"), model) == {"secret"}
        with pytest.raises(VoiceError, match="damaged"):
            external_locations(Path("a.onnx"), model + b"\x0a\x08location"[:-1] + b"location\x7f")


@pytest.mark.parametrize("name", sorted(path.name for path in DEFAULT.glob("*.onnx")))
def test_it_finds_what_onnx_finds(name: str) -> None:
    model = onnx.load(DEFAULT / name, load_external_data=False)
    found = {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    assert external_locations(DEFAULT / name, (DEFAULT / name).read_bytes()) == found


@pytest.fixture
def voice(tiny_voice: Path, tmp_path: Path) -> Path:
    """A voice folder to spoil, with 16 bytes outside it."""
    (tmp_path / "secret").write_bytes(bytes(16))
    shutil.copytree(tiny_voice, tmp_path / "voice")
    return tmp_path / "voice"


def put_graph(voice: Path, location: str) -> None:
    """Makes the acoustic graph of a voice read `location`, with the sha256 that belongs to it."""
    (voice / "acoustic.onnx").write_bytes(graph_with(location).SerializeToString())
    manifest = json.loads((voice / "voice.json").read_text())
    manifest["files"]["acoustic.onnx"] = file_hash(voice / "acoustic.onnx")
    (voice / "voice.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("kind", ["unlisted", "above", "absolute", "link"])
def test_a_voice_reads_only_what_it_lists(voice: Path, tmp_path: Path, kind: str) -> None:
    (voice / "unlisted").write_bytes(bytes(16))
    (voice / "link").symlink_to(tmp_path / "secret")
    location = {"above": "../secret", "absolute": str(tmp_path / "secret")}.get(kind, kind)
    put_graph(voice, location)
    with pytest.raises(
        VoiceError, match=r"acoustic\.onnx: reads the file .* which voice\.json does not list"
    ):
        load_voice(voice)
    with pytest.raises(VoiceError, match="does not list"):
        inspect_path(voice / "acoustic.onnx")
    with pytest.raises(VoiceError, match="does not list"):
        Synthesizer(vocoder=voice / "acoustic.onnx")


@pytest.mark.parametrize("kind", ["above", "absolute", "link"])
def test_a_graph_without_a_voice_reads_only_what_lies_beside_it(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(16))
    (folder / "link").symlink_to(tmp_path / "secret")
    location = {"above": "../secret", "absolute": str(tmp_path / "secret")}.get(kind, kind)
    (folder / "a.onnx").write_bytes(graph_with(location).SerializeToString())
    with pytest.raises(VoiceError, match="outside its folder; keep its data beside it"):
        open_session(folder / "a.onnx", 1)


@pytest.mark.parametrize("kind", ["above", "absolute", "link"])
def test_a_graph_that_lies_in_a_voice_unlisted_reads_only_what_lies_beside_it(
    voice: Path, tmp_path: Path, kind: str
) -> None:
    (voice / "link").symlink_to(tmp_path / "secret")
    location = {"above": "../secret", "absolute": str(tmp_path / "secret")}.get(kind, kind)
    (voice / "another.onnx").write_bytes(graph_with(location).SerializeToString())
    for name in ("vocoder", "acoustic_model"):
        with pytest.raises(VoiceError, match="outside its folder; keep its data beside it"):
            Synthesizer(**{name: voice / "another.onnx"})


def test_data_beside_a_graph_is_read(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(np.full(4, 2, np.float32).tobytes())
    (tmp_path / "a.onnx").write_bytes(graph_with("weights").SerializeToString())
    session = open_session(tmp_path / "a.onnx", 1)
    assert session.run(["y"], {"x": np.ones(4, np.float32)})[0].tolist() == [3, 3, 3, 3]
