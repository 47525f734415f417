"""python benches/streaming.py [VOICE] [--rounds N] [--output]: how soon a stream is heard and what it costs.

Time to first audio (TTFA) after the model is loaded, of a sentence of about 2 s and of a paragraph of about 20 s, and
the CPU seconds of the whole stream beside those of the whole-sentence run, one thread. The two take turns in one
process; equality of their samples is checked first. With --output writes benches/results/streaming-cpu-<date>.json.
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
import time
from collections.abc import Callable

import numpy as np

from kalakan import Synthesizer
from kalakan.benchmark.machine import cpu_model
from synthesis import RESULTS, voice_name

LIMITS = {"ttfa_s": 0.030, "extra_cpu": 0.15, "first_byte_s": 0.6}
TEXTS = {
    "sentence": "Ɛnnɛ yɛ da pa paa ara, Kofi.",
    "paragraph": "Me din de Kofi, na mefiri Kumasi. Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran. Anɔpa biara mekɔ adwuma "
    "nnɔnson, na mesan ba fie anwummerɛ. Memeneda ne Kwasiada deɛ, me ne m'abusua tena fie di agorɔ. Ɛnnɛ yɛ da pa paa "
    "ara, ɛfiri sɛ owia rebɔ na nnoma reto dwom wɔ nnua no so.",
    "long sentence": "Me din de Kofi na mefiri Kumasi na meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran na anɔpa biara mekɔ "
    "adwuma na mesan ba fie anwummerɛ na Memeneda ne Kwasiada deɛ me ne m'abusua tena fie di agorɔ na yɛto dwom.",
}


def first_byte(voice: str, rounds: int) -> dict[str, float]:
    """Seconds from the start of `kalakan synthesize --stream` to its first byte of audio."""
    command = [
        sys.executable,
        "-c",
        "from kalakan.cli.main import main; main()",
        "synthesize",
        TEXTS["sentence"],
    ]
    command += ["--stream", "-f", "pcm", "-o", "-", *(["--voice", voice] if voice else [])]
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.read(2), "no audio came"
            seconds.append(time.perf_counter() - begin)
            process.stdout.read()
        assert process.returncode == 0
    return {"median": round(statistics.median(seconds), 3), "least": round(min(seconds), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voice", nargs="?", default="", help="voice folder; default: the packaged one")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", action="store_true", help="keep the result under benches/results")
    arguments = parser.parse_args()
    started = time.perf_counter()
    synthesizer = Synthesizer(arguments.voice or None, config={"inference": {"threads": 1}})
    loaded = time.perf_counter() - started
    result = {
        "what": "time to first audio after the model is loaded, and CPU cost of a stream beside the whole; one thread",
        "command": " ".join(["python", "benches/streaming.py", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "load_1_min": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
        },
        "voice": voice_name(arguments.voice),
        "streams_windows": synthesizer.acoustic_model.context_frames is not None,
        "rounds": arguments.rounds,
        "limits": LIMITS,
        "load_s": round(loaded, 3),
        "first_byte_s": first_byte(arguments.voice, arguments.rounds),
        "texts": {name: measure(synthesizer, text, arguments.rounds) for name, text in TEXTS.items()},
    }
    content = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    if arguments.output:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"streaming-cpu-{result['date']}.json").write_text(content, encoding="utf-8")
    sys.stdout.write(content)


def measure(synthesizer: Synthesizer, text: str, rounds: int) -> dict[str, object]:
    """TTFA and cost of one text, after a check that both ways give the same samples."""
    whole = synthesizer.synthesize(text)
    joined = np.concatenate(list(synthesizer.stream(text)))
    np.testing.assert_allclose(joined, whole, atol=1e-4)
    first, first_cpu, cost = [], [], {"stream": [], "whole": []}
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        next(synthesizer.stream(text))
        first.append(time.perf_counter() - wall)
        first_cpu.append(time.process_time() - cpu)
        cost["stream"].append(cpu_of(lambda: list(synthesizer.stream(text))))
        cost["whole"].append(cpu_of(lambda: synthesizer.synthesize(text)))
    stream, whole_cpu = (statistics.median(cost[name]) for name in ("stream", "whole"))
    return {
        "audio_s": round(len(whole) / synthesizer.sample_rate, 2),
        "largest_difference": float(np.abs(joined - whole).max()),
        "ttfa_s": {"median": round(statistics.median(first), 4), "least": round(min(first), 4)},
        "ttfa_cpu_s": {"median": round(statistics.median(first_cpu), 4), "least": round(min(first_cpu), 4)},
        "whole_cpu_s": round(whole_cpu, 4),
        "stream_cpu_s": round(stream, 4),
        "extra_cpu": round(stream / whole_cpu - 1, 3),
        "extra_cpu_of_least": round(min(cost["stream"]) / min(cost["whole"]) - 1, 3),
    }


def cpu_of(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
