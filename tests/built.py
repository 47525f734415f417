"""What the tests of the C library and of the WebAssembly module build with cargo, and what they need for that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WASM = "wasm32-unknown-unknown"


@cache
def cargo_build(package: str, target: str | None = None) -> Path:
    """The folder that holds what cargo builds of a crate of the workspace, in its release profile; skips the test
    where there is no cargo, no checkout, or no standard library for the target."""
    if shutil.which("cargo") is None or not (ROOT / "rust" / package).is_dir():
        pytest.skip("needs cargo and a checkout")
    if target is not None and not _has_target(target):
        pytest.skip(f"needs Rust's standard library for {target}: rustup target add {target}")
    more = [] if target is None else ["--target", target]
    command = ["cargo", "build", "--release", "--quiet", "--package", package, *more]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1500)
    place = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return place / (target or "") / "release"


def _has_target(target: str) -> bool:
    found = subprocess.run(
        ["rustc", "--print", "target-libdir", "--target", target], capture_output=True, text=True, check=False
    )
    return found.returncode == 0 and Path(found.stdout.strip()).is_dir()


def libkalakan() -> Path:
    """The shared library of the C interface."""
    names = {"win32": "kalakan.dll", "darwin": "libkalakan.dylib"}
    return cargo_build("kalakan-c") / names.get(sys.platform, "libkalakan.so")


def onnxruntime_library() -> Path:
    """The shared library in the package onnxruntime; skips the test for a package that has none."""
    spec = find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "capi"
    found = [
        path
        for pattern in ("libonnxruntime.so*", "libonnxruntime*.dylib", "onnxruntime.dll")
        for path in folder.glob(pattern)
    ]
    if not found:
        pytest.skip("needs a package onnxruntime with its shared library")
    return found[0]


def compiler(language: str = "c") -> str:
    """A compiler; skips the test where there is none."""
    names = ("cc", "gcc", "clang") if language == "c" else ("c++", "g++", "clang++")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"needs a compiler of {language}")
    return found
