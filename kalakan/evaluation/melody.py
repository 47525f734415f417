"""Melody: how closely predicted tones, and a voice that synthesizes them, follow the F0 of real speakers.

Both are compared with the F0 of every nucleus in recordings of the same sentences. The sentence-level trend (a
parabola over its nuclei) is removed first: F0 declines towards the end regardless of the words.
"""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import DataError
from kalakan.evaluation.pitch import STEP_S, PitchTrack, PraatRange, pitch_track
from kalakan.evaluation.sentence_course import Lengths, course, suggested
from kalakan.evaluation.timeline import DOWNSTEPPED, HIGH, LOW, Segment, nuclei, timeline
from kalakan.text.phonemes import BOS, PAUSE_IDS, symbol_to_id
from kalakan.text.twi_g2p import TwiG2P

Array = NDArray[np.float64]
Speak = Callable[[Sequence[int], str], tuple[NDArray[np.float32], int, list[Segment]]]
"""Synthesizes phoneme ids with a speaker: audio [S], its sample rate, and the time-aligned segments of the ids."""

COLUMNS = ("clip", "speaker", "text", "f0_hz")
"""Required columns of a table of recordings; one line per nucleus, in order."""
TIMES = ("start_s", "end_s")
"""Optional columns: where the nucleus is in the recording."""
LEVELS = {HIGH: 1.0, DOWNSTEPPED: 0.5, LOW: -1.0, "": 0.0}
"""Numeric values of the tones for comparing labels with F0."""
FARTHEST = (9.0, 12.0)
"""Semitones from the clip's median beyond which a recorded and a synthesized F0 count as octave errors."""
BIG_STEP = 1.5
"""Minimum step in semitones between adjacent nuclei for comparing directions."""
FEWEST = 5
"""Minimum number of occurrences for a word's recorded melody to count as evidence."""
DRAWS = 200
"""Bootstrap resamples of clips for each interval."""
LEARNED = "recordings"
"""Source of entries learned from recordings: they cannot be evaluated on these."""
_SEARCH = PraatRange(60.0, 450.0, 5000.0)
_WINDOW = (0.35, 0.95)
"""Relative interval of a nucleus in which its F0 is measured: the tone is reached late in it."""
# Student's t for 95 % and 1 to 30 degrees of freedom.
_STUDENT = (
    *(
        12.706,
        4.303,
        3.182,
        2.776,
        2.571,
        2.447,
        2.365,
        2.306,
        2.262,
        2.228,
        2.201,
        2.179,
        2.160,
        2.145,
        2.131,
    ),
    *(
        2.120,
        2.110,
        2.101,
        2.093,
        2.086,
        2.080,
        2.074,
        2.069,
        2.064,
        2.060,
        2.056,
        2.052,
        2.048,
        2.045,
        2.042,
    ),
)


@dataclass(frozen=True)
class Clip:
    """One recording."""

    name: str
    """Its name in the table."""
    speaker: str
    """Name of the speaker."""
    text: str
    """Its text."""
    f0: Array
    """F0 [N] of its nuclei in Hz, 0 where unvoiced."""
    times: tuple[Array, Array] | None = None
    """Starts and ends [N] of its nuclei in seconds, if they are known."""


@dataclass(frozen=True)
class Label:
    """Prediction for one nucleus."""

    word: str
    """The word that contains it, normalized."""
    form: str
    """The word with its tone marks."""
    rule: str
    """Names of the rules that assigned the word's tones, joined by `+`; empty if undecided."""
    confidence: str
    """Their confidence."""
    source: str
    """Source of the tones."""
    place: int
    """Index of the nucleus in the word."""
    tone: str
    """`HIGH`, `LOW`, `DOWNSTEPPED` or empty."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of two melodies."""

    syllables: int
    """Nuclei compared."""
    r: float
    """Correlation of the two, each without its sentence-level trend."""
    steps: float
    """Correlation of the steps between adjacent nuclei."""
    direction_percent: float
    """Steps of more than `BIG_STEP` in the recordings with the same direction in the other melody."""
    spread_recorded: float
    """Standard deviation of the recorded F0 in semitones."""
    spread: float
    """The same for the other melody."""


@dataclass(frozen=True)
class Contrast:
    """Recorded F0 of nuclei marked high, compared with nuclei marked low."""

    high: int
    """Nuclei marked high."""
    low: int
    """Nuclei marked low."""
    semitones: float
    """Mean of the high ones minus mean of the low ones."""
    interval: tuple[float, float]
    """95 % confidence interval of it."""


