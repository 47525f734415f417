"""onnxruntime sessions as Kalakan runs them."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from kalakan.errors import ConfigError, VoiceError
from kalakan.onnx_runtime import onnxruntime
from kalakan.synthesis.engines.allocation import is_glibcs
from kalakan.voices.external import check_graph
from kalakan.voices.identity import Identity, from_metadata
from kalakan.voices.manifest import MANIFEST, VoiceManifest

ROLE, FUSED = "role", "fused_model"
"""Key of a file's metadata, and its value for a graph from phonemes to audio."""
_NEWER = re.compile(
    r"Opset (\d+) is under development.*till opset (\d+)|IR version: (\d+), max supported IR version: (\d+)",
    re.DOTALL,
)
"""onnxruntime's message for a file that is too new: the version needed, and the newest version that it reads."""
CONTEXT, WHOLE = "context_frames", "none"
"""Key of a file's metadata, and its value for a file that needs whole sentences."""
REGION_BYTES = 16 << 20
"""Length of the first region of the arena: what the default voice needs for the longest sentences. Pages of it that
nothing has used take no memory."""


def open_session(path: Path, threads: int) -> Any:
    """An onnxruntime session on the CPU whose idle threads do not spin; raises `VoiceError` for a damaged file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Sentences differ in length, so the memory pattern would be planned again for each.
    options.enable_mem_pattern = False
    if is_glibcs():
        options.enable_cpu_mem_arena = False
    else:  # an arena saves a tenth of the time, and its size is bounded by `inference.max_characters`
        _share_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
    if not path.is_file():
        raise VoiceError(f"{path}: there is no such file")
    manifest = path.parent / MANIFEST
    # A file that a voice lists was checked by `load_voice`; any other may lie in a voice's folder too.
    if not manifest.is_file() or path.name not in VoiceManifest.from_file(manifest).files:
        check_graph(path, path.read_bytes())
    try:
        # The bytes on disk, which onnxruntime takes as UTF-8 in every locale.
        return onnxruntime.InferenceSession(
            os.fsencode(path).decode("utf-8"), options, providers=["CPUExecutionProvider"]
        )
    except UnicodeDecodeError as error:
        raise VoiceError(f"{path}: its name is not UTF-8; rename it") from error
    except Exception as error:  # onnxruntime's exception classes are not public
        raise VoiceError(f"{path}: {_why_refused(str(error))}") from error


def _why_refused(message: str) -> str:
    """What is wrong with a file, from onnxruntime's message."""
    newer = _NEWER.search(message)
    if newer is not None:
        what, (needed, known) = "operator set" if newer[1] else "format", filter(None, newer.groups())
        return (
            f"needs ONNX's {what} {needed} and onnxruntime {onnxruntime.__version__} reads up to {known}; upgrade "
            "onnxruntime, or export it with a lower --opset"
        )
    reason = message.partition(" failed:")[2] or message
    return f"is damaged or no ONNX model ({(reason.splitlines() or ['no reason'])[0][:120]})"


@cache
def _share_arena() -> None:
    """Registers one arena for all sessions of the process. Otherwise each session would keep its own, as large as its
    longest sentence needed.

    Its first region is `REGION_BYTES` long. By default onnxruntime doubles a megabyte whenever no free place is large
    enough, and the smaller regions before are too small for the tensors of a sentence.
    """
    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    settings = onnxruntime.OrtArenaCfg(
        {
            "max_mem": 0,  # no limit
            "arena_extend_strategy": 0,  # further regions double
            "initial_chunk_size_bytes": REGION_BYTES,
            "max_dead_bytes_per_chunk": -1,  # onnxruntime's default
        }
    )
    with suppress(
        Exception
    ):  # the program has already registered one, which works as well; the class is not public
        onnxruntime.create_and_register_allocator(place, settings)


def check_integers(path: Path) -> None:
    """Raises `ConfigError` for a graph that computes everything in floats."""
    if b"MatMulInteger" not in path.read_bytes():
        raise ConfigError(
            f"inference.quantize is True and {path} computes in floats; export it with kalakan export --quantize"
        )


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
