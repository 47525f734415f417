"""`kalakan inspect`: what a voice, a corpus, a run, a checkpoint or a model file holds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from kalakan.cli.inspect_folders import corpus_facts, log_facts, run_facts
from kalakan.cli.kinds import FILE
from kalakan.cli.streams import printable, write_line
from kalakan.errors import VoiceError
from kalakan.text.phonemes import TABLE_HASH
from kalakan.voices.package import voice_folder


@click.command("inspect")
@click.argument("path", type=FILE, metavar="PATH")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def command(path: str, as_json: bool) -> None:
    """Show what PATH contains: a voice, a corpus, a run, or one of their files (.pt, .onnx, .safetensors, .jsonl).

    Prints sizes, parameter counts, phoneme table, training steps and scores; utterances, minutes and speakers. No code
    in the file is run.
    """
    facts = inspect_path(Path(path))
    if as_json:
        write_line(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for name, value in _lines(facts, ""):
        write_line(printable(f"{name}: {value}"))


def inspect_path(path: Path) -> dict[str, Any]:
    """What a file or folder holds, as plain values.

    Raises `VoiceError` for anything but a voice, a corpus, a run or a model, and `DataError` for a
    damaged corpus.
    """
    path = voice_folder(path)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise VoiceError(f"{path}: there is no such file or folder")
    if path.name in ("voice.json", "meta.jsonl"):
        return _folder(path.parent)
    readers = {".pt": _pt, ".onnx": _onnx, ".safetensors": _safetensors, ".jsonl": _log}
    if path.suffix not in readers:
        raise VoiceError(f"{path}: is no voice, corpus or run, and no file of {', '.join(readers)}")
    return {"file": str(path), "bytes": path.stat().st_size} | readers[path.suffix](path)


def _folder(path: Path) -> dict[str, Any]:
    if (path / "voice.json").is_file():
        return _voice(path)
    if (path / "meta.jsonl").is_file():
        return corpus_facts(path)
    if (path / "last.pt").is_file():
        return run_facts(path, _pt(path / "last.pt"))
    inner = next(iter(sorted(path.glob("*/voice.json"))), None)
    way = (
        f"did you mean {inner.parent}?" if inner else "give a folder of a voice, a corpus or a run, or a file"
    )
    raise VoiceError(f"{path}: holds no voice.json, meta.jsonl or last.pt; {way}")


def _log(path: Path) -> dict[str, Any]:
    return {"kind": "log of a run", **log_facts(path)}


def _voice(path: Path) -> dict[str, Any]:
    from kalakan.voices.package import load_voice

    voice = load_voice(path)
    manifest = voice.manifest
    facts: dict[str, Any] = {"kind": "voice", **json.loads(manifest.to_json())}
    facts["files"] = {name: voice.file(name).stat().st_size for name in manifest.files}
    for name in ("acoustic", "vocoder"):
        if voice.has(f"{name}.safetensors"):
            facts[name] |= _safetensors(voice.file(f"{name}.safetensors"))
    return facts


def _pt(path: Path) -> dict[str, Any]:
    """A checkpoint of a run, an exported TorchScript file, or a single model."""
    from kalakan.errors import TrainingError
    from kalakan.training.checkpoint import load_checkpoint
    from kalakan.voices.contents import TORCHSCRIPT, kind_of
    from kalakan.voices.weights import load_pt

    if kind_of(path) == TORCHSCRIPT:
        return _torchscript(path)
    try:
        contents = load_checkpoint(path)
    except TrainingError:
        model = load_pt(path)
        state = model.module.state_dict()
        record = {"type": model.record.type, "config": model.record.config}
        return {
            "kind": "model",
            **record,
            "phoneme_table": TABLE_HASH,
            **_counts(state),
        }  # load_pt accepts no other
    return {
        "kind": "checkpoint",
        "type": contents["model_type"],
        **contents["position"],
        "best": _best(contents["position"]),
        "phoneme_table": contents["phoneme_table"],
        "scores": contents["scores"],
        "settings": contents["settings"],
        **_counts(contents["modules"]),
    }


def _torchscript(path: Path) -> dict[str, Any]:
    from kalakan.voices.scripted import load_scripted

    found = load_scripted(path)
    speakers = {"speakers": list(found.speakers)} if found.speakers else {}
    return {"kind": "torchscript", "role": found.role, **speakers, "sample_rate": found.audio.sample_rate}


def _best(position: dict[str, Any]) -> float | str:
    """The best validation score, or why there is none: JSON has no infinity."""
    if math.isfinite(position["best"]):
        return float(position["best"])
    return "no validation score was finite" if position["stale"] else "not validated yet"


def _onnx(path: Path) -> dict[str, Any]:
    from kalakan.synthesis.engines.sessions import open_session
    from kalakan.voices.external import check_graph
    from kalakan.voices.manifest import VoiceManifest

    if (path.parent / "voice.json").is_file():
        check_graph(path, path.read_bytes(), VoiceManifest.from_file(path.parent / "voice.json").files)
    session = open_session(path, 1)
    given = [*session.get_inputs(), *session.get_overridable_initializers()]
    return {
        "kind": "onnx graph",
        "inputs": {item.name: f"{item.type} {item.shape}" for item in given},
        "outputs": {item.name: f"{item.type} {item.shape}" for item in session.get_outputs()},
        "metadata": dict(session.get_modelmeta().custom_metadata_map),
    }


def _safetensors(path: Path) -> dict[str, Any]:
    """From the header alone, without torch (https://github.com/huggingface/safetensors, section Format)."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 0 < size <= path.stat().st_size:
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(size))
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        shapes = {name: tuple(entry["shape"]) for name, entry in tensors.items()}
        kinds = sorted({str(entry["dtype"]) for entry in tensors.values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VoiceError(f"{path}: is damaged or no safetensors file ({error})") from error
    return {"tensors": len(shapes), "dtypes": kinds, "parameters": sum(map(_product, shapes.values()))}


def _counts(state: dict[str, Any]) -> dict[str, Any]:
    shapes = [tuple(value.shape) for value in state.values()]
    return {"tensors": len(shapes), "parameters": sum(map(_product, shapes))}


def _product(shape: tuple[int, ...]) -> int:
    result = 1
    for size in shape:
        result *= size
    return result


def _lines(value: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, item in value.items():
        if isinstance(item, dict) and item:
            found += _lines(item, f"{prefix}{name}.")
        else:
            found.append((prefix + name, json.dumps(item, ensure_ascii=False)))
    return found
