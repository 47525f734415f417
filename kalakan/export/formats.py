"""Export formats by name, for `kalakan export --format`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, cast

from kalakan.errors import ExportError
from kalakan.voices.files import VOCODER

if TYPE_CHECKING:
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2


@dataclass(frozen=True)
class ExportOptions:
    """How models are exported."""

    half_weights: bool = False
    """Store matrices in 16 bits."""
    quantize: Literal["static", "dynamic"] | None = None
    """Compute large products in 8-bit integers, with constant scales or scales computed by each call."""


class Exporter(Protocol):
    """Exports models to one format; every file is checked against torch and written atomically."""

    def voice(self, source: Path, vocoder: Path | None, target: Path | None, options: ExportOptions) -> Path:
        """Exports the models of the voice `source` to `target` (default: in place); returns the voice folder.

        `vocoder` is a `.pt` file or a voice folder; its vocoder replaces the voice's.
        """
        ...

    def files(
        self, acoustic: Path | None, vocoder: Path | None, folder: Path, options: ExportOptions
    ) -> list[Path]:
        """Exports an acoustic model (a `.pt` file) and a vocoder (as for `voice`) to files in `folder`."""
        ...


class OnnxExporter:
    """ONNX graphs for onnxruntime; see `kalakan.export.onnx`."""

    def voice(self, source: Path, vocoder: Path | None, target: Path | None, options: ExportOptions) -> Path:
        """See `Exporter`."""
        from kalakan.export.voice import add_onnx, add_vocoder

        if vocoder is not None:
            path = add_vocoder(source, vocoder, target, half_weights=options.half_weights).path
        else:
            path = add_onnx(source, target, half_weights=options.half_weights).path
        if options.quantize is not None:
            from kalakan.export.voice_quantize import quantize_voice

            quantize_voice(path, activations=options.quantize)
        return path

    def files(
        self, acoustic: Path | None, vocoder: Path | None, folder: Path, options: ExportOptions
    ) -> list[Path]:
        """See `Exporter`."""
        if options.quantize == "static" and acoustic is None:
            raise ExportError(
                "static scales are measured with an acoustic model; give one, or quantize dynamic"
            )
        paths = []
        if vocoder is not None:
            paths.append(_vocoder(vocoder, folder / VOCODER, options))
        if acoustic is not None:
            paths.append(_acoustic(acoustic, folder / "acoustic_model.onnx", options))
        if options.quantize is not None:
            for path in paths:
                _quantize(path, acoustic if options.quantize == "static" else None)
        return paths


FORMATS: dict[str, Exporter] = {"onnx": OnnxExporter()}
"""Exporters by the name of their format."""


def _vocoder(source: Path, path: Path, options: ExportOptions) -> Path:
    from kalakan.export.onnx.vocoder import write_vocoder

    with _writing(path):
        write_vocoder(source, path, half_weights=options.half_weights)
    return path


def _acoustic(source: Path, path: Path, options: ExportOptions) -> Path:
    from kalakan.export.onnx.acoustic import check_exportable, write_acoustic
    from kalakan.voices.weights import load_pt

    loaded = load_pt(source)
    check_exportable(loaded.record.type)
    with _writing(path):
        write_acoustic(
            cast("FastSpeech2", loaded.module), path, audio=loaded.audio, half_weights=options.half_weights
        )
    return path


def _quantize(path: Path, acoustic: Path | None) -> None:
    """Quantizes a file, with constant scales if there is an acoustic model for calibration."""
    from kalakan.export.onnx.calibration import acoustic_inputs, vocoder_inputs
    from kalakan.export.onnx.quantize import quantize_file
    from kalakan.voices.weights import load_pt

    if acoustic is None:
        quantize_file(path, path)
        return
    model = cast("FastSpeech2", load_pt(acoustic).module)
    is_vocoder = path.name == VOCODER
    quantize_file(
        path, path, vocoder_inputs(model) if is_vocoder else acoustic_inputs(len(model.config.speakers))
    )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
