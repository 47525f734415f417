"""Which models have an ONNX form at all."""

from __future__ import annotations

from kalakan.errors import ExportError
from kalakan.models import registry


def check_exportable(model_type: str) -> None:
    """Raises `ExportError` for a type that no ONNX file can stand for."""
    if not registry.entry(model_type).has_onnx:
        raise ExportError(
            f"{model_type} decides frame by frame whether to go on, and that loop has no ONNX form here; "
            "speak it with engine='torch'"
        )
