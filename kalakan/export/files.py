"""Exports models to files, which are run in a separate process, compared with torch, and kept if they pass."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from kalakan.errors import ExportError, MissingDependencyError
from kalakan.export.exporter import (
    ACOUSTIC,
    FUSED,
    VOCODER,
    Exporter,
    ExportOptions,
    Source,
    Written,
)
from kalakan.export.fused import Fused
from kalakan.export.parity import Parity, check_parity, compare, mel_cases, phoneme_cases
from kalakan.export.trial import Trial, run_apart
from kalakan.storage import check_writable, replacing, way_out
from kalakan.voices.weights import LoadedModel, save_pt

REPORT = "export_report.json"
"""Name of the report next to the exported files that compares each with torch."""
SMALLER, FASTER = 1.5, 1.1
"""Minimum factors by which an 8-bit file must be smaller or faster than the file it replaces."""


@dataclass(frozen=True)
class Cost:
    """Cost of a file on one core of this machine."""

    bytes: int
    """Size of the file."""
    rtf: float
    """CPU seconds per second of audio."""
    peak_memory_mb: float
    """Peak memory in MiB of a process that loads and runs it."""


@dataclass(frozen=True)
class FileReport:
    """Comparison of an exported file with torch, and with the file it replaces."""

    file: str
    """Its name."""
    parity: Parity
    """Comparison of its outputs with torch's."""
    before: Cost
    """Cost of the same model in 32 bits: as a `.pt` file in torch, or, for an 8-bit file, in the same format."""
    after: Cost
    """The file."""

    def line(self) -> str:
        """A one-line summary."""
        one, other, found = self.before, self.after, self.parity
        lengths = "equal" if found.lengths_equal else "differ"
        return (
            f"{self.file}: {_size(one.bytes)} to {_size(other.bytes)}, RTF {one.rtf:.4f} to {other.rtf:.4f}, "
            f"peak memory {one.peak_memory_mb:.0f} to {other.peak_memory_mb:.0f} MiB; {found.cases} cases: "
            f"max difference {found.max_abs:.1e}, SNR {found.snr_db:.1f} dB, MCD {found.mcd_db:.3f} dB, "
            f"lengths {lengths}"
        )