@dataclass(frozen=True)
class Finding:
    """A nucleus of a word whose recorded F0 contradicts its entry, or suggests a tone where there is no entry."""

    word: str
    """The word."""
    form: str
    """Its predicted tones."""
    place: int
    """Index of the nucleus."""
    tone: str
    """Its predicted tone; empty if there is no prediction."""
    occurrences: int
    """Number of measurements."""
    semitones: float
    """Its mean F0 relative to the sentence-level trend."""
    interval: tuple[float, float]
    """95 % confidence interval of the mean."""
    rule: str
    """The rules behind the prediction."""


def read_clips(path: str | Path) -> list[Clip]:
    """Reads recordings from a tab-separated table with at least `COLUMNS`, one line per nucleus, clip by clip.

    Raises `DataError` for a file that cannot be read, lacks a column or has a non-numeric F0.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DataError(f"{path}: cannot be read ({reason}); give a table of nuclei with their F0") from error
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise DataError(f"{path}: has no column {missing[0]}; it needs {', '.join(COLUMNS)}")
    has_times = all(name in (rows.fieldnames or ()) for name in TIMES)
    found: dict[str, tuple[str, str, list[tuple[float, ...]]]] = {}
    for number, row in enumerate(rows, start=2):
        hertz = _number(row, "f0_hz", path, number, "give Hz, and 0 where unvoiced")
        times = [_number(row, name, path, number, "give seconds") for name in TIMES] if has_times else []
        if times and times[1] < times[0]:
            raise DataError(f"{path}, line {number}: end_s is {times[1]:g}, before start_s {times[0]:g}")
        found.setdefault(row["clip"], (row["speaker"], row["text"], []))[2].append((hertz, *times))
    if not found:
        raise DataError(f"{path}: holds no clip; give one line for each nucleus")
    clips = []
    for name, (speaker, text, values) in found.items():
        hertz, *both = np.array(values).T
        clips.append(Clip(name, speaker, text, hertz, (both[0], both[1]) if both else None))
    return clips


def _number(row: Mapping[str, str], name: str, path: Path, line: int, wanted: str) -> float:
    """A number that is not negative, of a column of a table."""
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value < math.inf:
        raise DataError(f"{path}, line {line}: {name} is {row[name]!r}; {wanted}")
    return value


def labels_of(text: str, reader: TwiG2P) -> list[Label]:
    """Prediction for each nucleus of a text; empty if words and units cannot be aligned."""
    ids = reader.text_to_phoneme_sequence(text, tones="predicted")
    words: list[list[int]] = [[]]
    boundary = symbol_to_id("_")
    for unit in ids:
        if unit == boundary or unit in PAUSE_IDS:
            words.append([])
        else:
            words[-1].append(unit)
    words = [word for word in words if word]
    decisions = reader.explain_tones(text)
    if len(words) != len(decisions):
        return []
    return [
        Label(*decision, place, segment.tone)
        for word, decision in zip(words, decisions, strict=True)
        for place, segment in enumerate(nuclei(timeline(word, [1] * len(word), 1.0)))
    ]


class Melody:
    """Concatenated nuclei of many clips: recorded F0, predicted labels, and a voice's F0."""

    def __init__(self, clips: Iterable[Clip], reader: TwiG2P) -> None:
        """Keeps the clips whose text has as many nuclei as the recording; `left_out` counts the others."""
        self.clips: list[Clip] = []
        self.labels: list[Label] = []
        self.left_out = 0
        index: list[int] = []
        order: list[int] = []
        for clip in clips:
            labels = labels_of(clip.text, reader)
            if len(labels) != len(clip.f0):
                self.left_out += 1
                continue
            index += [len(self.clips)] * len(labels)
            order += range(len(labels))
            self.clips.append(clip)
            self.labels += labels
        if not self.clips:
            raise DataError(
                "no clip has as many nuclei as its text; are the recordings those of these texts?"
            )
        self.index, self.order = np.array(index), np.array(order)
        lengths = np.bincount(self.index)
        self.place = self.order / np.maximum(1, lengths[self.index] - 1)
        self.recorded = semitones(np.concatenate([clip.f0 for clip in self.clips]), self.index)
        self.recorded[np.abs(self.recorded) >= FARTHEST[0]] = math.nan
        self.levels = np.array([LEVELS[label.tone] for label in self.labels])
        self.is_learned = np.array([label.source.startswith(LEARNED) for label in self.labels])

    def spoken(
        self, speak: Speak, reader: TwiG2P, speaker: str, progress: Callable[[int, int], Any] | None = None
    ) -> tuple[Array, Lengths]:
        """F0 [K] of the same nuclei synthesized by a voice, in semitones from the clip median, NaN where unvoiced; and
        the lengths of sounds of the clips with known times."""
        found: list[float] = []
        lengths = Lengths()
        stop = symbol_to_id(".")
        for number, clip in enumerate(self.clips, start=1):
            ids = reader.text_to_phoneme_sequence(clip.text, tones="predicted")
            framed = [BOS, *ids] if ids and ids[-1] in PAUSE_IDS else [BOS, *ids, stop]
            audio, rate, segments = speak(framed, speaker)
            track = pitch_track(audio, rate, _SEARCH)
            own = nuclei(segments)
            found += [_level(segment, track) for segment in own]
            if clip.times is not None:
                times = [(segment.start_s, segment.end_s) for segment in own]
                starts, ends = np.array(times).T
                lengths.add(framed, clip.times, (starts, ends))
            if progress:
                progress(number, len(self.clips))
        heard = semitones(np.array(found), self.index)
        heard[np.abs(heard) >= FARTHEST[1]] = math.nan
        return heard, lengths

    def course(self, f0: Array) -> dict[str, Any]:
        """`sentence_course.course` of the F0 [K] of all nuclei, in semitones from each clip's median."""
        asks = np.array([clip.text.rstrip().endswith("?") for clip in self.clips])
        return course(f0, self.index, self.place, asks)

    def agreement(self, other: Array) -> dict[str, Any]:
        """`Agreement` of a melody [K] with the recordings, excluding words learned from these, with 95 % intervals
        over clips under "intervals"."""
        rng = np.random.default_rng(0)
        usable = np.where(self.is_learned, math.nan, other)
        whole = self._agreement(usable, np.arange(len(self.clips)))
        members = [np.flatnonzero(self.index == clip) for clip in range(len(self.clips))]
        draws = [
            self._agreement(usable, rng.integers(len(self.clips), size=len(self.clips)), members)
            for _ in range(DRAWS)
        ]
        intervals = {
            name: tuple(np.nanpercentile([getattr(draw, name) for draw in draws], [2.5, 97.5]).tolist())
            for name in ("r", "steps", "direction_percent")
        }
        return asdict(whole) | {"clips": len(self.clips), "intervals": intervals}

    def _agreement(
        self, other: Array, chosen: NDArray[np.integer[Any]], members: list[NDArray[np.int64]] | None = None
    ) -> Agreement:
        if members is None:
            rows, group = np.arange(len(other)), self.index
        else:
            rows = np.concatenate([members[clip] for clip in chosen])
            group = np.repeat(np.arange(len(chosen)), [len(members[clip]) for clip in chosen])
        recorded, other, place, order = self.recorded[rows], other[rows], self.place[rows], self.order[rows]
        ok = np.isfinite(recorded) & np.isfinite(other)
        one, two = without_course(recorded[ok], place[ok]), without_course(other[ok], place[ok])
        pair = (group[1:] == group[:-1]) & (order[1:] == order[:-1] + 1) & ok[1:] & ok[:-1]
        step, answer = np.diff(recorded)[pair], np.diff(other)[pair]
        big = np.abs(step) > BIG_STEP
        same = np.where(answer[big] == 0, 0.5, np.sign(step[big]) == np.sign(answer[big]))
        return Agreement(
            int(ok.sum()),
            _correlation(one, two),
            _correlation(step, answer),
            100.0 * float(same.mean()) if same.size else math.nan,
            float(one.std()) if one.size else math.nan,
            float(two.std()) if two.size else math.nan,
        )

    def residual(self) -> Array:
        """Recorded F0 [K] relative to the sentence-level trend, in semitones; NaN where unvoiced."""
        found = np.full(len(self.recorded), math.nan)
        ok = np.isfinite(self.recorded)
        found[ok] = without_course(self.recorded[ok], self.place[ok])
        return found

    def contrasts(self) -> dict[str, dict[str, Contrast]]:
        """High minus low of the recordings by "confidence", by "rule", and by "class": the combined rules of a word."""
        residual = self.residual()
        groups: dict[str, dict[str, list[int]]] = {
            name: defaultdict(list) for name in ("confidence", "rule", "class")
        }
        for at in np.flatnonzero(np.isfinite(residual)):
            label = self.labels[at]
            if not label.rule:
                continue
            groups["confidence"][label.confidence].append(int(at))
            groups["class"][label.rule].append(int(at))
            for rule in label.rule.split("+"):
                groups["rule"][rule].append(int(at))
        return {
            name: {
                key: found
                for key, members in sorted(group.items())
                if (found := self._contrast(residual, members)) is not None
            }
            for name, group in groups.items()
        }

    def _contrast(self, residual: Array, members: list[int]) -> Contrast | None:
        high = residual[[at for at in members if self.levels[at] > 0]]
        low = residual[[at for at in members if self.levels[at] < 0]]
        if min(len(high), len(low)) < 2:
            return None
        difference = float(high.mean() - low.mean())
        error = 1.96 * math.sqrt(high.var(ddof=1) / len(high) + low.var(ddof=1) / len(low))
        return Contrast(len(high), len(low), difference, (difference - error, difference + error))

    def findings(self) -> tuple[list[Finding], list[Finding]]:
        """Nuclei of words that contradict their entry, and those of undecided words with a clear tone: at least
        `FEWEST` occurrences, and an interval that excludes zero."""
        residual = self.residual()
        groups: dict[tuple[str, str, str, int, str], list[float]] = defaultdict(list)
        for at in np.flatnonzero(np.isfinite(residual)):
            label = self.labels[at]
            key = (label.word, label.form, label.rule, label.place, label.tone)
            groups[key].append(float(residual[at]))
        against, open_ones = [], []
        for (word, form, rule, place, tone), values in groups.items():
            if len(values) < FEWEST:
                continue
            mean, (low, high) = _mean(values)
            found = Finding(word, form, place, tone, len(values), mean, (low, high), rule)
            if not tone and (low > 0 or high < 0):
                open_ones.append(found)
            elif (LEVELS[tone] > 0 and high < 0) or (LEVELS[tone] < 0 and low > 0):
                against.append(found)
        return _sorted(against), _sorted(open_ones)


