"""TorchScript files: run by torch alone, in Python or C++, on any of its devices."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kalakan.errors import ExportError
from kalakan.export.exporter import ACOUSTIC, FUSED, VOCODER, ExportOptions, Source, Written, models_of
from kalakan.export.fused import Fused
from kalakan.models.quantization import quantize_module
from kalakan.voices.scripted import FACTS, check_code, facts_of

NAMES = {ACOUSTIC: "acoustic_model_scripted.pt", VOCODER: "vocoder_scripted.pt", FUSED: "fused_model.pt"}
"""File name of each role; the first two differ from the names of trained files, which they must not replace."""
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


class TorchScriptExporter:
    """See `kalakan.export.exporter.Exporter`."""

    name = "torchscript"
    runner = "torchscript"

    def missing(self) -> str | None:
        """See `Exporter`."""
        return None

    def refuses(self, source: Source, options: ExportOptions) -> str | None:
        """See `Exporter`."""
        if options.quantize == "static":
            return "torchscript has no constant scales; give --quantize dynamic"
        if options.quantize == "weights":
            return "torchscript computes in what it stores; give --quantize dynamic"
        if options.quantize and options.floats != "fp32":
            return "torchscript's 8-bit products take 32-bit floats; leave --precision out"
        if options.opset is not None:
            return "--opset is of ONNX; leave it out, or export with --format onnx"
        return None

    def write(self, source: Source, folder: Path, options: ExportOptions) -> Sequence[Written]:
        """See `Exporter`."""
        told = facts_of(source.acoustic, source.vocoder)
        if options.fuse:
            assert source.acoustic is not None and source.vocoder is not None, "checked by `export_files`"
            module = Fused(source.acoustic.module, source.vocoder.module)
            return [self._save(module, FUSED, folder, told, options)]
        return [
            self._save(model.module, role, folder, told, options)
            for role, model in models_of(source, with_weights=False)
        ]

    def check(self, written: Written) -> None:
        """See `Exporter`: the code in the file is what Kalakan loads."""
        check_code(written.path)

    def _save(
        self, module: nn.Module, role: str, folder: Path, told: dict[str, Any], options: ExportOptions
    ) -> Written:
        path = folder / NAMES[role]
        if options.quantize is not None:
            module = quantize_module(module).module
        if options.floats in DTYPES:
            module = copy.deepcopy(module)  # scripting shares the parameters with the module
            _store_in(module, DTYPES[options.floats])
        facts = json.dumps(told | {"role": role, "floats": options.floats}, ensure_ascii=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch recommends torch.export over scripting
            scripted = torch.jit.script(module.eval())
            torch.jit.save(scripted, str(path), _extra_files={FACTS: facts})
        if not path.is_file():
            raise ExportError(f"{path}: torch wrote no file")
        return Written(path, role)


def _store_in(module: nn.Module, dtype: torch.dtype) -> None:
    """Converts the parameters; buffers such as noise tables and statistics keep their bits."""
    for parameter in module.parameters():
        parameter.data = parameter.data.to(dtype)