def export_files(
    exporter: Exporter,
    source: Source,
    folder: Path,
    options: ExportOptions,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Exports the models to `folder`; returns the files except `REPORT`.

    `tell` is called with a line about each file. Raises `ExportError` for models or options that the format does not
    support, for a file that exceeds its tolerance (`kalakan.export.parity`), for an 8-bit file without enough benefit,
    and for an unwritable folder; nothing is left behind in these cases. Raises `MissingDependencyError` if the format
    needs something that this machine lacks.
    """
    _check(exporter, source, options)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise ExportError(f"{folder}: cannot be written to; choose another folder")
        with tempfile.TemporaryDirectory(prefix="kalakan-") as scratch:
            place = Path(scratch, "new")
            place.mkdir()
            files = exporter.write(source, place, options)
            for item in files:
                check_writable(folder / item.path.name)
            reports = _reports(exporter, source, files, options, Path(scratch))
            for report in reports:
                tell(report.line())
            for report in reports:
                check_worth(report, options)
            return _keep(files, reports, folder)
    except OSError as error:
        raise ExportError(f"{folder}: cannot be written ({error.strerror}); {way_out(error)}") from error


def _check(exporter: Exporter, source: Source, options: ExportOptions) -> None:
    if options.fuse and (source.acoustic is None or source.vocoder is None):
        raise ExportError("--fuse joins an acoustic model and a vocoder; give both")
    both = source.acoustic, source.vocoder
    if both[0] is not None and both[1] is not None and both[0].audio != both[1].audio:
        raise ExportError(
            "acoustic model and vocoder were made for different audio settings; they do not fit"
        )
    reason = exporter.refuses(source, options)
    if reason is not None:
        raise ExportError(reason)
    lacking = exporter.missing()
    if lacking is not None:
        raise MissingDependencyError(lacking)


def _reports(
    exporter: Exporter, source: Source, files: Sequence[Written], options: ExportOptions, scratch: Path
) -> list[FileReport]:
    before: dict[str, Path] = {}
    if options.quantize is not None:
        place = scratch / "old"
        place.mkdir()
        whole = exporter.write(source, place, replace(options, quantize=None, floats="fp32"))
        before = {item.role: item.path for item in whole}
    reports = []
    for item in files:
        exporter.check(item)
        module, model = _module(source, item.role)
        cases = _cases(source, item.role)
        trial = run_apart(exporter.runner, item.path, cases)
        parity = compare(item.role, module, model.audio, cases, trial.outputs)
        check_parity(item.path.name, item.role, parity, options)
        after = _cost(item.path, trial, model)
        if item.role in before:
            old = before[item.role]
            first = _cost(old, run_apart(exporter.runner, old, cases[-1:]), model)
        else:
            first = _torch_cost(source, item.role, cases, scratch)
        reports.append(FileReport(item.path.name, parity, first, after))
    return reports


def _module(source: Source, role: str) -> tuple[nn.Module, LoadedModel]:
    if role == FUSED:
        assert source.acoustic is not None and source.vocoder is not None, "checked by `export_files`"
        return Fused(source.acoustic.module, source.vocoder.module), source.acoustic
    model = source.acoustic if role == ACOUSTIC else source.vocoder
    assert model is not None, "a file was written from it"
    return model.module, model


def _cases(source: Source, role: str) -> list[Any]:
    acoustic = None if source.acoustic is None else source.acoustic.module
    if role == VOCODER:
        assert source.vocoder is not None, "a file was written from it"
        return list(mel_cases(source.vocoder.module, source.vocoder.audio.n_mels, acoustic))
    return list(phoneme_cases(acoustic))


def _torch_cost(source: Source, role: str, cases: Sequence[Any], scratch: Path) -> Cost:
    """The cost of the models as `.pt` files, run by torch one after another."""
    models = [source.acoustic] if role == ACOUSTIC else [source.vocoder]
    inputs = [cases[-1:]]
    if role == FUSED:
        models = [source.acoustic, source.vocoder]
        inputs = [cases[-1:], _cases(source, VOCODER)[-1:]]
    costs = []
    for model, case in zip(models, inputs, strict=True):
        assert model is not None, "a file was written from it"
        path = scratch / "torch.pt"
        save_pt(path, model.module, model.record, model.audio)
        costs.append(_cost(path, run_apart("kalakan", path, case), model))
    return Cost(
        sum(cost.bytes for cost in costs),
        sum(cost.rtf for cost in costs),
        max(cost.peak_memory_mb for cost in costs),
    )


def _cost(path: Path, trial: Trial, model: LoadedModel) -> Cost:
    last, audio = trial.outputs[-1], model.audio
    samples = last["audio_output"].shape[1] if "audio_output" in last else 0
    frames = last["mel_output"].shape[2] if "mel_output" in last else samples / audio.hop_length
    seconds = max(frames, 1) * audio.hop_length / audio.sample_rate
    return Cost(path.stat().st_size, trial.seconds / seconds, trial.peak_memory_mb)


def check_worth(report: FileReport, options: ExportOptions) -> None:
    """Raises `ExportError` for 8 bits that make nothing smaller or faster, unless `options.force`."""
    smaller = report.before.bytes / report.after.bytes
    faster = report.before.rtf / report.after.rtf if report.after.rtf else math.inf
    if options.quantize is not None and not options.force and smaller < SMALLER and faster < FASTER:
        raise ExportError(
            f"{report.file}: is {smaller:.2f} times smaller and {faster:.2f} times faster than in 32 bits, and 8 bits "
            f"are worth it from {SMALLER} or {FASTER} on; leave --quantize out, or add --force"
        )


def _keep(files: Sequence[Written], reports: Sequence[FileReport], folder: Path) -> list[Path]:
    """Moves the files to their destinations atomically, and adds them to the report there."""
    kept = []
    for item in files:
        target = folder / item.path.name
        with replacing(target) as partial:
            shutil.copyfile(item.path, partial)
        kept.append(target)
    path = folder / REPORT
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = {}
    told = told if isinstance(told, dict) else {}
    told.update({report.file: plain(asdict(report)) for report in reports})
    with replacing(path) as partial:
        partial.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return kept


def plain(value: Any) -> Any:
    """Values for JSON, which has no infinity; infinite values become None."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if name != "file"}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB"
