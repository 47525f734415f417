"""`kalakan inspect`: what a voice folder, a checkpoint or a model file holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from kalakan.cli.streams import write_line
from kalakan.errors import VoiceError
from kalakan.text.phonemes import TABLE_HASH


@click.command("inspect")
@click.argument("path", metavar="PATH")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of lines.")
def command(path: str, as_json: bool) -> None:
    """Show what PATH holds: a voice folder, a checkpoint of a run, or a model file (.pt, .onnx, .safetensors).

    Sizes, parameter counts, phoneme table, training steps and scores. Nothing in the file is run.
    """
    facts = inspect_path(Path(path))
    if as_json:
        write_line(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for name, value in _lines(facts, ""):
        write_line(f"{name}: {value}")


def inspect_path(path: Path) -> dict[str, Any]:
    """What a file or voice folder holds, as plain values; raises `VoiceError` for anything that is neither."""
    if path.is_dir():
        return _voice(path)
    readers = {".pt": _pt, ".onnx": _onnx, ".safetensors": _safetensors}
    if not path.is_file():
        raise VoiceError(f"{path}: there is no such file or voice folder")
    if path.suffix not in readers:
        raise VoiceError(f"{path}: is no voice folder and no file of {', '.join(readers)}")
    return {"file": str(path), "bytes": path.stat().st_size} | readers[path.suffix](path)


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
    """A checkpoint of a run, else a single model."""
    from kalakan.errors import TrainingError
    from kalakan.training.state import load_checkpoint
    from kalakan.voices.weights import load_pt

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
        }  # load_pt takes no other
    return {
        "kind": "checkpoint",
        "type": contents["model_type"],
        **contents["position"],
        "phoneme_table": contents.get("phoneme_table"),  # none in checkpoints of earlier versions
        "scores": contents["scores"],
        "settings": contents["settings"],
        **_counts(contents["modules"]),
    }


def _onnx(path: Path) -> dict[str, Any]:
    from kalakan.synthesis.sessions import open_session

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
