"""`evaluate`: evaluates a voice on the test split of a corpus."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.files import read_audio
from kalakan.data.feature_workers import DAMAGE
from kalakan.data.manifest import in_split, read_manifest
from kalakan.data.phone_errors import Pair
from kalakan.data.recorded_corpus import describe_damage
from kalakan.errors import DataError, VoiceError
from kalakan.evaluation import melody
from kalakan.evaluation.measure import MeasuredSentence, Scores, SentenceMetrics
from kalakan.evaluation.pitch import praat_range
from kalakan.evaluation.report import describe_run, describe_voice, output_folder, write_report
from kalakan.evaluation.samples import Samples
from kalakan.evaluation.summary import summarize, summarize_phones, summarize_vowels
from kalakan.evaluation.timeline import Segment, timeline
from kalakan.evaluation.voice_model import VoiceModel
from kalakan.recognition import PhoneRecognizer
from kalakan.voices.package import Voice

Progress = Callable[[int, int], Any]


def evaluate(
    voice: Voice,
    data: str | Path,
    *,
    output: str | Path | None = None,
    speakers: Sequence[str] = (),
    limit: int | None = None,
    command: str = "",
    progress: Progress | None = None,
    ask_mos: bool = True,
    recognizer: str | Path | None = None,
) -> dict[str, Any]:
    """The report of `voice` on the test split of the corpus folder `data`; see `report.format_table`.

    `output` is a folder for `report.json` and pictures; `speakers` (default: all of the voice) and `limit`, sentences
    per speaker, reduce the work. `progress(done, total)` is called after each sentence. DistilMOS takes about nine
    times as long as everything else; `ask_mos=False` skips it. `recognizer` is a `recognizer.pt`, to count the phone
    errors of recordings, copies and free synthesis.

    Damaged utterances are skipped with a `DamagedDataWarning`, and counted in the report. Raises `VoiceError` for a
    voice without torch weights and for a file without a recognizer, `DataError` for an unusable corpus.
    """
    folder = output_folder(output)
    model = VoiceModel(voice)
    ear = None if recognizer is None else PhoneRecognizer(recognizer)
    with tempfile.TemporaryDirectory(prefix="kalakan-") as features:
        samples = Samples(data, model.audio, model.speakers, features, speakers, limit)
        ranges = {name: praat_range(samples.voiced_f0(name)) for name in samples.speakers}
        metrics = SentenceMetrics(
            model, ranges, ask_mos=ask_mos, ask_tones=samples.mark_tones, recognizer=ear
        )
        pictures = _Pictures(folder, model.audio.hop_length / model.audio.sample_rate)
        scores = []
        for index in range(len(samples)):
            found, heard = metrics.measure(samples[index])
            scores.append(found)
            pictures.draw(heard)
            if progress:
                progress(index + 1, len(samples))
    report = _report(voice, samples, scores, metrics, ask_mos) | describe_run(command)
    if ear is not None:
        report["recognizer"] = {"sha256": ear.sha256}
    if folder is not None:
        write_report(folder / "report.json", report)
        pictures.draw_vowels(report["vowels"])
    return report


def evaluate_melody(
    voice: Voice,
    recordings: str | Path,
    *,
    output: str | Path | None = None,
    speakers: Sequence[str] = (),
    command: str = "",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Reports how closely `voice`, with predicted tones, follows the F0 of `recordings`; see `melody.format_melody`.

    `recordings` is a table in the format of `melody.read_clips`; `output` is a folder for `melody.json`. `speakers`
    defaults to all speakers of the voice.

    Raises `VoiceError` for a voice without torch weights or without a requested speaker, `DataError` for an
    unusable table.
    """
    folder = output_folder(output)
    model = VoiceModel(voice, corrected=True)
    for name in speakers:
        if name not in model.speakers:
            raise VoiceError(f"{voice.path}: has no speaker {name!r}; it has {', '.join(model.speakers)}")

    def speak(ids: Sequence[int], speaker: str) -> tuple[NDArray[np.float32], int, list[Segment]]:
        found = model.speak(np.asarray(ids, np.int64), speaker)
        frame_s = model.audio.hop_length / model.audio.sample_rate
        return found.audio, model.audio.sample_rate, timeline(ids, found.durations, frame_s)

    found = melody.measure(recordings, speak, speakers or model.speakers, progress=progress)
    report = {"voice": describe_voice(voice), **found} | describe_run(command)
    if folder is not None:
        write_report(folder / "melody.json", report)
    return report


