"""Which test modules need a package that is not installed: where there is no torch, all of them that need it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import kalakan

HAS_TORCH = find_spec("torch") is not None
OPTIONAL = frozenset(
    {
        "docx",
        "fastapi",
        "gunicorn",
        "httpx",
        "librosa",
        "matplotlib",
        "onnx",
        "parselmouth",
        "pesq",
        "openai",
        "prometheus_client",
        "pydantic",
        "pyloudnorm",
        "pypdf",
        "pysubs2",
        "pystoi",
    }
    | {
        "ray",
        "redis",
        "safetensors",
        "starlette",
        "tensorboard",
        "torch",
        "tqdm",
        "triton",
        "uvicorn",
        "webvtt",
        "wyoming",
    }
)
"""Packages that the tests import and that `pip install kalakan` does not bring."""
TORCH_SIDE = frozenset({"api", "benchmark", "data", "evaluation", "export", "models", "ops", "training"})
"""Parts of the package that may need them. Any other is imported without them, or its tests fail."""
TESTS = Path(__file__).parent
PACKAGE = Path(kalakan.__file__).parent


@cache
def missing(path: Path) -> str | None:
    """A package that a module imports at its top and that is not installed, be it by way of another test module or of
    a part of `TORCH_SIDE`; None if there is none."""
    for name in _imports(path):
        package = name.split(".")[0]
        if package in OPTIONAL and find_spec(package) is None:
            return package
        module = _followed(name)
        if module is not None and (found := missing(module)):
            return found
    return None


def _imports(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _followed(name: str) -> Path | None:
    """The file of a module whose imports count: one of the tests, the benchmarks, or the torch side."""
    pieces = name.split(".")
    if pieces[0] == "kalakan":
        return _file(PACKAGE.parent, pieces) if len(pieces) > 1 and pieces[1] in TORCH_SIDE else None
    return _file(TESTS, pieces) or _file(TESTS.with_name("benches"), pieces)


def _file(root: Path, pieces: list[str]) -> Path | None:
    for size in range(len(pieces), 0, -1):
        path = root.joinpath(*pieces[:size]).with_suffix(".py")
        if path.is_file():
            return path
    return None
