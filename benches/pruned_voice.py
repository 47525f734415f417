"""python benches/pruned_voice.py CORPUS VOICE [--beside VOICE] --sentences 12: a pruned voice beside the whole one.

On test sentences of CORPUS (`meta.jsonl`, 2.5 to 6.7 s long), each by its own speaker: DistilMOS of both voices, with
95 % intervals of the paired difference; and of the acoustic graphs as they are shipped the share of units with the same
duration, the mean change of a duration, F0 (root mean square) and voicing, and mel cepstral distortion and
signal-to-noise ratio of the mels, frame by frame in the frames that a unit has in both. `--beside` is the default voice
by default.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from kalakan import Synthesizer
from kalakan.audio.cepstral_distortion import cepstral_distortion
from kalakan.evaluation.judges import distilmos
from kalakan.synthesis.engines.stages import acoustic_batch
from kalakan.synthesis.options import SpeakOptions
from kept import keep, record

TEST_SHARE, TEST_REST = 20, 7
"""The corpus's test split: numbers with this rest."""
LENGTHS = range(60_000, 160_000)
"""Samples of a clip whose sentence is used."""


def rows_of(corpus: Path, speaker: str, count: int) -> list[dict[str, Any]]:
    """Test sentences of a speaker, evenly spread."""
    lines = (corpus / "meta.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [
        row
        for row in map(json.loads, lines)
        if row["speaker"] == speaker
        and int(row["id"].split("_")[1]) % TEST_SHARE == TEST_REST
        and row["samples"] in LENGTHS
    ]
    return [rows[place] for place in np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)]


def distances(whole: Synthesizer, pruned: Synthesizer, text: str, speaker: str) -> dict[str, float]:
    """Distances of the two voices' acoustic stages on a text, means over its phrases."""
    found: list[dict[str, float]] = []
    for phrase in list(whole.stages.text.phrases(text)):
        batch = acoustic_batch([phrase], SpeakOptions(speaker=speaker), whole.speakers)
        one, other = (item.stages.acoustic.predict(batch)[0] for item in (whole, pruned))
        lengths = [np.asarray(item.durations).ravel() for item in (one, other)]
        shared = np.minimum(*lengths)
        frames = [_places(counts, shared) for counts in lengths]
        mels = [
            np.asarray(item.stages.acoustic.mel(said))[0][:, places]
            for item, said, places in zip((whole, pruned), (one, other), frames, strict=True)
        ]
        pitches = [
            np.asarray(said.f0).ravel()[places] for said, places in zip((one, other), frames, strict=True)
        ]
        voiced = (pitches[0] > 0) & (pitches[1] > 0)
        steps = 12 * np.log2(pitches[0][voiced] / pitches[1][voiced])
        found.append(
            {
                "durations_equal_percent": 100 * float((lengths[0] == lengths[1]).mean()),
                "duration_change_frames": float(np.abs(lengths[0] - lengths[1]).mean()),
                "f0_rms_semitones": float(np.sqrt(np.square(steps).mean())) if voiced.any() else 0.0,
                "voicing_changed_percent": 100 * float(((pitches[0] > 0) != (pitches[1] > 0)).mean()),
                "mcd_db": cepstral_distortion(*mels),
                "mel_snr_db": 10 * math.log10(np.var(mels[0]) / np.square(mels[0] - mels[1]).mean()),
            }
        )
    return _means(found)


def _places(lengths: np.ndarray[Any, Any], shared: np.ndarray[Any, Any]) -> list[int]:
    """The first `shared` frames of each unit."""
    starts = np.cumsum(lengths) - lengths
    return [
        int(start) + step for start, count in zip(starts, shared, strict=True) for step in range(int(count))
    ]


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.mean(row[name] for row in rows), 3) for name in rows[0]}


def paired(scores: list[tuple[float, float]]) -> dict[str, float]:
    """Means of both, and of their difference with its 95 % interval."""
    change = [after - before for before, after in scores]
    return {
        "whole": round(statistics.mean(before for before, _ in scores), 3),
        "pruned": round(statistics.mean(after for _, after in scores), 3),
        "change": round(statistics.mean(change), 4),
        "half_interval_95": round(1.96 * statistics.stdev(change) / math.sqrt(len(change)), 4),
        "sentences": len(change),
    }


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("voice")
    parser.add_argument("--beside")
    parser.add_argument("--sentences", type=int, default=12, help="of each speaker")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    report = record(
        "a pruned and tuned voice beside the whole one, both as shipped: DistilMOS paired by sentence; durations, F0, "
        "voicing and mels of the acoustic graphs",
        ["CORPUS", "VOICE", "--sentences", str(arguments.sentences)],
    )
    one_thread = {"inference": {"threads": 1}}
    whole, pruned = (Synthesizer(path, config=one_thread) for path in (arguments.beside, arguments.voice))
    judge, results, everything = distilmos(), {}, []
    for speaker in whole.speakers:
        rows = rows_of(arguments.corpus, speaker, arguments.sentences)
        scores = []
        for row in rows:
            sounds = (item.synthesize(row["text"], speaker=speaker) for item in (whole, pruned))
            before, after = (float(judge(np.asarray(sound), whole.sample_rate)) for sound in sounds)
            scores.append((before, after))
        everything += scores
        off = _means([distances(whole, pruned, row["text"], speaker) for row in rows])
        results[speaker] = {"distilmos": paired(scores), **off}
        sys.stdout.write(f"{speaker} {json.dumps(results[speaker])}\n")
        sys.stdout.flush()
    keep({**report, "all": paired(everything), "speakers": results}, "pruned-voice", arguments.output)


if __name__ == "__main__":
    main()