def semitones(hertz: Array, group: NDArray[np.integer[Any]]) -> Array:
    """Converts F0 [K] in Hz to semitones from the median of each group [K]; NaN where unvoiced."""
    values = np.full(len(hertz), math.nan)
    voiced = hertz > 0
    values[voiced] = 12.0 * np.log2(hertz[voiced])
    for number in np.unique(group):
        members = group == number
        if (members & voiced).any():
            values[members] -= np.median(values[members & voiced])
    return values


def without_course(values: Array, place: Array) -> Array:
    """Values [K] minus the parabola fitted over their position [K] in the sentence (0 to 1)."""
    basis = np.stack([np.ones_like(place), place, place**2], axis=1)
    return np.asarray(values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0], np.float64)


def measure(
    path: str | Path,
    speak: Speak,
    speakers: Sequence[str],
    reader: TwiG2P | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> dict[str, Any]:
    """Compares the melody of a voice's speakers and of the predicted labels with recordings; returns plain values."""
    reader = reader or TwiG2P(tones="predicted")
    melody = Melody(read_clips(path), reader)
    labels = melody.agreement(melody.levels)
    voices, courses, rhythms = {}, {"recorded": melody.course(melody.recorded)}, {}
    for name in speakers:
        heard, lengths = melody.spoken(speak, reader, name, progress)
        voices[name], courses[name] = melody.agreement(heard), melody.course(heard)
        rhythms[name] = lengths.figures()
    against, open_ones = melody.findings()
    marked = sum(1 for label in melody.labels if label.tone)
    return {
        "clips": len(melody.clips),
        "clips_left_out": melody.left_out,
        "syllables": len(melody.labels),
        "syllables_marked_percent": 100.0 * marked / len(melody.labels),
        "labels": labels,
        "speakers": voices,
        "sentences": courses,
        "rhythm": rhythms,
        "suggested": suggested(
            courses["recorded"], [courses[name] for name in speakers], list(rhythms.values())
        ),
        "share_of_labels": {name: found["r"] / labels["r"] for name, found in voices.items()},
        "contrasts": {
            group: {key: asdict(value) for key, value in found.items()}
            for group, found in melody.contrasts().items()
        },
        "contradictions": [asdict(found) for found in against],
        "open": [asdict(found) for found in open_ones],
    }


def format_melody(report: Mapping[str, Any]) -> str:
    """Formats the report as text: a line for the labels and for each speaker, then rules and words."""
    lines = [
        f"{report['clips']} clips ({report['clips_left_out']} left out: other number of nuclei), "
        f"{report['syllables']} nuclei, {report['syllables_marked_percent']:.0f} % of them with a predicted tone"
    ]
    lines.append(f"{'':<12}{'r':>22}{'steps':>22}{'direction %':>24}{'spread, recorded':>20}")
    for name, found in {"labels": report["labels"], **report["speakers"]}.items():
        cells = [
            f"{found[key]:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
            for key, digits in (("r", 2), ("steps", 2), ("direction_percent", 1))
            for low, high in [found["intervals"][key]]
        ]
        spread = "" if name == "labels" else f"{found['spread']:.2f}, {found['spread_recorded']:.2f}"
        lines.append(f"{name:<12}{cells[0]:>22}{cells[1]:>22}{cells[2]:>24}{spread:>20}")
    lines += _format_sentences(report)
    for group in ("confidence", "rule"):
        lines.append(f"high minus low in the recordings, by {group} (semitones)")
        for key, found in report["contrasts"][group].items():
            low, high = found["interval"]
            counts = f"{found['high']} high, {found['low']} low"
            lines.append(f"  {key:<14}{found['semitones']:>7.2f} ({low:.2f} to {high:.2f}), {counts}")
    for key, title in (
        ("contradictions", "words that say something else than their entry"),
        ("open", "words without a tone that have one"),
    ):
        lines.append(f"{title}: {len(report[key]) or 'none'}")
        for found in report[key]:
            low, high = found["interval"]
            tone = found["tone"] or "–"
            lines.append(
                f"  {found['form']}, nucleus {found['place'] + 1} ({tone}): {found['semitones']:+.2f} "
                f"({low:.2f} to {high:.2f}), {found['occurrences']} times; {found['rule'] or 'nothing decided'}"
            )
    return "\n".join(lines) + "\n"


def _format_sentences(report: Mapping[str, Any]) -> list[str]:
    """Lines for the course of sentences and the lengths of sounds."""
    lines = ["course of sentences (semitones; slope, last nucleus but one, last nucleus against the slope)"]
    for name, kinds in report["sentences"].items():
        for kind, found in kinds.items():
            cells = []
            for key in ("slope", "before_fall", "fall"):
                low, high = found[key]["interval"]
                cells.append(f"{found[key]['value']:.1f} ({low:.1f} to {high:.1f})")
            lines.append(f"  {name:<10}{kind:<12}" + "".join(f"{cell:>22}" for cell in cells))
    for name, rhythm in report["rhythm"].items():
        if not rhythm:
            continue
        lines.append(
            f"lengths, recordings to {name} (r {rhythm['r']:.2f}; ratio beside that of all, {rhythm['tempo']:.2f})"
        )
        for kind, found in rhythm["classes"].items():
            low, high = found["interval"]
            lines.append(
                f"  {kind:<16}{found['ratio']:.2f} ({low:.2f} to {high:.2f}), r {found['r']:.2f}, "
                f"{found['recorded_s']:.3f} s to {found['voice_s']:.3f} s, {found['sounds']} sounds"
            )
    lines.append(f"corrections that would bring the voice nearer: {json.dumps(report['suggested'])}")
    return lines


def _level(segment: Segment, track: PitchTrack) -> float:
    """Median F0 in Hz of a nucleus; 0 if fewer than two of its values are voiced."""
    times = track.start_s + STEP_S * np.arange(len(track.hertz))
    inside = (times >= segment.at(_WINDOW[0])) & (times <= segment.at(_WINDOW[1])) & (track.hertz > 0)
    return float(np.median(track.hertz[inside])) if inside.sum() >= 2 else 0.0


def _correlation(one: Array, other: Array) -> float:
    if one.size < 2 or one.std() == 0 or other.std() == 0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])


def _mean(values: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The mean of values and its 95 % confidence interval."""
    mean = float(np.mean(values))
    degrees = len(values) - 1
    quantile = _STUDENT[degrees - 1] if degrees <= len(_STUDENT) else 1.96
    error = quantile * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return mean, (mean - error, mean + error)


def _sorted(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda found: (-found.occurrences, found.word, found.place))
