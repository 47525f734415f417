"""onnxruntime sessions as Kalakan runs them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kalakan.errors import VoiceError
from kalakan.onnx_runtime import onnxruntime
from kalakan.voices.external import check_graph
from kalakan.voices.identity import Identity, from_metadata
from kalakan.voices.package import MANIFEST

CONTEXT, WHOLE = "context_frames", "none"
"""Key of a file's metadata, and its value for a file that needs whole sentences."""


def open_session(path: Path, threads: int) -> Any:
    """An onnxruntime session on the CPU whose idle threads do not spin; raises `VoiceError` for a damaged file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every sentence has its own length, so the memory pattern would be planned again for each. The arena stays on: it
    # saves a tenth of the time, and its size is bounded by `inference.max_characters`.
    options.enable_mem_pattern = False
    if not path.is_file():
        raise VoiceError(f"{path}: there is no such file")
    if not (path.parent / MANIFEST).is_file():  # else `load_voice` has checked it
        check_graph(path, path.read_bytes())
    try:
        # As the bytes on the disk, which onnxruntime takes as UTF-8, whatever the locale.
        return onnxruntime.InferenceSession(
            os.fsencode(path).decode("utf-8"), options, providers=["CPUExecutionProvider"]
        )
    except UnicodeDecodeError as error:
        raise VoiceError(f"{path}: its name is not UTF-8; rename it") from error
    except Exception as error:  # onnxruntime's exception classes have no public name
        raise VoiceError(
            f"{path}: is damaged or no ONNX model ({str(error).splitlines()[0][:120]})"
        ) from error


def check_names(session: Any, path: Path, needed_input: str, needed_output: str) -> None:
    """Raises `VoiceError` for a file without that input or that output."""
    inputs = [item.name for item in session.get_inputs()]
    outputs = [item.name for item in session.get_outputs()]
    if needed_input not in inputs or needed_output not in outputs:
        raise VoiceError(
            f"{path}: has inputs {', '.join(inputs)} and outputs {', '.join(outputs)}; "
            f"{needed_input} and {needed_output} must be among them"
        )


def identity_of(session: Any, path: Path) -> Identity:
    """The model facts in the file's metadata; raises `VoiceError` as `kalakan.voices.identity.from_metadata`."""
    return from_metadata(session.get_modelmeta().custom_metadata_map, path)


def context_of(session: Any, path: Path) -> int | None:
    """Frames at each end of a window that lack their neighbors, as the file's metadata says under `context_frames`;
    None for a file that needs whole sentences or lacks the key. Raises `VoiceError` for any other value."""
    value = session.get_modelmeta().custom_metadata_map.get(CONTEXT)
    if value is None or value == WHOLE:
        return None
    if not value.isdecimal():
        raise VoiceError(f"{path}: context_frames is {value!r}; it must be a number of frames, or none")
    return int(value)


def needs_whole(session: Any) -> bool:
    """Whether a file's metadata says that it needs whole sentences, not windows of them."""
    return bool(session.get_modelmeta().custom_metadata_map.get(CONTEXT) == WHOLE)
