"""The interface of all export formats, with their options and models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from kalakan.models.interfaces import DurationAcousticModel

if TYPE_CHECKING:
    from kalakan.voices.package import Voice
    from kalakan.voices.weights import LoadedModel

ACOUSTIC, VOCODER, FUSED = "acoustic_model", "vocoder", "fused_model"
"""Roles of files, and the stems of their names: phonemes to mel, mel to audio, phonemes to audio."""
Floats = Literal["fp32", "fp16", "bf16"]
Quantize = Literal["static", "dynamic", "weights"]


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export."""

    floats: Floats = "fp32"
    """Storage type of matrices."""
    quantize: Quantize | None = None
    """8-bit method: "static" and "dynamic" compute large products in integers, with constant scales or with scales
    computed in each call; "weights" stores matrices in 8 bits and computes in floats."""
    opset: int | None = None
    """ONNX operator set; None for the exporter's own."""
    fuse: bool = False
    """Whether to write one file from phonemes to audio instead of two; for a voice, a single-file voice."""
    compact: bool = False
    """For a voice: whether to write one set of graphs with all matrices in 8 bits."""
    exact: bool = False
    """For "static": whether durations and F0 keep every bit, as they do with "dynamic"."""
    force: bool = False
    """Whether to keep an 8-bit file that is neither smaller nor faster."""

    @property
    def keeps_exact(self) -> bool:
        """Whether durations and F0 keep every bit."""
        return self.exact or self.quantize != "static"

    @property
    def half_weights(self) -> bool:
        """Whether matrices are stored as IEEE 16-bit floats."""
        return self.floats == "fp16"


@dataclass(frozen=True)
class Source:
    """The models to export."""

    acoustic: LoadedModel | None = None
    """Phonemes to mel."""
    vocoder: LoadedModel | None = None
    """Mel to audio."""
    voice: Voice | None = None
    """The voice of both models; None for single files."""


@dataclass(frozen=True)
class Written:
    """A file written by an exporter."""

    path: Path
    """Path of the file."""
    role: str
    """`ACOUSTIC`, `VOCODER` or `FUSED`."""


class Exporter(Protocol):
    """Writes models in one format. `kalakan.export.files.export_files` runs the steps in this order."""

    name: str
    """Name of the format."""
    runner: str
    """Name of the program in `kalakan.export.trial.PROGRAMS` that runs its files in a separate process."""

    def missing(self) -> str | None:
        """What this machine lacks to write the format, and how to get it; None if nothing is missing."""
        ...

    def refuses(self, source: Source, options: ExportOptions) -> str | None:
        """Why the format does not support these models or options, and the alternative; None if it does."""
        ...

    def write(self, source: Source, folder: Path, options: ExportOptions) -> Sequence[Written]:
        """Writes the files into a separate empty folder."""
        ...

    def check(self, written: Written) -> None:
        """Raises `ExportError` for a file that violates its format, before it is run."""
        ...


def models_of(source: Source, *, with_weights: bool = True) -> list[tuple[str, LoadedModel]]:
    """The role and model of each file that is not fused; `with_weights` leaves out a vocoder that has none."""
    from kalakan.models import registry

    pairs = ((ACOUSTIC, source.acoustic), (VOCODER, source.vocoder))
    return [
        (role, model)
        for role, model in pairs
        if model is not None and not (with_weights and registry.entry(model.record.type).task is None)
    ]


def nothing_left(source: Source) -> str | None:
    """Why nothing in the source can be stored, or None."""
    if models_of(source):
        return None
    assert source.vocoder is not None, "something is exported"
    return f"{source.vocoder.record.type} has no weights to export, and Kalakan runs it itself; leave it out"


def takes_controls(model: Any) -> bool:
    """Whether an acoustic model takes speed, pitch and energy."""
    return isinstance(model, DurationAcousticModel) and bool(model.takes_durations)
