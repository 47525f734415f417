"""python benches/melody_quality.py VOICE CORPUS [--corrections NAME=FILE ...]: what a voice's melody costs in quality.

DistilMOS of test sentences of CORPUS (`meta.jsonl`, the source of the voice), as they are written, without tone
marks: once with written tones and once with predicted tones, both with the voice's own corrections of the prosody, and
with predicted tones and each other set of corrections (JSON, as `kalakan describe --corrections` takes it; `{}` is
none). Differences are paired by sentence, with 95 % intervals over sentences. And the real-time factor (processor
seconds ÷ audio) of each, measured in turns, at one thread. Writes benches/results/.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan import Synthesizer
from kalakan.evaluation.judges import distilmos
from kalakan.voices.describe import describe
from kalakan.voices.package import load_voice

RESULTS = Path(__file__).parent / "results"
TEST_SHARE, TEST_REST = 20, 7
"""The corpus's test split: numbers with this rest."""
DRAWS = 1000
OWN = "of the voice"
TIMED = (
    "Ɛnnɛ yɛ da pa paa ara, ɛfiri sɛ owia rebɔ na nnoma reto dwom wɔ nnua no so.",
    "Me din de Kofi, na mefiri Kumasi. Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voice", help="voice folder, or default")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--corrections", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--sentences", type=int, default=24, help="of each speaker; 0 for the timing alone")
    parser.add_argument("--rounds", type=int, default=9, help="of the timing")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    source = load_voice(None if arguments.voice == "default" else Path(arguments.voice))
    arguments.manifest = source.manifest
    with tempfile.TemporaryDirectory() as folder:
        variants = {OWN: (asdict(source.manifest.corrections), source.path)}
        for name, path in (item.split("=", 1) for item in arguments.corrections):
            voice = describe(source, Path(folder, name), corrections=Path(path))
            variants[name] = (asdict(voice.manifest.corrections), voice.path)
        found = measure(variants, arguments)
    path = arguments.output or RESULTS / (
        f"melody-quality-{source.manifest.name}-{source.manifest.version}-cpu-"
        f"{datetime.datetime.now(datetime.timezone.utc).date()}.json"
    )
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path}\n")


def measure(variants: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    config = {"inference": {"threads": 1}}
    voices = {name: Synthesizer(path, config=config) for name, (_, path) in variants.items()}
    ways = {"written tones": (voices[OWN], "written")}
    ways |= {f"predicted tones, corrections {name}": (voice, "predicted") for name, voice in voices.items()}
    judge = distilmos()
    scores: dict[str, dict[str, list[float]]] = {name: {} for name in ways}
    for speaker, texts in sentences(arguments.corpus, voices[OWN].speakers, arguments.sentences).items():
        for text in texts:
            for name, (voice, tones) in ways.items():
                audio = voice.synthesize(text, speaker=speaker, tones=tones)
                scores[name].setdefault(speaker, []).append(judge(audio, voice.sample_rate))
            line = ", ".join(f"{name} {scores[name][speaker][-1]:.2f}" for name in ways)
            sys.stderr.write(f"{speaker}: {line}\n")
    usual = f"predicted tones, corrections {OWN}"
    return {
        "what": "DistilMOS and real-time factor of a voice with written and predicted tones, and with corrections",
        "command": (
            f"python benches/melody_quality.py {arguments.voice} {arguments.corpus.name} "
            f"--sentences {arguments.sentences} --rounds {arguments.rounds}"
        ),
        "voice": {"name": arguments.manifest.name, "version": arguments.manifest.version},
        "load": round(os.getloadavg()[0], 1),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()},
        "corrections": {name: record for name, (record, _) in variants.items()},
        "distilmos": {
            name: {speaker: float(np.mean(values)) for speaker, values in by_speaker.items()}
            for name, by_speaker in scores.items()
        },
        "predicted_minus_written": differences(scores[usual], scores["written tones"]),
        "corrected_minus_uncorrected": {
            name: differences(scores[name], scores[usual])
            for name in ways
            if name not in (usual, "written tones")
        },
        "rtf": timing(ways, arguments.rounds),
    }


def sentences(corpus: Path, speakers: tuple[str, ...], count: int) -> dict[str, list[str]]:
    """The first test sentences of each speaker."""
    found: dict[str, list[str]] = {speaker: [] for speaker in speakers}
    for line in (corpus / "meta.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        is_test = int(record["id"].rpartition("_")[2]) % TEST_SHARE == TEST_REST
        if is_test and len(found.get(record["speaker"], [None] * count)) < count:
            found[record["speaker"]].append(record["text"])
    return found


def differences(one: dict[str, list[float]], other: dict[str, list[float]]) -> dict[str, Any]:
    """Mean difference of each speaker, paired by sentence, with its 95 % interval."""
    return {speaker: difference(np.array(one[speaker]) - np.array(other[speaker])) for speaker in one}


def difference(values: NDArray[np.float64]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    draws = rng.choice(values, (DRAWS, len(values))).mean(1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"mean": float(values.mean()), "interval": [float(low), float(high)], "sentences": len(values)}


def timing(ways: dict[str, tuple[Synthesizer, str]], rounds: int) -> dict[str, dict[str, object]]:
    """Median real-time factor of the whole way from text to samples, and its ratio to that of the first way with the
    95 % interval of the median over rounds; the ways take turns, backwards in every other round."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):  # the first one warms up
        for name, (voice, tones) in list(ways.items())[:: -1 if turn % 2 else 1]:
            started, length = time.process_time(), 0
            for text in TIMED:
                length += len(voice.synthesize(text, tones=tones))
            taken[name].append((time.process_time() - started) * voice.sample_rate / length)
    factors = {name: np.array(values[1:]) for name, values in taken.items()}
    first = next(iter(factors.values()))
    rng = np.random.default_rng(0)
    found: dict[str, dict[str, object]] = {}
    for name, values in factors.items():
        draws = np.median(rng.choice(values / first, (DRAWS, rounds)), 1)
        found[name] = {
            "rtf": float(np.median(values)),
            "ratio": float(np.median(values / first)),
            "interval": [float(edge) for edge in np.percentile(draws, [2.5, 97.5])],
        }
    return found


if __name__ == "__main__":
    main()
