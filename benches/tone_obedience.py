"""python benches/tone_obedience.py TEXTS [--voice VOICE]: whether written tones are obeyed beside predicted ones.

In each line of TEXTS one word at a time keeps its predicted tones as written marks, and then has them the other way
round, high for low; all other words have predicted tones. Counted over the F0 that the acoustic model predicts, without
a vocoder: pairs of neighboring vowels of that word, one high and one low, in which the high one is higher; and, in all
words, steps of more than 6 semitones between neighboring nuclei that the tones do not ask for (equal tones, no tones,
or the other direction). A nucleus without a tone stands for the last tone before it in its word, so that a word marked
high, nothing, low asks for a fall. Writes benches/results/.
"""

from __future__ import annotations

import argparse
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kalakan import SpeakOptions, Synthesizer
from kalakan.evaluation.timeline import DOWNSTEPPED, HIGH, LOW, Segment, nuclei, timeline
from kept import keep, record

ACUTE, GRAVE = "\u0301", "\u0300"
FLIPPED = str.maketrans({ACUTE: GRAVE, GRAVE: ACUTE})
LARGEST_STEP = 6.0
"""Semitones between neighboring nuclei of a word that only its tones may ask for."""
HEIGHTS = {LOW: 0, DOWNSTEPPED: 1, HIGH: 2}
WINDOW = (0.35, 0.95)
"""Part of a nucleus in which its F0 is measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path, help="one text a line")
    parser.add_argument("--voice")
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    synthesizer = Synthesizer(arguments.voice)
    lines = arguments.texts.read_text(encoding="utf-8").splitlines()
    texts = [line.strip() for line in lines if line.strip()][: arguments.lines]
    manifest = synthesizer.voice
    assert manifest is not None, "a voice has a manifest"
    found = record(
        "written tones beside predicted ones: pairs obeyed, and steps that no tone asks for",
        [arguments.texts.name, "--lines", str(arguments.lines)],
        voice={"name": manifest.name, "version": manifest.version},
        texts=len(texts),
    )
    found["speakers"] = {speaker: measure(synthesizer, texts, speaker) for speaker in synthesizer.speakers}
    keep(found, f"tone-obedience-{manifest.name}-{manifest.version}", arguments.output or True)


def measure(synthesizer: Synthesizer, texts: Sequence[str], speaker: str) -> dict[str, Any]:
    """Counts of one speaker."""
    pairs = obeyed = steps = large = 0
    sizes: list[float] = []
    for text in texts:
        for marked, chosen in versions(synthesizer, text):
            for number, word in enumerate(levels(synthesizer, marked, speaker)):
                latest = ""
                for (one, first), (other, second) in itertools.pairwise(word):
                    latest = one.tone if one.tone in HEIGHTS else latest
                    step = second - first
                    if not np.isfinite(step):
                        continue
                    wanted = direction(latest, other.tone)
                    steps += 1
                    large += abs(step) > LARGEST_STEP and (wanted == 0 or np.sign(step) != wanted)
                    vowels = one.kind == other.kind == "vowel"
                    if vowels and number == chosen and {one.tone, other.tone} == {HIGH, LOW}:
                        pairs += 1
                        obeyed += np.sign(step) == wanted
                        sizes.append(float(step * wanted))
    return {
        "pairs": pairs,
        "obeyed_percent": 100.0 * obeyed / max(1, pairs),
        "mean_semitones": float(np.mean(sizes)) if sizes else None,
        "steps": steps,
        "unasked_large_steps": int(large),
    }


def versions(synthesizer: Synthesizer, text: str) -> Iterator[tuple[str, int]]:
    """The text with one word marked, and the number of that word among those with a sound."""
    decisions = synthesizer.g2p.explain_tones(text)  # type: ignore[attr-defined]
    for number, (_, form, *_) in enumerate(decisions):
        marks = unicodedata.normalize("NFD", form)
        if ACUTE not in marks or GRAVE not in marks:
            continue
        for version in (marks, marks.translate(FLIPPED)):
            words = [word for word, *_ in decisions]
            words[number] = unicodedata.normalize("NFC", version)
            yield " ".join(words) + ".", number


def levels(synthesizer: Synthesizer, text: str, speaker: str) -> list[list[tuple[Segment, float]]]:
    """The nuclei of each word of a text, with their F0 in semitones; NaN where unvoiced."""
    stages = synthesizer.stages
    options = SpeakOptions(speaker=speaker, tones="predicted")
    words: list[list[tuple[Segment, float]]] = []
    for phrase in stages.text.phrases(text, options):
        (acoustics,) = stages.acoustic.predict(stages.batch([phrase], options))
        assert acoustics.durations is not None, "a voice with tones has durations"
        f0 = np.asarray(acoustics.f0)[0]
        word: list[tuple[Segment, float]] = []
        for segment in timeline(phrase.ids, acoustics.durations, 1.0):  # in frames
            if segment.kind in ("boundary", "pause"):
                words.append(word)
                word = []
            elif nuclei([segment]):
                first, last = (round(segment.at(share)) for share in WINDOW)
                part = f0[first : max(first + 1, last)]
                part = part[part > 0]
                word.append((segment, 12.0 * float(np.log2(np.median(part))) if part.size else np.nan))
        words.append(word)
    return [word for word in words if word]


def direction(one: str, other: str) -> int:
    """1 where the tones go up, -1 where they go down, 0 where they are equal or one of them is not known."""
    if one not in HEIGHTS or other not in HEIGHTS:
        return 0
    return int(np.sign(HEIGHTS[other] - HEIGHTS[one]))


if __name__ == "__main__":
    main()
