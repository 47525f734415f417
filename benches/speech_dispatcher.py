"""python benches/speech_dispatcher.py [--rounds N] [--output]: how soon a screen reader hears Kalakan.

From the end of a message to the first sound: of the module that `kalakan integrate speech-dispatcher` writes, which
stays loaded, and of what sd_generic does, a process for each message that must write its file before it is played. The
two take turns; that their sounds are equal is checked first. With --output writes
benches/results/speech-dispatcher-cpu-<date>.json.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from kalakan.audio.files import read_audio
from kalakan.benchmark.figures import summary
from kept import keep, record

TEXTS = ("Maakye.", "Ɛnnɛ yɛ da pa paa ara, Kofi.", "Me din de Kofi, na mefiri Kumasi. Meyɛ adwuma wɔ Nkran.")
BOUND_S = 0.060
"""Seconds to the first sound that issue 20 asks of a persistent process."""


class Module:
    """The output module as a process that is asked as the server asks."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-m", "kalakan.cli.speech_dispatcher"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._send("INIT")
        self._until(b"299 OK LOADED SUCCESSFULLY\n")

    def speak(self, text: str) -> tuple[float, bytes]:
        """Seconds to the first sound of a message, and its samples, 16 bits each."""
        self._send("SPEAK")
        self._until(b"202 OK RECEIVING MESSAGE\n")
        begin = time.perf_counter()
        self._send(f"<speak>{text}</speak>", ".")
        first, samples = 0.0, []
        while (line := self._out.readline()) != b"702 END\n":
            if not line.startswith(b"705-AUDIO\0"):
                continue
            first = first or time.perf_counter() - begin
            samples.append(_unescaped(line[len(b"705-AUDIO\0") : -1]))
        return first, b"".join(samples)

    def close(self) -> None:
        """Ends the process."""
        with self._process:
            self._send("QUIT")
            self._until(b"210 OK QUIT\n")
        assert self._process.returncode == 0

    def _send(self, *lines: str) -> None:
        self._in.write("".join(f"{line}\n" for line in lines).encode())
        self._in.flush()

    def _until(self, expected: bytes) -> None:
        while (line := self._out.readline()) != expected:
            assert line, f"the module ended before it said {expected!r}"


def _unescaped(content: bytes) -> bytes:
    first, *rest = content.split(b"\x7d")
    return first + b"".join(bytes([part[0] ^ 0x20]) + part[1:] for part in rest)


def generic(text: str, path: Path) -> float:
    """Seconds until a file with a message can be played."""
    begin = time.perf_counter()
    entry = "from kalakan.cli.main import main; main()"
    subprocess.run([sys.executable, "-I", "-c", entry, "synthesize", text, "-o", path], check=True)
    return time.perf_counter() - begin


def check(module: Module, text: str, path: Path) -> None:
    """Raises where the two ways say something else."""
    generic(text, path)
    ours = np.frombuffer(module.speak(text)[1], "<i2") / 32768
    np.testing.assert_allclose(ours, read_audio(path)[0], atol=3 / 32768)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--output", action="store_true", help="keep the result under benches/results")
    arguments = parser.parse_args()
    what = "end of a message to its first sound: Speech Dispatcher's module beside a process for each message"
    result = record(what, rounds=arguments.rounds, bound_s=BOUND_S)
    module = Module()
    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wav"
        for text in TEXTS:
            check(module, text, path)
            pairs = [(module.speak(text)[0], generic(text, path)) for _ in range(arguments.rounds)]
            texts[text] = {
                "module_s": summary([ours for ours, _ in pairs], digits=4),
                "generic_s": summary([theirs for _, theirs in pairs], digits=4),
                "ratio": summary([ours / theirs for ours, theirs in pairs], digits=4),
            }
    module.close()
    keep({**result, "texts": texts}, "speech-dispatcher-cpu", arguments.output)


if __name__ == "__main__":
    main()