def evaluate_speech(
    recordings: str | Path,
    recognizer: str | Path,
    *,
    output: str | Path | None = None,
    speakers: Sequence[str] = (),
    limit: int | None = None,
    command: str = "",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Reports the phone errors that a `recognizer.pt` makes on the test split of the corpus folder `recordings`.

    `output` is a folder for `speech.json`; `speakers` (default: all of the split) and `limit`, recordings per speaker,
    reduce the work. Damaged recordings are left out and named in the notes. Raises `DataError` for a corpus without
    usable recordings, `VoiceError` for a file without a recognizer.
    """
    folder = output_folder(output)
    ear = PhoneRecognizer(recognizer)
    damaged: dict[str, str] = {}
    chosen = [
        item
        for item in in_split(read_manifest(recordings, damaged), "test")
        if not speakers or item.speaker in speakers
    ]
    heard: dict[str, list[list[Pair]]] = {name: [] for name in sorted({item.speaker for item in chosen})}
    for number, item in enumerate(chosen, start=1):
        if limit is None or len(heard[item.speaker]) < limit:
            try:
                heard[item.speaker].append(ear.compare(*read_audio(item.audio), item.units))
            except DAMAGE as error:
                damaged[item.id] = str(error)
        if progress:
            progress(number, len(chosen))
    if not any(heard.values()):
        wanted = f" of {', '.join(speakers)}" if speakers else ""
        raise DataError(f"{recordings}: holds no recording of the test split{wanted} that can be used")
    results = {name: summarize_phones(clips) | {"recordings": len(clips)} for name, clips in heard.items()}
    every = [pairs for clips in heard.values() for pairs in clips]
    report: dict[str, Any] = {
        "recognizer": {"sha256": ear.sha256},
        "results": results | {"all": summarize_phones(every) | {"recordings": len(every)}},
        "notes": [f"damaged recordings left out: {describe_damage(damaged)}"] if damaged else [],
    } | describe_run(command)
    if folder is not None:
        write_report(folder / "speech.json", report)
    return report


def _report(
    voice: Voice, samples: Samples, scores: list[Scores], metrics: SentenceMetrics, ask_mos: bool
) -> dict[str, Any]:
    groups = {name: [item for item in scores if item.speaker == name] for name in samples.speakers}
    notes = [
        f"{name} was not measured: {package} is not installed" for name, package in metrics.missing.items()
    ]
    if not ask_mos and "distilmos" not in metrics.missing:
        notes.append("distilmos was not measured: it was not asked for")
    if samples.left_out:
        notes.append(f"sentences of {', '.join(samples.left_out)} were left out")
    if samples.damaged:
        notes.append(f"damaged utterances left out: {describe_damage(samples.damaged)}")
    return {
        "voice": describe_voice(voice),
        "results": {name: summarize(group) for name, group in groups.items()} | {"all": summarize(scores)},
        "vowels": {name: summarize_vowels(group) for name, group in groups.items()},
        "praat": {name: asdict(search) for name, search in metrics.ranges.items()},
        "damaged": {"count": len(samples.damaged), "reasons": samples.damaged},
        "notes": notes,
    }


class _Pictures:
    """Draws one mel and one F0 picture per speaker, from the first suitable sentences."""

    def __init__(self, folder: Path | None, frame_s: float) -> None:
        self.folder = folder
        self.frame_s = frame_s
        self.drawn: set[tuple[str, str]] = set()

    def draw(self, heard: MeasuredSentence) -> None:
        if self.folder is None:
            return
        from kalakan.evaluation.plots import draw_mels, draw_pitch

        speaker = heard.sample.utterance.speaker
        if self._is_first("mel", speaker):
            draw_mels(self.folder / f"mel-{speaker}.png", heard, self.frame_s)
        if heard.sample.has_tones and self._is_first("f0", speaker):
            draw_pitch(self.folder / f"f0-{speaker}.png", heard)

    def draw_vowels(self, vowels: dict[str, Any]) -> None:
        """Draws one vowel chart per speaker."""
        if self.folder is None:
            return
        from kalakan.evaluation.plots import draw_vowels

        for speaker, found in vowels.items():
            draw_vowels(self.folder / f"vowels-{speaker}.png", speaker, found["medians"])

    def _is_first(self, kind: str, speaker: str) -> bool:
        is_first = (kind, speaker) not in self.drawn
        self.drawn.add((kind, speaker))
        return is_first
