"""The subjects of a benchmark: voices and model pairs in every requested combination, and peers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from kalakan.benchmark.probe import ENGINES
from kalakan.config.rules import shown
from kalakan.errors import BenchmarkError
from kalakan.models.registry import ENTRIES
from kalakan.storage import real_path
from kalakan.voices.package import load_voice

PRECISIONS = ("full", "mixed")
"""Precision of the weights, or torch's autocast (fp16 on CUDA, bf16 on a CPU)."""
PEERS = tuple(name for name in ENGINES if name != "kalakan")
MOST_SUBJECTS = 32
"""Maximum number of subjects: each is a process, and all of them exist at once, to take turns."""
_PEER_FILES = {"kokoro-onnx": (2, "MODEL:VOICES"), "piper-tts": (1, "MODEL"), "tiny-tts": (1, "MODEL")}
"""Number and meaning of the files that a peer takes."""


@dataclass(frozen=True)
class Subject:
    """One thing to measure."""

    name: str
    """Its name in a report."""
    given: dict[str, Any] = field(hash=False)
    """Arguments of its process (`kalakan.benchmark.probe`)."""
    is_peer: bool = False
    """Whether it is another program, which reads English."""


def subjects(
    voices: Sequence[str | None],
    pairs: Sequence[str],
    engines: Sequence[str],
    devices: Sequence[str],
    precisions: Sequence[str],
    threads: int,
) -> list[Subject]:
    """All valid combinations: the onnx engine runs on the CPU, in the precision of its files.

    A pair is "ACOUSTIC+VOCODER", each a model type or a file. Raises `BenchmarkError` for an invalid pair or
    voice, and if no combination is left.
    """
    found = []
    sources = [(_voice_name(voice), {"voice": voice}) for voice in voices]
    sources += [(pair, {"voice": None, **_pair(pair)}) for pair in pairs]
    for (name, source), engine, device, precision in product(sources, engines, devices, precisions):
        if engine == "onnx" and (device != "cpu" or precision != "full" or "acoustic_model_type" in source):
            continue
        given = {"engine": "kalakan", "kalakan_engine": engine, "device": device, "precision": precision}
        title = ", ".join([name, engine, device, *([precision] if precision != "full" else [])])
        found.append(Subject(title, {**given, "threads": threads, **source}))
    if not found and sources:
        raise BenchmarkError(
            "nothing is left to measure: the onnx engine runs voices on the device cpu in full precision; "
            "add --engine torch"
        )
    return found


def peer(text: str, threads: int) -> Subject:
    """A peer by name, or "NAME:FILE…" with its model; raises `BenchmarkError` for an unknown name."""
    name, *files = text.split(":")
    if name not in PEERS:
        raise BenchmarkError(f"the peer is {shown(name)}; it must be one of {', '.join(PEERS)}")
    number, what = _PEER_FILES.get(name, (0, ""))
    if len(files) != number and (files or name == "kokoro-onnx"):
        wants = f"{name}:{what}" if number else name
        raise BenchmarkError(f"the peer is {shown(text)}; write it as {wants}")
    for file in files:
        if not Path(file).is_file():
            raise BenchmarkError(f"{file}: there is no such file; {name} needs its model")
    files = [str(real_path(file)) for file in files]
    return Subject(name, {"engine": name, "threads": threads, "files": files}, is_peer=True)


def _voice_name(voice: str | None) -> str:
    return load_voice(voice).manifest.name if voice is None else str(voice)


def _pair(pair: str) -> dict[str, str]:
    parts = pair.split("+")
    if len(parts) != 2 or not all(parts):
        raise BenchmarkError(
            f"the models are {shown(pair)}; write ACOUSTIC+VOCODER, as in fastspeech2+hifigan"
        )
    return dict(_model(*item) for item in zip(("acoustic_model", "vocoder"), parts, strict=True))


def _model(role: str, value: str) -> tuple[str, str]:
    kind = "acoustic" if role == "acoustic_model" else "vocoder"
    if Path(value).exists():
        return role, value
    known = [name for name, entry in ENTRIES.items() if entry.kind == kind]
    if value not in known:
        raise BenchmarkError(
            f"the {kind} model is {shown(value)}; give a file or voice that exists, or one of {', '.join(known)}"
        )
    return f"{role}_type", value


def names(found: Sequence[Subject]) -> Iterator[str]:
    """Their names, numbered if two are equal."""
    seen: dict[str, int] = {}
    for subject in found:
        seen[subject.name] = seen.get(subject.name, 0) + 1
        yield subject.name if seen[subject.name] == 1 else f"{subject.name} ({seen[subject.name]})"
