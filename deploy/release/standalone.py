"""python deploy/release/standalone.py [--wheel WHEEL] [--try]: `kalakan` as one file that needs no Python.

`make standalone` runs it. Writes target/standalone/kalakan (kalakan.exe on Windows) for the machine it runs on: the
program with its voice, numpy, onnxruntime, soundfile, soxr and the server, without torch. It unpacks itself into the
temporary folder at every start, and runs on the glibc of the building machine or a newer one.

By PyInstaller, not as a program on libkalakan: server, SSML, corpora and most formats of audio are Python. Not as a
zipapp: that needs a Python, and compiled modules are not imported out of a zip file. --wheel takes a wheel in place of
this checkout. --try runs the file where there is nothing but the C library and zlib (Linux, as root or with user
namespaces).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import venv
import wave
from pathlib import Path

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "target" / "standalone"
NAME = "kalakan.exe" if os.name == "nt" else "kalakan"
EXTRAS = "serve"
MAIN = "from kalakan.cli.start import kalakan\n\nkalakan()\n"
LEFT_OUT = ("torch", "matplotlib", "tkinter", "IPython", "PIL", "pytest")
SENTENCE = "Akwaaba! Wo ho te sɛn?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="of kalakan; default: made from this checkout")
    parser.add_argument("--try", action="store_true", dest="is_tried", help="run the file on a bare system")
    arguments = parser.parse_args()
    program = build(arguments.wheel)
    sys.stdout.write(f"{program}: {program.stat().st_size / 1e6:.1f} MB\n")
    if arguments.is_tried:
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(f"{run_bare(program, Path(folder))}\n")


def build(wheel: Path | None) -> Path:
    """The program, built in an environment of its own, whose packages are those of a new installation."""
    with tempfile.TemporaryDirectory() as folder:
        environment, work = Path(folder) / "environment", Path(folder) / "work"
        venv.create(environment, with_pip=True)
        python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        source = f"{wheel.resolve() if wheel else ROOT}[{EXTRAS}]"
        subprocess.run([python, "-m", "pip", "install", "--quiet", source, "pyinstaller>=6"], check=True)
        work.mkdir()
        (work / "main.py").write_text(MAIN, encoding="utf-8")
        command = [python, "-m", "PyInstaller", "--onefile", "--name", "kalakan", "--log-level", "WARN"]
        command += ["--distpath", TARGET, "--workpath", work / "build", "--specpath", work]
        # Commands, engines and parts of the server are imported by name.
        command += ["--collect-submodules", "kalakan", "--collect-data", "kalakan"]
        command += ["--collect-submodules", "uvicorn", "--copy-metadata", "kalakan"]
        for package in LEFT_OUT:
            command += ["--exclude-module", package]
        subprocess.run([*command, work / "main.py"], check=True, cwd=work)
    return TARGET / NAME


def run_bare(program: Path, root: Path) -> str:
    """What the program does in a root folder that holds nothing but itself, the C library, /tmp and /proc; raises
    `CalledProcessError` where it fails, `AssertionError` where what it writes is no audio."""
    libraries = c_library(program)
    for library in libraries:
        copy = root / library.relative_to("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library, copy)
        copy.chmod(0o755)
    for name in ("tmp", "dev", "proc"):
        (root / name).mkdir()
    shutil.copyfile(program, root / "kalakan")
    (root / "kalakan").chmod(0o755)
    version = inside(root, "--version").strip()
    inside(root, "synthesize", SENTENCE, "-o", "/akwaaba.wav")
    with wave.open(str(root / "akwaaba.wav")) as audio:
        seconds = audio.getnframes() / audio.getframerate()
        samples = audio.readframes(audio.getnframes())
    assert seconds > 0.8, f"{seconds} s of audio"
    loudest = max(abs(value) for (value,) in struct.iter_unpack("<h", samples))
    assert loudest > 3000, f"the audio is silent: {loudest}"
    words = inside(root, "normalize", "Me wɔ GHS 5").strip()
    assert words == "me wɔ sidi num", words
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    return f"{version} beside {', '.join(files)}: {seconds:.2f} s of audio, and {words!r}"


def inside(root: Path, *arguments: str) -> str:
    """Output of the program in the root folder with an empty environment, in which there is no shell and no Python."""
    # onnxruntime opens its files by way of /proc.
    isolated = ["unshare", "--mount", "--pid", "--fork", f"--root={root}", "--mount-proc"]
    if os.geteuid() != 0:
        isolated += ["--user", "--map-root-user"]
    command = [*isolated, "/kalakan", *arguments]
    env = {"LC_ALL": "C.UTF-8", "HOME": "/tmp"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


def c_library(program: Path) -> list[Path]:
    """The loader and the parts of glibc, which every Linux system has, from this machine."""
    told = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True).stdout
    found = {Path(path) for path in re.findall(r"(/\S+)", told.replace(str(program), ""))}
    folder = next(path.parent for path in found if path.name.startswith("libc.so"))
    names = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1")
    return sorted(found | {folder / name for name in names if (folder / name).exists()})


if __name__ == "__main__":
    main()
