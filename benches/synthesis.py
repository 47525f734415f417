"""python benches/synthesis.py [VOICE] [--rounds N]: what `kalakan synthesize` costs; writes benches/results/.

Three promises, each measured in processes of their own: peak memory and start-to-file time of the greeting, and the
real-time factor (RTF, time ÷ audio) of longer texts at one thread. Wall-clock and CPU seconds are both kept: on a
machine that does other work the CPU seconds say what a free core would need.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
GREETING = "Akwaaba! Wo ho te sɛn?"
LIMITS = {"peak_memory_mb": 250.0, "greeting_s": 1.5, "rtf": 0.05}
SPEAK = """
import json, sys, time
from kalakan import Synthesizer
voice, rounds = sys.argv[1] or None, int(sys.argv[2])
synthesizer = Synthesizer(voice, config={"inference": {"threads": 1}})
texts = {
    "greeting": "Akwaaba! Wo ho te sɛn?",
    "sentence": "Ɛnnɛ yɛ da pa paa ara, ɛfiri sɛ owia rebɔ na nnoma reto dwom wɔ nnua no so.",
    "paragraph": "Me din de Kofi, na mefiri Kumasi. Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran. Anɔpa biara mekɔ adwuma "
    "nnɔnson, na mesan ba fie anwummerɛ. Memeneda ne Kwasiada deɛ, me ne m'abusua tena fie di agorɔ.",
}
for name, text in texts.items():
    synthesizer.synthesize(text)
    wall, cpu = [], []
    for _ in range(rounds):
        started = time.perf_counter(), time.process_time()
        audio = synthesizer.synthesize(text)
        wall.append(time.perf_counter() - started[0])
        cpu.append(time.process_time() - started[1])
    print(json.dumps({"name": name, "audio_s": len(audio) / synthesizer.sample_rate, "wall": wall, "cpu": cpu}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voice", nargs="?", default="", help="voice folder; default: the packaged one")
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    starts = [greeting(arguments.voice) for _ in range(arguments.rounds)]
    result = {
        "what": "kalakan synthesize: peak memory, process start to finished file, RTF; one thread",
        "command": " ".join(["python", "benches/synthesis.py", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "load_1_min": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
        },
        "voice": voice_name(arguments.voice),
        "rounds": arguments.rounds,
        "limits": LIMITS,
        "greeting": {
            "text": GREETING,
            "peak_memory_mb": round(max(item["memory_mb"] for item in starts), 1),
            "wall_s": summary([item["wall_s"] for item in starts]),
            "cpu_s": summary([item["cpu_s"] for item in starts]),
        },
        "rtf": rtf(arguments.voice, arguments.rounds),
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


def rtf(voice: str, rounds: int) -> dict[str, dict[str, float]]:
    """RTF of three texts in one warm process: median and least, wall-clock and CPU."""
    command = [sys.executable, "-I", "-c", SPEAK, voice, str(rounds)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found = {}
    for item in map(json.loads, lines):
        seconds = item["audio_s"]
        found[item["name"]] = {
            "audio_s": round(seconds, 2),
            **{f"wall_{key}": round(value / seconds, 4) for key, value in summary(item["wall"], 9).items()},
            **{f"cpu_{key}": round(value / seconds, 4) for key, value in summary(item["cpu"], 9).items()},
        }
    return found


def summary(values: list[float], digits: int = 3) -> dict[str, float]:
    return {"median": round(statistics.median(values), digits), "least": round(min(values), digits)}


def voice_name(voice: str) -> dict[str, object]:
    from kalakan.voices.package import load_voice

    manifest = load_voice(voice or None).manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "models": [manifest.acoustic.type, manifest.vocoder.type],
        "steps": manifest.training.get("steps"),
    }


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


if __name__ == "__main__":
    main()
