"""python benches/encoder_parity.py TEXTS --voice VOICE --beside OTHER: durations and F0 of a voice beside another form.

The other form of it may be one in floats beside one with integer products.

Each line of TEXTS is predicted by every speaker, without decoder and vocoder. Counted are sounds that last another
number of frames, by how many; how much the phrases' lengths differ; and, frame by frame in phrases where all sounds
last as long, and at the same places of each sound in the others, the difference of F0 where both are voiced and the
share of frames that only one of them voices. Writes benches/results/.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan import SpeakOptions, Synthesizer
from kept import keep, record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("texts", type=Path, help="one text a line")
    parser.add_argument("--voice")
    parser.add_argument("--beside", required=True)
    parser.add_argument("--lines", type=int, default=48)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    lines = arguments.texts.read_text(encoding="utf-8").splitlines()
    texts = [line.strip() for line in lines if line.strip()][: arguments.lines]
    one, other = Synthesizer(arguments.beside), Synthesizer(arguments.voice)
    manifest = other.voice
    assert manifest is not None, "a voice has a manifest"
    found = record(
        "durations and F0 of a voice beside another form of it, and their difference",
        [arguments.texts.name, "--lines", str(arguments.lines), "--beside", Path(arguments.beside).name],
        voice={"name": manifest.name, "version": manifest.version},
        texts=len(texts),
    )
    found["speakers"] = {speaker: measure(one, other, texts, speaker) for speaker in other.speakers}
    name = f"encoder-parity-{manifest.name}-{manifest.version}-cpu"
    keep(found, name, arguments.output or True)


def measure(one: Synthesizer, other: Synthesizer, texts: list[str], speaker: str) -> dict[str, Any]:
    """Differences over all texts of a speaker."""
    changes: list[NDArray[Any]] = []
    lengths: list[float] = []
    steps: dict[bool, list[NDArray[Any]]] = {True: [], False: []}
    flips: dict[bool, list[NDArray[Any]]] = {True: [], False: []}
    for text in texts:
        for first, second in zip(predict(one, text, speaker), predict(other, text, speaker), strict=True):
            durations, others = first.durations, second.durations
            sounds = (durations > 0) | (others > 0)
            changes.append((others - durations)[sounds])
            lengths.append(others.sum() / durations.sum() - 1)
            is_equal = bool(np.array_equal(durations, others))
            f0, f1 = first.f0[0], second.f0[0][places(durations, others)]
            both = (f0 > 0) & (f1 > 0)
            steps[is_equal].append(12 * np.log2(f1[both] / f0[both]))
            flips[is_equal].append((f0 > 0) != (f1 > 0))
    change, length = np.concatenate(changes), np.array(lengths)
    return {
        "sounds": len(change),
        "share_of_sounds_with_another_length": round(float((change != 0).mean()), 4),
        "most_frames": int(np.abs(change).max()),
        "mean_change_frames": round(float(np.abs(change).mean()), 4),
        "rms_change_of_phrase_length": round(float(np.sqrt(np.square(length).mean())), 5),
        "phrases": {"equal_durations": len(steps[True]), "other_durations": len(steps[False])},
        **{
            name: {
                "frames": int(sum(map(len, flips[is_equal]))),
                "f0_rms_semitones": rms(steps[is_equal]),
                "share_of_frames_voiced_otherwise": round(float(np.mean(np.concatenate(flips[is_equal]))), 5),
            }
            for name, is_equal in (("equal_durations", True), ("other_durations", False))
            if flips[is_equal]
        },
    }


def predict(synthesizer: Synthesizer, text: str, speaker: str) -> list[Any]:
    """The encoder's prediction for each phrase."""
    stages = synthesizer.stages
    options = SpeakOptions(speaker=speaker)
    return [
        stages.acoustic.predict(stages.batch([phrase], options))[0]
        for phrase in stages.text.phrases(text, options)
    ]


def places(durations: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """For each frame of sounds that last `durations`, the frame at the same place of its sound with `others`."""
    starts = np.cumsum(others) - others
    rows = [
        start + np.minimum(((np.arange(count) + 0.5) / count * other).astype(int), max(other - 1, 0))
        for count, other, start in zip(durations, others, starts, strict=True)
        if count
    ]
    return np.concatenate(rows)


def rms(values: list[NDArray[Any]]) -> float:
    return round(float(np.sqrt(np.square(np.concatenate(values)).mean())), 4)


if __name__ == "__main__":
    main()
