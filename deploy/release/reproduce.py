"""python deploy/release/reproduce.py: builds the wheel twice, in two folders, and compares the bits.

`make reproduce` runs it; it takes as long as two builds from zero. The folders hold what git tracks. The environment is
that of `make wheel`: SOURCE_DATE_EPOCH dates the files of the archive, and paths of this machine are not compiled in.
Exit code 1: the wheels differ; the files that do are named.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Of different lengths, so that no path may hide in padding.
        wheels = [build(Path(folder) / name) for name in ("one", "another-place/of-the-same")]
        hashes = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
        found = leaks(wheels[0], (folder, str(Path.home())))
        if hashes[0] == hashes[1] and not found:
            sys.stdout.write(f"{wheels[0].name}: twice {hashes[0]}\n")
            return
        for name in differing(*wheels) if hashes[0] != hashes[1] else ():
            sys.stdout.write(f"{name} differs\n")
        for name in found:
            sys.stdout.write(f"{name} holds a path of this machine\n")
        raise SystemExit(1)


def build(folder: Path) -> Path:
    """The wheel of what git tracks, built in a folder."""
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], check=True, cwd=ROOT, capture_output=True).stdout
    subprocess.run(["tar", "--extract"], check=True, cwd=folder, input=archive)
    command = ["maturin", "build", "--release", "--quiet", "--out", "wheel"]
    env = {**os.environ, **environment(folder), "CARGO_TARGET_DIR": str(folder / "target")}
    subprocess.run(command, check=True, cwd=folder, env=env)
    (wheel,) = (folder / "wheel").iterdir()
    return wheel


def environment(source: Path) -> dict[str, str]:
    """Variables that make a build the same anywhere, for a checkout in `source`."""
    cargo = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    paths = {str(source): ".", cargo: "cargo"}
    return {
        "SOURCE_DATE_EPOCH": "315532800",
        "RUSTFLAGS": " ".join(f"--remap-path-prefix={path}={name}" for path, name in paths.items()),
    }


def leaks(wheel: Path, paths: tuple[str, ...]) -> list[str]:
    """Files of a wheel in which a path of this machine stands."""
    with zipfile.ZipFile(wheel) as archive:
        return [
            name for name in archive.namelist() if any(path.encode() in archive.read(name) for path in paths)
        ]


def differing(one: Path, other: Path) -> list[str]:
    """Files of two wheels that are not the same, and those that only one has."""
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        names = sorted({*first.namelist(), *second.namelist()})
        both = set(first.namelist()) & set(second.namelist())
        return [name for name in names if name not in both or first.read(name) != second.read(name)] or [
            "the archive itself"
        ]


if __name__ == "__main__":
    main()
