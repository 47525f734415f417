"""TorchScript files exported by Kalakan: reads their facts, and loads them without trusting them."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from kalakan.config.resolve import from_dict, to_dict
from kalakan.config.schema import AudioConfig
from kalakan.errors import ConfigError, VoiceError
from kalakan.text.phonemes import TABLE_HASH

if TYPE_CHECKING:
    from kalakan.voices.weights import LoadedModel

FACTS = "kalakan.json"
"""Name of the extra file in the archive that holds the facts."""
FORMAT = "kalakan-scripted-1"
_FORBIDDEN = re.compile(
    r"(?<![\w.])(?:torch\.(?:save|from_file|load)|ops\.(?!quantized\.|prim\.|aten\.(?!save|from_file|load)))"
)
"""Calls in TorchScript code that do more than tensor arithmetic: files, and operators of other libraries."""


@dataclass(frozen=True)
class Scripted:
    """A TorchScript file, loaded."""

    module: Any
    """The module, in evaluation mode, on the CPU."""
    role: str
    """"acoustic_model", "vocoder" or "fused_model"."""
    audio: AudioConfig
    """Waveform and mel settings."""
    speakers: tuple[str, ...]
    """Speakers in the order of their rows; empty for a vocoder."""


def facts_of(acoustic: LoadedModel | None, vocoder: LoadedModel | None) -> dict[str, Any]:
    """The facts of a file made from these models, without its role."""
    model = acoustic or vocoder
    assert model is not None, "something is exported"
    speakers = () if acoustic is None else tuple(acoustic.record.config.get("speakers", ()))
    records = {"acoustic": acoustic, "vocoder": vocoder}
    models = {
        name: {"type": item.record.type, "config": item.record.config}
        for name, item in records.items()
        if item is not None
    }
    return {
        "format": FORMAT,
        "audio": to_dict(model.audio),
        "speakers": list(speakers),
        "phoneme_table": TABLE_HASH,
        "models": models,
    }


def load_scripted(path: str | Path) -> Scripted:
    """Reads what `kalakan export --format torchscript` wrote; raises `VoiceError` for any other file.

    A file whose code does more than tensor arithmetic is rejected before it is loaded.
    """
    path = Path(path)
    check_code(path)
    extra = {FACTS: ""}
    try:
        module = torch.jit.load(str(path), "cpu", extra)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise VoiceError(
            f"{path}: is damaged or no TorchScript file ({str(error).splitlines()[0][:120]})"
        ) from error
    facts = _facts(path, extra[FACTS])
    role = str(facts["role"])
    if facts["phoneme_table"] != TABLE_HASH and role != "vocoder":  # it uses no ids
        raise VoiceError(
            f"{path}: was trained on another phoneme table than this Kalakan has; use the version it was made with"
        )
    try:
        audio = from_dict(AudioConfig, facts["audio"])
    except ConfigError as error:
        raise VoiceError(f"{path}: is damaged ({error})") from error
    module.eval()
    if facts.get("floats", "fp32") != "fp32":
        module.float()  # stored in 16 bits, computed in 32 as the other engines do
    return Scripted(module, role, audio, tuple(facts["speakers"]))


def check_code(path: Path) -> None:
    """Raises `VoiceError` for an archive that is damaged, or whose code does more than tensor arithmetic."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.partition("/")[2].startswith("code/") and name.endswith(".py"):
                    found = _FORBIDDEN.search(archive.read(name).decode("utf-8"))
                    if found is not None:
                        raise VoiceError(
                            f"{path}: its code calls {found.group()}, which reaches beyond tensors, and is refused"
                        )
    except FileNotFoundError as error:
        raise VoiceError(f"{path}: there is no such file") from error
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError, EOFError) as error:
        raise VoiceError(f"{path}: is damaged or no TorchScript file ({error})") from error


def _facts(path: Path, text: str | bytes) -> Mapping[str, Any]:
    try:
        facts = json.loads(text)
    except ValueError:
        facts = None
    needed = {"role": str, "audio": dict, "speakers": list, "phoneme_table": str}
    is_ours = isinstance(facts, dict) and facts.get("format") == FORMAT
    if not is_ours or not all(isinstance(facts.get(name), kind) for name, kind in needed.items()):
        raise VoiceError(
            f"{path}: is TorchScript that does not say what it is; make it with kalakan export --format torchscript"
        )
    found: Mapping[str, Any] = facts
    return found
