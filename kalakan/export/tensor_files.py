"""Plain weights, in torch's format and in safetensors, for Kalakan's torch engine on any device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from kalakan.export.exporter import FUSED, VOCODER, ExportOptions, Source, Written, models_of, nothing_left
from kalakan.voices.single import texts_of, write_single_safetensors
from kalakan.voices.weights import float32_state, load_model, quantized_state, save_pt, save_safetensors

if TYPE_CHECKING:
    from torch import Tensor, nn

    from kalakan.voices.weights import LoadedModel

_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
_HALF_FROM = 1024
"""Smallest tensor, in elements, that is stored in 16 bits."""


class PtExporter:
    """`.pt` files; see `kalakan.export.exporter.Exporter`."""

    name = "pt"
    runner = "kalakan"
    suffix = ".pt"

    def missing(self) -> str | None:
        """See `Exporter`."""
        return None

    def refuses(self, source: Source, options: ExportOptions) -> str | None:
        """See `Exporter`."""
        if options.quantize in ("static", "dynamic"):
            return (
                f"{self.name} stores weights and no arithmetic; give --quantize without a way, or --format onnx or "
                "torchscript"
            )
        if options.opset is not None:
            return "--opset is of ONNX; leave it out, or export with --format onnx"
        if options.fuse:
            return f"{self.name} has no fused form; give --format safetensors, torchscript or onnx"
        return nothing_left(source)

    def write(self, source: Source, folder: Path, options: ExportOptions) -> Sequence[Written]:
        """See `Exporter`."""
        return [
            self._write(model, Written(folder / self._name(role, options), role), options)
            for role, model in models_of(source)
        ]

    def check(self, written: Written) -> None:
        """See `Exporter`: the file can be read."""
        load_model(written.path)

    def _name(self, role: str, options: ExportOptions) -> str:
        ending = "quantized" if options.quantize else "stored"
        return f"{role}_{ending}{self.suffix}"

    def _write(self, model: LoadedModel, written: Written, options: ExportOptions) -> Written:
        save_pt(written.path, model.module, model.record, model.audio, stored_state(model.module, options))
        return written


class SafetensorsExporter(PtExporter):
    """`.safetensors` files; with `fuse`, a voice as a single file."""

    name = "safetensors"
    suffix = ".safetensors"

    def refuses(self, source: Source, options: ExportOptions) -> str | None:
        """See `Exporter`."""
        if options.fuse and source.voice is None:
            return "a voice in a single file is made of a VOICE; give one, or leave --fuse out"
        return super().refuses(source, ExportOptions(options.floats, options.quantize, options.opset))

    def write(self, source: Source, folder: Path, options: ExportOptions) -> Sequence[Written]:
        """See `Exporter`."""
        if not options.fuse:
            return super().write(source, folder, options)
        voice, acoustic = source.voice, source.acoustic
        assert voice is not None and acoustic is not None, "checked by `refuses`"
        states = {"acoustic": stored_state(acoustic.module, options)}
        if any(role == VOCODER for role, _ in models_of(source)):
            assert source.vocoder is not None
            states["vocoder"] = stored_state(source.vocoder.module, options)
        path = folder / f"{voice.manifest.name}.safetensors"
        write_single_safetensors(path, texts_of(voice.manifest, voice.path), states)
        return [Written(path, FUSED)]

    def check(self, written: Written) -> None:
        """See `Exporter`."""
        from kalakan.voices.package import load_voice
        from kalakan.voices.weights import load_acoustic

        if written.role == FUSED:
            load_acoustic(load_voice(written.path))
        else:
            super().check(written)

    def _name(self, role: str, options: ExportOptions) -> str:
        return f"{role}_quantized{self.suffix}" if options.quantize else f"{role}{self.suffix}"

    def _write(self, model: LoadedModel, written: Written, options: ExportOptions) -> Written:
        save_safetensors(written.path, model.record, model.audio, stored_state(model.module, options))
        return written


def stored_state(module: nn.Module, options: ExportOptions) -> dict[str, Tensor]:
    """The state of a module in the types that the options request."""
    if options.quantize is not None:
        return quantized_state(module)
    state = float32_state(module)
    if options.floats == "fp32":
        return state
    dtype = _DTYPES[options.floats]
    return {
        name: value.to(dtype) if value.dtype.is_floating_point and value.numel() >= _HALF_FROM else value
        for name, value in state.items()
    }
