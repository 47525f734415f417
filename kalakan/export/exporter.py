"""What every export format offers: one interface, and the options and models that it works on."""

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
"""What a file holds, and the stem of its name: phonemes to mel, mel to audio, phonemes to audio."""
Floats = Literal["fp32", "fp16", "bf16"]
Quantize = Literal["static", "dynamic", "weights"]


@dataclass(frozen=True)
class ExportOptions:
    """How models are exported."""

    floats: Floats = "fp32"
    """Type that matrices are stored in."""
    quantize: Quantize | None = None
    """8 bits: "static" and "dynamic" compute large products in integers, with constant scales or with scales computed
    by each call; "weights" stores matrices in 8 bits and computes in floats."""
    opset: int | None = None
    """ONNX operator set; None for the exporter's own."""
    fuse: bool = False
    """One file from phonemes to audio in place of two; from a voice, a voice in a single file."""
    compact: bool = False
    """Of a voice: one set of graphs, and every matrix in 8 bits."""
    force: bool = False
    """Keep an 8-bit file that is neither smaller nor faster."""

    @property
    def half_weights(self) -> bool:
        """Whether matrices are stored as 16-bit floats of the IEEE format."""
        return self.floats == "fp16"


@dataclass(frozen=True)
class Source:
    """The models to export."""

    acoustic: LoadedModel | None = None
    """Phonemes to mel."""
    vocoder: LoadedModel | None = None
    """Mel to audio."""
    voice: Voice | None = None
    """The voice that both come from; None for single files."""


@dataclass(frozen=True)
class Written:
    """A file that an exporter wrote."""

    path: Path
    """Where it is."""
    role: str
    """`ACOUSTIC`, `VOCODER` or `FUSED`."""


class Exporter(Protocol):
    """Writes models in one format. `kalakan.export.files.export_files` runs the steps in this order."""

    name: str
    """Name of the format."""
    runner: str
    """Which program of `kalakan.export.trial.PROGRAMS` runs its files in a process of their own."""

    def missing(self) -> str | None:
        """What the format needs and this machine lacks, and how to get it; None if it can be written here."""
        ...

    def refuses(self, source: Source, options: ExportOptions) -> str | None:
        """Why these models or options have no form in this format, and the way out; None if they have one."""
        ...

    def write(self, source: Source, folder: Path, options: ExportOptions) -> Sequence[Written]:
        """Writes the files into an empty folder of its own."""
        ...

    def check(self, written: Written) -> None:
        """Raises `ExportError` for a file that does not hold what its format promises, before it is run."""
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
    """Why nothing of the source can be stored, where that is so."""
    if models_of(source):
        return None
    assert source.vocoder is not None, "something is exported"
    return f"{source.vocoder.record.type} has no weights to export, and Kalakan runs it itself; leave it out"


def takes_controls(model: Any) -> bool:
    """Whether an acoustic model takes speed, pitch and energy."""
    return isinstance(model, DurationAcousticModel) and bool(model.takes_durations)
