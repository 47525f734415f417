"""`kalakan.h` declares what the library exports, with the types that it has there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from built import ROOT, compiler

CRATE = ROOT / "rust" / "kalakan-c"
HEADER = CRATE / "include" / "kalakan.h"
pytestmark = pytest.mark.skipif(not HEADER.is_file(), reason="needs a checkout")
C_TYPES = {
    **{"c_char": "char", "c_int": "int", "c_void": "void", "f32": "float", "f64": "double", "i32": "int"},
    **{"u32": "uint32_t", "usize": "size_t", "Status": "kalakan_status", "KalakanVoice": "kalakan_voice"},
    **{"KalakanOptions": "kalakan_options", "KalakanAudio": "kalakan_audio", "KalakanSink": "kalakan_sink"},
}
"""The type in C of each in Rust."""


def c_type(rust: str) -> str:
    """A Rust type as C writes it, without spaces: "*mut *mut T" is "T**"."""
    found = re.fullmatch(r"((?:\*(?:mut|const) )*)(\w+)", rust.strip())
    assert found is not None, rust
    pointers = found[1].split()
    name = C_TYPES[found[2]]
    is_const = bool(pointers) and pointers[-1] == "*const"
    return ("const" if is_const else "") + name + "*" * len(pointers)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def source() -> str:
    return re.sub(r"//[^\n]*", "", (CRATE / "src" / "ffi.rs").read_text(encoding="utf-8"))


def header() -> str:
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)


def rust_functions() -> dict[str, tuple[str, list[str]]]:
    found = {}
    for name, arguments, result in re.findall(
        r'extern "C" fn (kalakan_\w+)\(([^)]*)\)(?:\s*->\s*([^{]+))?\s*\{', source()
    ):
        types = [c_type(item.partition(":")[2]) for item in arguments.split(",") if item.strip()]
        found[name] = (c_type(result) if result else "void", types)
    return found


def c_functions() -> dict[str, tuple[str, list[str]]]:
    found = {}
    for result, name, arguments in re.findall(
        r"^([\w ]+?[\s*]+)(kalakan_\w+)\(([^)]*)\);", header(), re.MULTILINE
    ):
        items = [] if arguments.strip() == "void" else arguments.split(",")
        types = [squeezed(re.sub(r"\w+$", "", item.strip())) for item in items]
        found[name] = (squeezed(result), types)
    return found


def test_functions_are_declared_as_they_are() -> None:
    assert len(rust_functions()) > 10
    assert c_functions() == rust_functions()


@pytest.mark.parametrize("name", ["Options", "Audio"])
def test_structures_have_the_same_fields(name: str) -> None:
    (rust,) = re.findall(rf"pub struct Kalakan{name} \{{(.*?)\n\}}", source(), re.DOTALL)
    (declared,) = re.findall(rf"typedef struct kalakan_{name.lower()} \{{(.*?)\n\}}", header(), re.DOTALL)
    fields = [(field, c_type(kind)) for field, kind in re.findall(r"(\w+): ([^,]+),", rust)]
    items = [item.strip() for item in declared.split(";") if item.strip()]
    found = [(item.split()[-1].strip("*"), squeezed(re.sub(r"\w+$", "", item))) for item in items]
    assert fields
    assert found == fields


def test_statuses_have_the_same_numbers() -> None:
    text = (CRATE / "src" / "error.rs").read_text(encoding="utf-8")
    rust = {
        name.upper(): int(value) for name, value in re.findall(r"^    (\w+) = (\d+),", text, re.MULTILINE)
    }
    declared = {name: int(value) for name, value in re.findall(r"KALAKAN_(\w+) = (\d+)", header())}
    assert len(rust) == 8
    assert declared == rust


@pytest.mark.parametrize(("language", "standard"), [("c", "c99"), ("c++", "c++11")])
def test_the_header_compiles_alone(language: str, standard: str, tmp_path: Path) -> None:
    file = tmp_path / "alone.c"
    file.write_text('#include "kalakan.h"\n', encoding="utf-8")
    warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run(
        [
            *(compiler(language), "-x", language, f"-std={standard}", *warnings, "-fsyntax-only"),
            *(f"-I{HEADER.parent}", str(file)),
        ],
        check=True,
    )
