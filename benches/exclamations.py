"""How exclamations and questions differ from statements: in a voice, and in the corpus that it learned from.

`python benches/exclamations.py CORPUS [VOICE] --output benches/results/exclamations.json` synthesizes the same
sentences with each mark, and measures F0 with Praat: its median, its 95th percentile and its span (5 to 95 %) in
semitones, the level in decibels and the length, each as the mean difference from the statement. The corpus says no
sentence twice, so its differences, from the F0 that it was made with, are those of a linear model that also knows how
long a clip is; with their 95 % intervals.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan import Synthesizer
from kalakan.benchmark.machine import facts
from kalakan.evaluation.pitch import HIGH_VOICE, HIGH_VOICE_HZ, LOW_VOICE, PraatRange, pitch_track

SENTENCES = (
    "Kofi aba", "Yɛbɛkɔ fie seesei", "Wo din yɛ dɛ", "Nsuo no reba", "Meda wo ase pii", "Ɛyɛ me dɛ paa", "Gyae saa",
    "Mmɔfra no redi agorɔ", "Ɔhene no reba ha", "Bra ha ntɛm", "Yɛahyia bio", "Aduane no yɛ dɛ", "Ɔte hɔ dada",
    "Menim no yie", "Ɛnnɛ yɛ da pa", "Wadi nkonim", "Yɛn nyinaa adu fie", "Owia no abɔ paa", "Mepɛ saa dwom no",
    "Ɔkɔɔ sukuu nnɛ",
)  # fmt: skip
MARKS = ("!", "?")
FIGURES = ("median_st", "top_st", "span_st")


def course(hertz: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Median, 95th percentile and span of the voiced frames' F0, in semitones."""
    semitones = 12 * np.log2(hertz[hertz > 0])
    low, middle, top = np.percentile(semitones, (5, 50, 95))
    return np.array([middle, top, top - low])


def sound(synthesizer: Synthesizer, text: str, speaker: str, search: PraatRange) -> NDArray[np.float64]:
    """The course of F0, the level in decibels and the natural logarithm of the length of a text."""
    audio = np.asarray(synthesizer.synthesize(text, speaker=speaker))
    loud = audio[np.abs(audio) > 1e-3]
    track = pitch_track(audio, synthesizer.sample_rate, search)
    return np.append(course(track.hertz), [10 * math.log10(np.square(loud).mean()), math.log(len(audio))])


def of_voice(synthesizer: Synthesizer, speaker: str) -> dict[str, dict[str, float]]:
    """Differences of each mark from the full stop."""
    audio = np.asarray(synthesizer.synthesize(SENTENCES[1], speaker=speaker))
    middle = pitch_track(audio, synthesizer.sample_rate, PraatRange(60.0, 400.0, 5500.0)).hertz
    search = HIGH_VOICE if np.median(middle[middle > 0]) > HIGH_VOICE_HZ else LOW_VOICE
    found = {
        mark: np.array([sound(synthesizer, text + mark, speaker, search) for text in SENTENCES])
        for mark in (".", *MARKS)
    }
    differences = {mark: (found[mark] - found["."]).mean(axis=0) for mark in MARKS}
    return {
        mark: {
            **{name: round(float(value), 2) for name, value in zip(FIGURES, values, strict=False)},
            "level_db": round(float(values[3]), 2),
            "length_ratio": round(math.exp(values[4]), 3),
        }
        for mark, values in differences.items()
    }


def of_corpus(corpus: Path, speaker: str) -> dict[str, dict[str, list[float]]]:
    """Differences of each mark from the full stop, [mean, half of the interval], at equal length."""
    causes, effects = [], []
    for line in (corpus / "meta.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        hertz, mark = np.array(row["f0"], float), row["text"].strip()[-1]
        if row["speaker"] == speaker and mark in (".", *MARKS) and (hertz > 0).sum() >= 10:
            causes.append([1.0, *(float(mark == other) for other in MARKS), math.log(sum(row["frames"]))])
            effects.append(course(hertz))
    given, said = np.array(causes), np.array(effects)
    factors = np.linalg.lstsq(given, said, rcond=None)[0]
    noise = np.square(said - given @ factors).mean(axis=0)
    spread = np.linalg.inv(given.T @ given)
    return {
        mark: {
            name: [
                round(float(factors[row, column]), 2),
                round(1.96 * math.sqrt(spread[row, row] * noise[column]), 2),
            ]
            for column, name in enumerate(FIGURES)
        }
        for row, mark in enumerate(MARKS, 1)
    }


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("voice", nargs="?")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    synthesizer = Synthesizer(arguments.voice)
    results = {}
    for speaker in synthesizer.speakers:
        results[speaker] = {
            "voice": of_voice(synthesizer, speaker),
            "corpus": of_corpus(arguments.corpus, speaker),
        }
        sys.stdout.write(f"{speaker} {json.dumps(results[speaker])}\n")
    if arguments.output is not None:
        manifest = synthesizer.voice
        report = {
            "what": "exclamations and questions beside statements: differences of F0 in semitones, level, length",
            "command": "python benches/exclamations.py CORPUS",
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": facts(),
            "voice": None if manifest is None else f"{manifest.name} {manifest.version}",
            "results": results,
        }
        arguments.output.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
