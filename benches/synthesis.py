"""python benches/synthesis.py [VOICE] [--rounds N]: what `kalakan synthesize` costs; writes benches/results/.

Three promises, each measured in processes of their own: peak memory and start-to-file time of the greeting, and the
real-time factor (RTF, time ÷ audio) of longer texts at one thread, by `kalakan.benchmark`. Wall-clock and CPU seconds
are both kept: on a machine that does other work the CPU seconds say what a free core would need.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kalakan.benchmark.figures import summary
from kalakan.benchmark.machine import facts, today
from kalakan.benchmark.measure import Plan, measure
from kalakan.benchmark.subjects import subjects
from kalakan.benchmark.texts import GREETING

RESULTS = Path(__file__).parent / "results"
LIMITS = {"peak_memory_mb": 250.0, "greeting_s": 1.5, "rtf": 0.05}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voice", nargs="?", default="", help="voice folder; default: the packaged one")
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    machine = facts()
    starts = [greeting(arguments.voice) for _ in range(arguments.rounds)]
    voice = subjects([arguments.voice or None], [], ["onnx"], ["cpu"], ["full"], threads=1)
    report = measure(voice, Plan(rounds=arguments.rounds, starts=1, batch_sizes=(), workers=()))
    (found,) = report["subjects"].values()
    result = {
        "what": "kalakan synthesize: peak memory, process start to finished file, RTF; one thread",
        "command": " ".join(["python", "benches/synthesis.py", *sys.argv[1:]]),
        "date": today(),
        "machine": machine,
        "voice": found["voice"],
        "rounds": arguments.rounds,
        "limits": LIMITS,
        "greeting": {
            "text": GREETING,
            "peak_memory_mb": round(max(item["memory_mb"] for item in starts), 1),
            "wall_s": summary([item["wall_s"] for item in starts], 3),
            "cpu_s": summary([item["cpu_s"] for item in starts], 3),
        },
        "texts": found["texts"],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"synthesis-cpu-{result['date']}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(path.read_text(encoding="utf-8"))


def greeting(voice: str) -> dict[str, float]:
    """Seconds and peak memory of one process that speaks the greeting into a file."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("kalakan")), "synthesize", GREETING]
        command += ["-o", f"{folder}/akwaaba.wav", *(["--voice", voice] if voice else [])]
        started = time.perf_counter()
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        assert status == 0, f"{command} failed"
        assert Path(folder, "akwaaba.wav").stat().st_size > 10_000
    scale = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes here
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "memory_mb": usage.ru_maxrss / scale}


def voice_name(voice: str) -> dict[str, Any]:
    """What a result says of a voice."""
    from kalakan.voices.package import load_voice

    manifest = load_voice(voice or None).manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "models": [manifest.acoustic.type, manifest.vocoder.type],
        "steps": manifest.training.get("steps"),
    }


if __name__ == "__main__":
    main()
