"""Programs in C: the example, and the one in the documentation, compiled and run in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from built import ROOT, compiler, libkalakan, onnxruntime_library
from kalakan import Synthesizer
from kalakan.text.twi_g2p import TwiG2P
from kalakan.voices.package import DEFAULT

CRATE = ROOT / "rust" / "kalakan-c"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="compiles as POSIX compilers do")


def compiled(source: Path, folder: Path) -> Path:
    """The program of a C file, linked with the library and strict about warnings."""
    library = libkalakan()
    program = folder / source.stem
    subprocess.run(
        [
            *(compiler(), "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"),
            *(f"-I{CRATE / 'include'}", str(source), f"-L{library.parent}", "-lkalakan"),
            *(f"-Wl,-rpath,{library.parent}", "-o", str(program)),
        ],
        check=True,
    )
    return program


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(item) for item in arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=250,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def speak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(CRATE / "examples" / "speak.c", tmp_path_factory.mktemp("program"))


def test_the_example_writes_what_python_says(speak: Path, tmp_path: Path) -> None:
    text, file = "Maakye, Ama. Wo ho te sɛn?", tmp_path / "said.wav"
    done = run(speak, DEFAULT, onnxruntime_library(), text, file, "yaw")
    assert (done.returncode, done.stderr) == (0, "")
    found, rate = soundfile.read(file, dtype="float32")
    python = Synthesizer(engine="onnx")
    python.g2p = TwiG2P(english=False, tones="predicted")
    assert rate == python.sample_rate
    np.testing.assert_allclose(found, python.synthesize(text, speaker="yaw"), rtol=0, atol=2.0**-23)


def test_the_example_says_what_is_wrong(speak: Path, tmp_path: Path) -> None:
    file = tmp_path / "said.wav"
    library = onnxruntime_library()
    for arguments, status, said in (
        ((DEFAULT, library, "?!", file), 1, "holds nothing pronounceable"),
        ((tmp_path, library, "Kofi", file), 1, "voice.json"),
        ((DEFAULT, tmp_path / "nothing.so", "Kofi", file), 1, "is no onnxruntime that can be used"),
        ((DEFAULT,), 2, "usage:"),
    ):
        done = run(speak, *arguments)
        assert done.returncode == status
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not file.exists()


def test_the_program_of_the_documentation(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "c-api.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```c\n(.*?)```", page, re.DOTALL)
    source = tmp_path / "example.c"
    source.write_text(code, encoding="utf-8")
    done = run(compiled(source, tmp_path), DEFAULT, onnxruntime_library())
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\d{4,} samples at 24000 Hz\n", done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_given_back(tmp_path: Path) -> None:
    """A voice that is opened and closed, and audio that is freed, leave nothing behind."""
    source = tmp_path / "again.c"
    source.write_text(
        """
        #include <stdio.h>
        #include <stdlib.h>
        #include "kalakan.h"
        static long resident(void) {
            long pages = 0, all = 0;
            FILE *file = fopen("/proc/self/statm", "r");
            if (file == NULL || fscanf(file, "%ld %ld", &all, &pages) != 2) exit(3);
            fclose(file);
            return pages;
        }
        int main(int count, char **arguments) {
            long before = 0;
            (void)count;
            for (int round = 0; round < 40; round++) {
                kalakan_voice *voice;
                kalakan_audio audio;
                char *words;
                if (round == 15) before = resident();
                if (kalakan_open(arguments[1], arguments[2], 1, &voice)) return 1;
                for (int again = 0; again < 5; again++) {
                    if (kalakan_synthesize(voice, "Me ho yɛ paa. Meda wo ase.", NULL, &audio)) return 1;
                    kalakan_audio_free(&audio);
                    if (kalakan_normalize("GHS 25", &words)) return 1;
                    kalakan_string_free(words);
                }
                kalakan_close(voice);
            }
            printf("%ld\\n", (resident() - before) * 4);
            return 0;
        }
        """,
        encoding="utf-8",
    )
    tiny = Path(__file__).parents[1] / "voices" / "tiny"
    done = run(compiled(source, tmp_path), tiny, onnxruntime_library())
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2048  # KiB in 25 rounds
