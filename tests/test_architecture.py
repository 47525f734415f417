"""Import layers of the package, what must not exist in it, and that speaking needs no torch."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kalakan

ROOT = Path(kalakan.__file__).parent
LAYERS = {
    "__main__": 7,
    "cli": 6,
    "api": 6,
    "synthesis": 5,
    "training": 5,
    "export": 5,
    "evaluation": 5,
    "voices": 4,
    "data": 4,
    "models": 3,
    "native": 3,
    "ops": 2,
    "audio": 2,
    "text": 1,
    "config": 1,
    "utils": 1,
    "errors": 0,
    "storage": 0,
    "onnx_runtime": 0,
    "_rust": 0,
}
SIDEWAYS = {("training", "evaluation"), ("audio", "ops"), ("utils", "config")}
"""Allowed arrows within a layer."""
FORBIDDEN = {("models", "text")}
"""Arrows that point down and are not allowed: a model sees ids."""
BAD_WORDS = frozenset(
    {"enhanced", "extended", "advanced", "new", "v2", "fast", "optimized", "manager", "helper", "helpers"}
    | {"common", "misc"}
)
MODULES = sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)


def part_of(path: Path) -> str:
    """The sub-package or top-level module that a file belongs to."""
    inside = path.relative_to(ROOT)
    return inside.parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of everything that is imported anywhere in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows(path: Path) -> set[str]:
    """Parts of kalakan that a file imports."""
    found = set()
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        pieces = name.split(".")
        if pieces[0] == "kalakan" and len(pieces) > 1 and not pieces[1].startswith("__"):
            found.add(pieces[1])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return  # the package's names load on first use
    for target in arrows(path) - {part, "Synthesizer", "Config"}:
        assert target in LAYERS, f"{target} has no layer"
        is_down = LAYERS[target] < LAYERS[part] and (part, target) not in FORBIDDEN
        assert is_down or (part, target) in SIDEWAYS, f"{part} must not import {target}"


def test_every_part_has_a_layer() -> None:
    assert {part_of(path) for path in MODULES} - {"__init__"} <= set(LAYERS)


def test_utils_holds_the_config_only() -> None:
    assert {path.name for path in (ROOT / "utils").glob("*.py")} == {"__init__.py", "config.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_names(path: Path) -> None:
    words = set(re.split(r"[_.]", path.stem))
    assert not words & BAD_WORDS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_torch_side_imports_torch(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    roots = {name.split(".")[0] for node in top for name in imports(node)}
    part = part_of(path)
    if part in ("errors", "text", "config", "utils", "cli", "native", "__init__"):
        assert "torch" not in roots
    assert not roots & {"fastapi", "tensorrt", "redis", "ray"} or part == "api"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_module_imports_onnxruntime(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(ast.parse(path.read_text(encoding="utf-8")))}
    assert "onnxruntime" not in roots or part_of(path) == "onnx_runtime"


def run_python(code: str, *arguments: str, env: dict[str, str] | None = None) -> None:
    result = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=env,
    )
    assert result.returncode == 0, result.stderr


def test_importing_kalakan_loads_nothing() -> None:
    run_python(
        "import sys, threading, kalakan\n"
        "heavy = {'torch', 'numpy', 'onnxruntime', 'soundfile', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert threading.active_count() == 1"
    )


SPEAK = (
    "import sys, io, kalakan\n"
    "synthesizer = kalakan.Synthesizer(*sys.argv[1:])\n"
    "audio = synthesizer.synthesize('Akwaaba! Wo ho te sɛn?')\n"
    "synthesizer.save_audio(audio, io.BytesIO())\n"
    "heavy = {'torch', 'safetensors', 'onnx', 'librosa', 'scipy', 'matplotlib'} & set(sys.modules)\n"
    "assert not heavy, heavy"
)


def test_speaking_imports_no_torch(tiny_voice: Path) -> None:
    run_python(SPEAK, str(tiny_voice))


def test_speaking_leaves_nothing_at_home(tiny_voice: Path, tmp_path: Path) -> None:
    """onnxruntime's telemetry would keep an identifier and its events there, and send them."""
    home = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "USERPROFILE")}
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    run_python(SPEAK, str(tiny_voice), env=env | home)
    assert list(tmp_path.iterdir()) == []


def test_speaking_with_the_default_voice_imports_no_torch() -> None:
    if not (ROOT / "voices" / "default" / "voice.json").is_file():
        pytest.skip("the default voice is not in this checkout")
    run_python(SPEAK)
