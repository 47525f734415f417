"""python benches/clause_ends.py SYLLABLES: how recordings end a clause or an item of a list before the sentence ends.

SYLLABLES is the table of aligned clips that `kalakan evaluate --melody` takes. Of every comma, semicolon or colon
inside a text: the recorded F0 of the last nucleus before it, and of the one before that, relative to the course of its
sentence and to the mean of nuclei inside clauses with the same predicted tone; likewise the first nucleus after it. An
item is followed by another item: at most three words lie between two such marks, or between the mark and "ne" or
"anaa". Intervals are bootstraps over clips. With --voice the same is measured of the speaker's synthesis of the texts
that have such a mark. Writes benches/results/.
"""

from __future__ import annotations

import argparse
import itertools
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kalakan.evaluation.melody import Melody, Speak, read_clips, without_course
from kalakan.evaluation.timeline import Segment, timeline
from kalakan.evaluation.voice_model import VoiceModel
from kalakan.text.twi_g2p import TwiG2P
from kalakan.voices.package import Voice, load_voice
from kept import keep, record

MARKS = ",;:"
ITEM_WORDS = 3
DRAWS = 2000
FEWEST = 5
PLACES = {"before_last": -2, "last": -1, "first_after": 0}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("syllables", type=Path)
    parser.add_argument("--voice", help="voice folder, or default")
    parser.add_argument("--speaker", default="kwame")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    found = record(
        "recorded F0 at marks inside sentences beside nuclei of the same tone inside clauses, in semitones",
        [arguments.syllables.name],
    )
    reader = TwiG2P(english=False)
    clips = read_clips(arguments.syllables)
    melody = Melody(clips, reader)
    spoken: dict[str, object] = {}
    if arguments.voice:
        voice = load_voice(None if arguments.voice == "default" else Path(arguments.voice))
        marked = Melody([clip for clip in clips if any(f"{mark} " in clip.text for mark in MARKS)], reader)
        heard, _ = marked.spoken(speaking(voice), reader, arguments.speaker)
        spoken = {
            "voice": f"{voice.manifest.name} {voice.manifest.version}, {arguments.speaker}",
            "voice_kinds": measure(marked, off_course(heard, marked)),
        }
    found |= {"clips": len(melody.clips), "kinds": measure(melody, melody.residual()), **spoken}
    keep(found, "clause-ends", arguments.output or True)


def off_course(f0: NDArray[np.float64], melody: Melody) -> NDArray[np.float64]:
    """F0 [K] relative to the course of sentences, NaN where unvoiced."""
    found = np.full(len(f0), np.nan)
    voiced = np.isfinite(f0)
    found[voiced] = without_course(f0[voiced], melody.place[voiced])
    return found


def speaking(voice: Voice) -> Speak:
    """The voice's models, with its corrections."""
    model = VoiceModel(voice, corrected=True)

    def speak(ids: Sequence[int], speaker: str) -> tuple[NDArray[np.float32], int, list[Segment]]:
        found = model.speak(np.asarray(ids, np.int64), speaker)
        frame_s = model.audio.hop_length / model.audio.sample_rate
        return found.audio, model.audio.sample_rate, timeline(ids, found.durations, frame_s)

    return speak


def measure(melody: Melody, residual: NDArray[np.float64]) -> dict[str, dict[str, object]]:
    """Of clauses and of items: mean, interval and number of measurements of `residual` at each place."""
    at_mark: dict[tuple[str, str], list[int]] = defaultdict(list)
    taken: set[int] = set()
    for number, clip in enumerate(melody.clips):
        own = np.flatnonzero(melody.index == number)
        for kind, ends in boundaries(clip.text, [melody.labels[at].place for at in own]):
            for place, offset in PLACES.items():
                if 0 <= ends + offset < len(own):
                    at_mark[kind, place].append(int(own[ends + offset]))
                    taken.add(int(own[ends + offset]))
    inside = np.array([at not in taken for at in range(len(residual))]) & np.isfinite(residual)
    usual = {
        level: float(residual[inside & (melody.levels == level)].mean())
        for level in np.unique(melody.levels)
        if (inside & (melody.levels == level)).any()
    }
    found: dict[str, dict[str, object]] = defaultdict(dict)
    for (kind, place), members in sorted(at_mark.items()):
        heard = [at for at in members if np.isfinite(residual[at]) and melody.levels[at] in usual]
        values = np.array([residual[at] - usual[melody.levels[at]] for at in heard])
        found[kind][place] = summary(values, melody.index[heard])
    return found


def boundaries(text: str, places: list[int]) -> list[tuple[str, int]]:
    """The kind of each mark inside a text and the number of nuclei before it.

    `places` are the indices of the nuclei in their words: a word begins at 0, and words without a nucleus do not count.
    """
    starts = [at for at, place in enumerate(places) if place == 0]
    words = text.split()
    if len(words) != len(starts):
        return []
    marks = [at for at, word in enumerate(words[:-1]) if word[-1] in MARKS]
    found = []
    for before, mark, after in itertools.zip_longest([-1, *marks], marks, marks[1:]):
        if mark is None:
            continue
        rest = words[mark + 1 : after + 1 if after is not None else None]
        joined = next((at for at, word in enumerate(rest) if re.fullmatch("ne|anaa", word, re.I)), None)
        listed = mark - before <= ITEM_WORDS and (
            (after is not None and len(rest) <= ITEM_WORDS) or (joined is not None and joined <= ITEM_WORDS)
        )
        found.append(("item" if listed else "clause", starts[mark + 1]))
    return found


def summary(values: NDArray[np.float64], clips: NDArray[np.int64]) -> dict[str, object]:
    """Mean with its 95 % interval over clips."""
    if len(values) < FEWEST:
        return {"measurements": len(values)}
    rng = np.random.default_rng(0)
    groups = [values[clips == clip] for clip in np.unique(clips)]
    draws = [
        np.concatenate([groups[at] for at in rng.integers(0, len(groups), len(groups))]).mean()
        for _ in range(DRAWS)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "measurements": len(values),
        "semitones": round(float(values.mean()), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
    }


if __name__ == "__main__":
    main()
