"""Computes all metrics of one sentence."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.mel import log_mel
from kalakan.data.phone_errors import Pair
from kalakan.evaluation import judges, spectra
from kalakan.evaluation.pitch import PitchDifference, PitchTrack, PraatRange, compare_pitch, pitch_track
from kalakan.evaluation.samples import Sample
from kalakan.evaluation.timeline import Segment, timeline
from kalakan.evaluation.tones import mark_tones, tone_steps
from kalakan.evaluation.voice_model import Speech, VoiceModel
from kalakan.evaluation.vowels import VowelPoint, vowel_points
from kalakan.recognition import PhoneRecognizer
from kalakan.text.phonemes import SOUND_CLASSES


@dataclass(frozen=True)
class Scores:
    """Results of one sentence for the report."""

    speaker: str
    """Name of the speaker."""
    has_tones: bool
    """Whether the labels mark tones."""
    seconds: float
    """Length of the recording."""
    values: dict[str, float]
    """Values to average over sentences; NaN if one could not be measured."""
    pitch: PitchDifference
    """F0 with given durations compared with the recording's."""
    durations: dict[str, NDArray[np.float64]]
    """Seconds of each unit, labelled and predicted [2, K], for "sound" and "pause" units."""
    tone_steps: dict[str, list[float]]
    """Semitones from low to high in neighboring vowels: "recordings", "given" (durations), "free"."""
    vowels: dict[str, list[VowelPoint]]
    """Formants of "recordings" and "voice" (given durations)."""
    phones: dict[str, list[Pair]]
    """Recognized phones of "recordings", "copy" and "free"; empty without a recognizer."""


@dataclass(frozen=True)
class MeasuredSentence:
    """One sentence with its recording and the voice's output, for pictures."""

    sample: Sample
    """The recording."""
    given: Speech
    """Synthesized with the recording's durations."""
    segments: list[Segment]
    """Time-aligned units of both."""
    recorded_pitch: PitchTrack
    """F0 of the recording."""
    given_pitch: PitchTrack
    """F0 of `given`."""


class SentenceMetrics:
    """Measures sentences against one voice."""

    def __init__(
        self,
        model: VoiceModel,
        ranges: dict[str, PraatRange],
        *,
        ask_mos: bool = True,
        ask_tones: bool = True,
        recognizer: PhoneRecognizer | None = None,
    ) -> None:
        """`ranges` holds Praat's settings for each speaker. With `ask_tones`, sentences without tone labels are also
        synthesized with tones, which only makes sense for a voice trained with tone labels."""
        self.ask_tones = ask_tones
        self.recognizer = recognizer
        self.model = model
        self.ranges = ranges
        self.rate = model.audio.sample_rate
        self.missing = judges.missing_judges()
        self.score: Callable[[NDArray[np.float32], int], float] | None = None
        if ask_mos and "distilmos" not in self.missing:
            self.score = judges.distilmos()

    def measure(self, sample: Sample) -> tuple[Scores, MeasuredSentence]:
        """Synthesizes a sentence in all variants and measures it."""
        speaker = sample.utterance.speaker
        frame_s = self.model.audio.hop_length / self.rate
        given = self.model.speak(sample.ids, speaker, sample.durations)
        free = self.model.speak(sample.ids, speaker)
        segments = timeline(sample.ids, sample.durations, frame_s)
        heard = MeasuredSentence(
            sample, given, segments, *(self._track(audio, speaker) for audio in (sample.audio, given.audio))
        )
        copied = self.model.vocode(sample.mel, sample.f0)
        values = self._spectral(sample, given, free) | self._copy(sample, copied)
        clips = {"recordings": sample.audio, "copy": copied, "free": free.audio}
        values |= self._mos(clips)
        scores = Scores(
            speaker,
            sample.has_tones,
            len(sample.audio) / self.rate,
            values,
            compare_pitch(heard.recorded_pitch, heard.given_pitch),
            _durations(segments, timeline(sample.ids, free.durations, frame_s)),
            self._tones(heard, free, frame_s),
            {
                name: vowel_points(segments, audio, self.rate, self.ranges[speaker].formant_ceiling_hz)
                for name, audio in (("recordings", sample.audio), ("voice", given.audio))
            },
            self._phones(clips, sample.utterance.units),
        )
        return scores, heard

    def _track(self, audio: NDArray[np.float32], speaker: str) -> PitchTrack:
        return pitch_track(audio, self.rate, self.ranges[speaker])

    def _spectral(self, sample: Sample, given: Speech, free: Speech) -> dict[str, float]:
        return {
            "given_mel_l1": spectra.mel_l1(sample.mel, given.mel),
            "given_mcd_db": spectra.cepstral_distortion(sample.mel, given.mel),
            "free_mel_l1": spectra.warped_l1(sample.mel, free.mel),
            "free_mcd_db": spectra.warped_distortion(sample.mel, free.mel),
        }

    def _copy(self, sample: Sample, copied: NDArray[np.float32]) -> dict[str, float]:
        mel = log_mel(np.clip(copied, -1.0, 1.0), self.model.audio)
        values = {
            "copy_mel_l1": spectra.mel_l1(sample.mel, mel),
            "copy_mcd_db": spectra.cepstral_distortion(sample.mel, mel),
        }
        if "pesq" not in self.missing:
            values["copy_pesq"] = judges.wideband_pesq(sample.audio, copied, self.rate)
        if "stoi" not in self.missing:
            values["copy_stoi"] = judges.intelligibility(sample.audio, copied, self.rate)
        return values

    def _mos(self, clips: dict[str, NDArray[np.float32]]) -> dict[str, float]:
        if self.score is None:
            return {}
        return {f"{name}_distilmos": self.score(audio, self.rate) for name, audio in clips.items()}

    def _phones(self, clips: dict[str, NDArray[np.float32]], units: tuple[str, ...]) -> dict[str, list[Pair]]:
        if self.recognizer is None:
            return {}
        return {name: self.recognizer.compare(audio, self.rate, units) for name, audio in clips.items()}

    def _tones(self, heard: MeasuredSentence, free: Speech, frame_s: float) -> dict[str, list[float]]:
        """Tone steps; a sentence without tone labels is synthesized again, with random tones and free durations."""
        sample, ids = heard.sample, heard.sample.ids
        if not sample.has_tones and not self.ask_tones:
            return {"recordings": [], "given": [], "free": []}
        if not sample.has_tones:
            ids = mark_tones(ids.tolist(), zlib.crc32(sample.utterance.id.encode()))
            free = self.model.speak(ids, sample.utterance.speaker)
        return {
            "recordings": tone_steps(heard.segments, heard.recorded_pitch),
            "given": tone_steps(heard.segments, heard.given_pitch),
            "free": tone_steps(
                timeline(ids, free.durations, frame_s), self._track(free.audio, sample.utterance.speaker)
            ),
        }


def _durations(labelled: list[Segment], spoken: list[Segment]) -> dict[str, NDArray[np.float64]]:
    """Durations in seconds [2, K] of sounds, and of pauses."""
    both = list(zip(labelled, spoken, strict=True))
    kinds = {"sound": SOUND_CLASSES, "pause": frozenset({"pause"})}
    return {
        name: np.array([(one.seconds, other.seconds) for one, other in both if one.kind in kind])
        .reshape(-1, 2)
        .T
        for name, kind in kinds.items()
    }
