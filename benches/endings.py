"""How sentences end: whether the last vowel is voiced, and whether its tone can be measured and is right.

`python benches/endings.py CORPUS [VOICE] --limit 40 --output benches/results/endings.json` synthesizes the texts of a
corpus's test split, each by its own speaker, with predicted tones, and measures F0 with Praat. Of the last vowel of
each sentence that ends in one:

- voiced: the share of its length that is voiced; the share of sentences in which it is 30 % or more;
- measurable: F0 is found somewhere in it;
- right: where it carries another tone than the nucleus before, H lies above L at two thirds of both, as tones are
  measured elsewhere (`kalakan.evaluation.tones`), or where one is unvoiced there, at its last voiced place.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from kalakan import Synthesizer
from kalakan.data.manifest import in_split, read_manifest
from kalakan.evaluation.pitch import HIGH_VOICE_HZ, STEP_S, PitchTrack, PraatRange, pitch_track
from kalakan.evaluation.tones import PLACE
from kalakan.synthesis.engines.stages import acoustic_batch
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.timing import Phone
from kalakan.text.phonemes import NUCLEUS_CLASSES, TONE_IDS, id_to_symbol, phoneme_class, symbol_to_id

HIGH, LOW = "˥", "˩"
TONES = "".join(map(id_to_symbol, TONE_IDS))
LEAST_VOICED = 0.3
HIGH_VOICE, LOW_VOICE = PraatRange(60.0, 400.0, 5500.0), PraatRange(40.0, 300.0, 5000.0)
"""Wider than the evaluation's: the last vowel of a statement is far below the speaker's median."""


def voiced_share(track: PitchTrack, start_s: float, end_s: float) -> float:
    """Share of a stretch that is voiced; NaN for one without a value of the track."""
    times = track.start_s + STEP_S * np.arange(len(track.hertz))
    inside = (times >= start_s) & (times < end_s)
    return float((track.hertz[inside] > 0).mean()) if inside.any() else math.nan


def f0_of(track: PitchTrack, start_s: float, end_s: float) -> float:
    """F0 at `PLACE`, else at the last voiced place; NaN for a stretch without one."""
    found = track.at(start_s + PLACE * (end_s - start_s))
    if math.isfinite(found):
        return found
    times = track.start_s + STEP_S * np.arange(len(track.hertz))
    voiced = track.hertz[(times >= start_s) & (times < end_s) & (track.hertz > 0)]
    return float(voiced[-1]) if len(voiced) else math.nan


def ending(phones: list[Phone], track: PitchTrack, rate: int) -> dict[str, float] | None:
    """The figures of one sentence; None for one that ends in no vowel."""
    sounds = [item for item in phones if _kind(item) not in ("pause", "boundary", "special")]
    nuclei = [item for item in sounds if _kind(item) in NUCLEUS_CLASSES]
    if not nuclei or nuclei[-1] is not sounds[-1] or _kind(nuclei[-1]) != "vowel":
        return None
    last = nuclei[-1]
    stretch = last.start / rate, last.end / rate
    figures = {"voiced": voiced_share(track, *stretch), "measurable": float(f0_of(track, *stretch) > 0)}
    before = nuclei[-2] if len(nuclei) > 1 else None
    if before is not None and {last.symbol[-1], before.symbol[-1]} == {HIGH, LOW}:
        step = 12 * math.log2(f0_of(track, *stretch) / f0_of(track, before.start / rate, before.end / rate))
        figures["step"] = step if last.symbol.endswith(HIGH) else -step
    return figures


def _kind(phone: Phone) -> str:
    return phoneme_class(symbol_to_id(phone.symbol.rstrip(TONES)))


def measure(synthesizer: Synthesizer, speaker: str, texts: list[str]) -> dict[str, Any]:
    """The figures of a speaker."""
    rate = synthesizer.sample_rate
    found = [synthesizer.speak(text, speaker=speaker, tones="predicted") for text in texts]
    search = HIGH_VOICE if _middle_f0(synthesizer, speaker) > HIGH_VOICE_HZ else LOW_VOICE
    rows = []
    for speech in found:
        track = pitch_track(np.asarray(speech.audio), rate, search)
        phones = [
            phone for item in speech.timing.sentences for part in item.segments for phone in part.phones
        ]
        if (figures := ending(phones, track, rate)) is not None:
            rows.append(figures)
    shares = [row["voiced"] for row in rows]
    steps = [row["step"] for row in rows if "step" in row]
    known = [step for step in steps if math.isfinite(step)]
    return {
        "sentences": len(texts),
        "ending_in_a_vowel": len(rows),
        "voiced_median": round(statistics.median(shares), 3),
        "voiced_30_percent": round(sum(share >= LEAST_VOICED for share in shares) / len(rows), 3),
        "measurable": round(sum(row["measurable"] for row in rows) / len(rows), 3),
        "tone_differs": len(steps),
        "tone_measurable_and_right": round(sum(step > 0 for step in known) / len(steps), 3)
        if steps
        else None,
        "step_semitones": round(statistics.mean(known), 2) if known else None,
    }


def _middle_f0(synthesizer: Synthesizer, speaker: str) -> float:
    phrases = list(synthesizer.stages.text.phrases("Maakye, wo ho te sɛn?"))
    batch = acoustic_batch(phrases[:1], SpeakOptions(speaker=speaker), synthesizer.speakers)
    f0 = np.asarray(synthesizer.stages.acoustic.predict(batch)[0].f0)
    return float(np.median(f0[f0 > 0]))


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("voice", nargs="?")
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    synthesizer = Synthesizer(arguments.voice)
    utterances = in_split(read_manifest(arguments.corpus), "test")
    results = {}
    for speaker in synthesizer.speakers:
        texts = [item.text for item in utterances if item.speaker == speaker]
        places = np.linspace(0, len(texts) - 1, min(arguments.limit, len(texts))).round().astype(int)
        results[speaker] = measure(synthesizer, speaker, [texts[place] for place in places])
        sys.stdout.write(f"{speaker} {json.dumps(results[speaker])}\n")
    if arguments.output is not None:
        manifest = synthesizer.voice
        report = {
            "command": f"python benches/endings.py CORPUS --limit {arguments.limit}",
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": platform.machine(),
            "voice": None if manifest is None else f"{manifest.name} {manifest.version}",
            "results": results,
        }
        arguments.output.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
