"""python benches/peers.py --hibari PYTHON [--voice FOLDER] [--rounds N]: Kalakan beside hibari-tts, in turns, one run.

Each engine runs in processes of its own, one thread, default voice: real-time factor (RTF, time ÷ audio) on texts of
about the same audio length (the peer speaks English), time from process start to a loaded model, and peak memory.
PYTHON is the interpreter of an environment with `pip install 'hibari-tts[fast]==0.2.1'`. Writes benches/results/.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from synthesis import RESULTS, cpu_model

PROBE = """
import json, resource, sys, time
texts = {texts!r}
started = time.perf_counter(), time.process_time()
{load}
ready = time.perf_counter() - started[0], time.process_time() - started[1]
print(json.dumps({{"ready_wall_s": ready[0], "ready_cpu_s": ready[1]}}))
for name, text in texts.items():
    speak(text)
    for _ in range(3):
        started = time.perf_counter(), time.process_time()
        audio = speak(text)
        wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
        print(json.dumps({{"text": name, "audio_s": len(audio) / 24000, "wall_s": wall, "cpu_s": cpu}}))
print(json.dumps({{"memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}}))
"""
KALAKAN = """
from kalakan import Synthesizer
speak = Synthesizer({voice!r} or None, config={{"inference": {{"threads": 1}}}}).synthesize
"""
HIBARI = """
from hibari import Hibari
speak = Hibari(threads=1)
"""
TWI = {
    "short": "Me din de Kofi, na mefiri Kumase.",
    "sentence": "Ɛnnɛ yɛ da pa paa ara, ɛfiri sɛ owia rebɔ na nnoma reto dwom wɔ nnua no so.",
    "paragraph": "Me din de Kofi, na mefiri Kumase. Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran. Anɔpa biara mekɔ adwuma "
    "nnɔn nson, na mesan ba fie anwummerɛ. Memeneda ne Kwasiada deɛ, me ne m'abusua tena fie di agorɔ.",
}
ENGLISH = {
    "short": "My name is Kofi, and I come from Kumasi town.",
    "sentence": "Today is a very good day indeed, because the sun is shining and the birds are singing in the trees.",
    "paragraph": "My name is Kofi, and I come from Kumasi. I work in a large school in the city of Accra. Each morning "
    "I go to work at seven o'clock, and I come back home in the evening. On Saturday and Sunday, my family and I "
    "stay at home together and play games until it is time to eat.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hibari", required=True, help="python of an environment with hibari-tts")
    parser.add_argument("--voice", default="", help="voice folder; default: the packaged one")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    probes = {
        "kalakan": [
            sys.executable,
            "-I",
            "-c",
            PROBE.format(texts=TWI, load=KALAKAN.format(voice=arguments.voice)),
        ],
        "hibari-tts": [arguments.hibari, "-I", "-c", PROBE.format(texts=ENGLISH, load=HIBARI)],
    }
    lines: dict[str, list[dict[str, Any]]] = {name: [] for name in probes}
    for _ in range(arguments.rounds):
        for name, command in probes.items():
            lines[name] += run(command)
    engines = {name: summarize(found) for name, found in lines.items()}
    result = {
        "what": "Kalakan beside hibari-tts 0.2.1, default voices, one thread, processes in turns",
        "command": f"python benches/peers.py --hibari PYTHON --rounds {arguments.rounds}",
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "load_1_min": round(os.getloadavg()[0], 2)},
        "rounds": arguments.rounds,
        "engines": engines,
        "kalakan_over_hibari": {
            "rtf_cpu": {
                text: round(engines["kalakan"]["rtf"][text]["cpu_median"] / value["cpu_median"], 3)
                for text, value in engines["hibari-tts"]["rtf"].items()
            },
            "memory": round(engines["kalakan"]["memory_mb"] / engines["hibari-tts"]["memory_mb"], 3),
            "ready_wall": round(
                engines["kalakan"]["ready_s"]["wall_median"]
                / engines["hibari-tts"]["ready_s"]["wall_median"],
                3,
            ),
        },
    }
    path = RESULTS / f"peers-cpu-{result['date']}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(path.read_text(encoding="utf-8"))


def run(command: list[str]) -> list[dict[str, Any]]:
    """The JSON lines of one probe."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=Path("/"))
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def summarize(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians and least values of one engine's lines."""
    ready = [line for line in lines if "ready_wall_s" in line]
    rtf = {}
    for text in TWI:
        found = [line for line in lines if line.get("text") == text]
        rtf[text] = {
            "audio_s": round(found[0]["audio_s"], 2),
            **spread("wall", [line["wall_s"] / line["audio_s"] for line in found]),
            **spread("cpu", [line["cpu_s"] / line["audio_s"] for line in found]),
        }
    return {
        "ready_s": {
            **spread("wall", [line["ready_wall_s"] for line in ready]),
            **spread("cpu", [line["ready_cpu_s"] for line in ready]),
        },
        "memory_mb": round(max(line["memory_mb"] for line in lines if "memory_mb" in line), 1),
        "rtf": rtf,
    }


def spread(name: str, values: list[float]) -> dict[str, float]:
    """Median and least."""
    return {f"{name}_median": round(statistics.median(values), 4), f"{name}_least": round(min(values), 4)}


if __name__ == "__main__":
    main()
