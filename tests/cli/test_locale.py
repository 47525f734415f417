"""Names and words outside ASCII where the locale knows only ASCII."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a locale of POSIX")
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "kalakan", *arguments],
        cwd=folder,
        env={**os.environ, **ASCII},
        capture_output=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tiny_voice: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `Ɔdɔ Kofi's 声` with a voice `nne`, in a folder to stand in."""
    folder = tmp_path_factory.mktemp("locale")
    shutil.copytree(tiny_voice, folder / "Ɔdɔ Kofi's 声" / "nne")
    (folder / "Ɔdɔ Kofi's 声" / "kasa.txt").write_text("Ɛyɛ.\n", encoding="utf-8")
    return folder


def test_every_path_may_have_any_letters(folder: Path) -> None:
    inside = "Ɔdɔ Kofi's 声"
    places = ("-o", f"{inside}/ɛ.wav", "--subtitles", f"{inside}/ɛ.srt")
    done = run(folder, "synthesize", "--file", f"{inside}/kasa.txt", "--voice", f"{inside}/nne", *places)
    assert (done.returncode, done.stderr) == (0, b"")
    assert soundfile.info(folder / inside / "ɛ.wav").frames > 100
    assert "Ɛyɛ." in (folder / inside / "ɛ.srt").read_text(encoding="utf-8")
    assert run(folder, "normalize", "Ɛyɛ", "-o", f"{inside}/n.txt").returncode == 0
    assert (folder / inside / "n.txt").read_text(encoding="utf-8") == "ɛyɛ\n"
    for path in ("nne", "nne/acoustic.onnx"):
        done = run(folder, "inspect", f"{inside}/{path}")
        assert (done.returncode, done.stderr) == (0, b"")


def test_paths_are_printed_as_they_are(folder: Path) -> None:
    inside = "Ɔdɔ Kofi's 声"
    assert f"folder    {inside}/nne" in run(folder, "voices", f"{inside}/nne").stdout.decode()
    missing = run(folder, "synthesize", "Yoo", "--voice", f"{inside}/none", "-o", "a.wav")
    assert missing.stderr.decode() == f"kalakan: error: {inside}/none: there is no such voice folder\n"


def test_words_are_utf_8(folder: Path) -> None:
    done = run(folder, "synthesize", "Yoo", "--voice", "Ɔdɔ Kofi's 声/nne", "--speaker", "ɔba", "-o", "a.wav")
    assert "speaker 'ɔba' is not in this voice" in done.stderr.decode()
