"""Controls the measured process; see `kalakan.benchmark.probe`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from kalakan.benchmark import probe
from kalakan.errors import BenchmarkError

_CODE = (
    "import json, sys; sys.path[:0] = json.loads(sys.argv[2]); "
    "from kalakan.benchmark.probe import main; main(json.loads(sys.argv[1]))"
)
"""Makes a worker import the same modules as this process."""


class Worker:
    """A process with one loaded engine."""

    def __init__(self, name: str, given: Mapping[str, Any], python: str | None = None) -> None:
        """Starts the process and waits until the engine is loaded; `python` is the interpreter of another environment.

        Raises `BenchmarkError` if it cannot be loaded.
        """
        self.name = name
        self._is_peer = given["engine"] != "kalakan"
        if python is None:
            command = [sys.executable, "-I", "-c", _CODE, json.dumps(given), json.dumps(sys.path)]
        else:
            command = [python, "-I", str(Path(probe.__file__)), json.dumps(given)]
        threads = str(given["threads"])
        environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        begin = time.perf_counter()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment,
            )
        except OSError as error:
            self._errors.close()
            raise BenchmarkError(
                f"{name}: {command[0]} cannot be run ({error.strerror}); give the python of an environment with it"
            ) from error
        try:
            self.ready = self._reply()
        except BaseException:
            self.close()
            raise
        self.start_up_s = time.perf_counter() - begin
        """Seconds from the start of the process to a loaded engine."""

    def ask(self, kind: str, **request: Any) -> dict[str, Any]:
        """The answer to a request; raises `BenchmarkError` if there is none."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the process ended; its last output says why
            self._process.stdin.write(json.dumps({"do": kind, **request}).encode() + b"\n")
            self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise BenchmarkError(f"{self.name}: its process ended with {status}: {self._last_words()}")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            way_out = ""
            if found["kind"] == "ModuleNotFoundError" and self._is_peer:
                way_out = f"; install {self.name} here, or name the python that has it with --peers-python"
            raise BenchmarkError(f"{self.name}: cannot be measured: {found['error']}{way_out}")
        return found

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        """Ends the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.kill()  # it leaves nothing behind
        self._process.wait()
        self._errors.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()
