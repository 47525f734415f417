"""What a model file is, from its content: its name promises nothing."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

PT = "pt"
"""Tensors and plain values in torch's format; see `kalakan.voices.weights`."""
TORCHSCRIPT = "torchscript"
ONNX = "onnx"
SAFETENSORS = "safetensors"
TENSORRT = "tensorrt"
"""A serialized TensorRT engine."""
UNKNOWN = "unknown"
"""Anything else."""
_BY_SUFFIX = {".pt": PT, ".pth": PT, ".onnx": ONNX, ".safetensors": SAFETENSORS, ".engine": TENSORRT}
_ENGINE = b"ftrt"
"""First bytes of a serialized TensorRT engine."""
_IR_VERSION = b"\x08"
"""First byte of an ONNX file: its first field is the version of the format, a number."""
_MOST_HEADER = 100_000_000
"""Largest header of a safetensors file, in bytes, that its readers accept."""


def kind_of(path: Path) -> str:
    """The kind of a model file: one of the names above.

    A file that is missing, unreadable or damaged has the kind of its suffix, whose reader says what is wrong.
    """
    return _kind(path) or _BY_SUFFIX.get(path.suffix, UNKNOWN)


def _kind(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            start = file.read(9)
        if start.startswith(b"PK\x03\x04"):
            return _kind_of_archive(path)
        size = path.stat().st_size
    except (OSError, zipfile.BadZipFile):
        return None
    if start.startswith(_ENGINE):
        return TENSORRT
    if start.startswith(b"\x80"):  # a pickle, as old versions of torch wrote them
        return PT
    if len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] <= min(size, _MOST_HEADER):
        return SAFETENSORS
    return ONNX if start.startswith(_IR_VERSION) else None


def _kind_of_archive(path: Path) -> str | None:
    with zipfile.ZipFile(path) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    if "constants.pkl" in names:
        return TORCHSCRIPT
    return PT if "data.pkl" in names else None


def read_header(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, without its tensors; raises `ValueError` for a damaged one."""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
        if not 0 < size <= min(path.stat().st_size, _MOST_HEADER):
            raise ValueError("its header does not fit into it")
        header = json.loads(file.read(size))
    found = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("its header is no table of tensors")
    return found
