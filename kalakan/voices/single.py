"""A voice in a single file: a safetensors file of both models, or an ONNX graph from phonemes to audio.

`voice.json`, the phoneme table, the license and the model card are texts in the file's metadata, each under its name
in a voice folder. The rest of the file is protected by a sha256, as the files of a folder are.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kalakan.errors import VoiceError
from kalakan.storage import replacing
from kalakan.text.phonemes import TABLE_HASH
from kalakan.voices import contents as kinds
from kalakan.voices.external import check_graph, metadata
from kalakan.voices.manifest import MANIFEST, VoiceManifest

if TYPE_CHECKING:
    from torch import Tensor

TEXTS = ("phonemes.tsv", "LICENSE", "MODEL_CARD.md")
"""Files of a voice folder that a single file holds as texts."""
_DIGEST = "sha256"
_SEAL = b"\x72\x4a\x0a\x06sha256\x12\x40"
"""Prefix of the digest at the end of a sealed ONNX file: the last entry of its metadata, with 64 digits."""


def texts_of(manifest: VoiceManifest, folder: Path) -> dict[str, str]:
    """The metadata of a single file made from the voice in a folder; without file hashes, because it has no files."""
    told = {MANIFEST: replace(manifest, files={}).to_json()}
    for name in TEXTS:
        if name in manifest.files:
            told[name] = (folder / name).read_text(encoding="utf-8")
    return told


def read_single(path: Path) -> VoiceManifest:
    """The manifest in a single-file voice.

    Raises `VoiceError` for a file that contains no voice, is damaged, or uses another phoneme table.
    """
    kind = kinds.kind_of(path)
    if kind == kinds.SAFETENSORS:
        told = _safetensors(path)
    elif kind == kinds.ONNX:
        told = _onnx(path)
    else:
        raise VoiceError(f"{path}: is no voice; a voice is a folder, or a file of kalakan export --fuse")
    if MANIFEST not in told:
        raise VoiceError(f"{path}: holds a model and no voice; give it as acoustic_model= or vocoder=")
    manifest = VoiceManifest.from_text(told[MANIFEST], path)
    if manifest.phoneme_table != TABLE_HASH:
        raise VoiceError(
            f"{path}: was trained on another phoneme table ({manifest.phoneme_table[:12]}) than this "
            f"Kalakan has ({TABLE_HASH[:12]}); use the Kalakan version it was made with"
        )
    return manifest


def write_single_safetensors(
    path: Path, told: Mapping[str, str], states: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Writes the states of a voice's models, by "acoustic" and "vocoder", and its `texts_of` as one file."""
    from safetensors.torch import save

    tensors = {f"{kind}.{name}": value for kind, state in states.items() for name, value in state.items()}
    content = save(tensors, dict(told))
    with replacing(path) as partial:
        partial.write_bytes(save(tensors, dict(told) | {_DIGEST: _hash(content[_data_start(content) :])}))


def sealed(content: bytes) -> bytes:
    """An ONNX file with the sha256 of everything before it as the last entry of its metadata."""
    return content + _SEAL + _hash(content).encode("ascii")


def _safetensors(path: Path) -> dict[str, str]:
    try:
        told = kinds.read_header(path)
        content = path.read_bytes() if _DIGEST in told else b""
    except (OSError, ValueError) as error:
        raise VoiceError(f"{path}: is damaged ({error})") from error
    if _DIGEST in told and _hash(content[_data_start(content) :]) != told[_DIGEST]:
        raise _changed(path)
    return told


def _onnx(path: Path) -> dict[str, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read ({error.strerror})") from error
    told = metadata(path, content)
    if MANIFEST in told:
        check_graph(path, content, ())
        place = len(content) - len(_SEAL) - 64
        if content[place:-64] != _SEAL or _hash(content[:place]) != content[-64:].decode("ascii", "replace"):
            raise _changed(path)
    return told


def _changed(path: Path) -> VoiceError:
    return VoiceError(f"{path}: is damaged or was changed (its sha256 is not the one in it); copy it again")


def _data_start(content: bytes) -> int:
    return 8 + int(struct.unpack_from("<Q", content)[0])


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def is_single(path: Path) -> bool:
    """Whether a file holds a voice rather than one model."""
    if not path.is_file():
        return False
    try:
        kind = kinds.kind_of(path)
        if kind == kinds.SAFETENSORS:
            return MANIFEST in kinds.read_header(path)
        return kind == kinds.ONNX and MANIFEST in metadata(path, path.read_bytes())
    except (OSError, ValueError, VoiceError):
        return False  # its reader reports what is wrong with it
