"""Trains a pruned model to do what the unpruned one does, on sentences without recordings.

Each part of a voice has its own loss against the teacher's output for the same input: the decoder's mels for the
teacher's frames, the vocoder's filters for the teacher's mels, the encoder's states and what the unchanged predictors
and decoder make of them. All are deterministic, so plain distances are enough and no discriminator is needed.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.export.loop import PEAK_RATE, Checkpoint, optimize
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.models.acoustic.voicing import is_voiced
from kalakan.models.layers.masking import frame_owners, length_mask
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.text.phonemes import PAD
from kalakan.voices.corrections import Corrections

ROWS = 4
"""Sentences per step, of similar length."""
MIXED = 0.75
"""Fraction of the steps, from the first on, that mixed precision applies to: the last ones are exact."""
DECIBELS = 20.0 / math.log(10.0)
"""Decibels per unit of a natural log amplitude."""
FAINT = 0.05
"""Smallest weight of a filter where the other one covers it."""
_SEMITONE = math.log(2.0) / 12.0


@dataclass(frozen=True)
class Sentences:
    """A batch of sentences with their controls, as a model's `infer` takes them."""

    phonemes: Tensor
    """Ids [B, N]."""
    speaker: Tensor
    speed: Tensor
    """[B, N], as `pitch` (semitones), `energy` and `pitch_range` (factors)."""
    pitch: Tensor
    energy: Tensor
    pitch_range: Tensor

    def controls(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The arguments of `FastSpeech2.infer` and `infer_frames`."""
        return self.phonemes, self.speaker, self.speed, self.pitch, self.energy, self.pitch_range


class Reader:
    """Draws sentences of similar length with every speaker and all controls varied; a voice's corrections apply."""

    def __init__(self, phrases: Sequence[Sequence[int]], speakers: int, corrections: Corrections) -> None:
        self.phrases = sorted(phrases, key=len)
        self.speakers = speakers
        self.corrections = corrections

    def draw(self, random: torch.Generator, rows: int = ROWS) -> Sentences:
        """A random batch; half of the sentences have the usual controls."""
        span = max(rows, len(self.phrases) // 20)
        first = int(torch.randint(max(1, len(self.phrases) - span + 1), (1,), generator=random))
        near = torch.randint(min(span, len(self.phrases)), (rows,), generator=random)
        speaker = torch.randint(self.speakers, (rows,), generator=random)
        values = torch.rand((4, rows), generator=random)
        usual = torch.rand((4, rows), generator=random) < 0.6
        speed = torch.where(usual[0], values[0] * 0.3 + 0.85, torch.exp2(values[0] * 2 - 1))
        speed = speed[:1].expand(rows)  # one tempo, or most of the batch would be padding
        pitch = torch.where(usual[1], torch.zeros(rows), values[1] * 24 - 12)
        energy = torch.where(usual[2], torch.ones(rows), torch.exp2(values[2] * 2 - 1))
        width = torch.where(usual[3], torch.ones(rows), values[3] * 2)
        chosen = [self.phrases[first + place] for place in near.tolist()]
        return self.batch(chosen, speaker, torch.stack([speed, pitch, energy, width]))

    def plain(self, rows: int = ROWS) -> Iterator[Sentences]:
        """All sentences in order of length with the usual controls, each with one speaker in turn."""
        for start in range(0, len(self.phrases), rows):
            chosen = self.phrases[start : start + rows]
            speaker = torch.arange(start, start + len(chosen)) % self.speakers
            controls = torch.tensor([[1.0], [0.0], [1.0], [1.0]]).repeat(1, len(chosen))
            yield self.batch(chosen, speaker, controls)

    def batch(self, phrases: Sequence[Sequence[int]], speaker: Tensor, controls: Tensor) -> Sentences:
        """Phrases padded to one length; controls [4, B] in the order speed, pitch, energy, pitch_range."""
        longest = max(map(len, phrases))

        def by_unit(of: Callable[[Sequence[int]], Sequence[float]], padding: float) -> Tensor:
            return torch.tensor([[*of(ids), *[padding] * (longest - len(ids))] for ids in phrases])

        phonemes = by_unit(lambda ids: ids, PAD).long()
        speed, pitch, energy, width = (value[:, None].expand(-1, longest) for value in controls)
        return Sentences(
            phonemes,
            speaker,
            speed / by_unit(self.corrections.factors, 1.0),
            pitch + by_unit(self.corrections.semitones, 0.0) * width,
            energy,
            width * self.corrections.pitch_range,
        )


class Lesson(ABC):
    """What a part of a voice is trained on: the outputs of its `teacher` for the same input."""

    peak = PEAK_RATE
    """Learning rate after the warm-up."""
    is_mixed = False
    """Whether the student computes in bfloat16."""
    student: Any
    """The model of which `trained` are parts."""

    @abstractmethod
    def trained(self) -> list[nn.Module]:
        """The modules of the student that change."""

    @abstractmethod
    def loss(self, sentences: Sentences, random: torch.Generator) -> Tensor:
        """How far the student is from the teacher on a batch."""

    @abstractmethod
    def distances(self, sentences: Sentences) -> dict[str, tuple[float, float]]:
        """Sums and counts of the distances that a user is told, by their names."""

    def precision(self) -> torch.autocast:
        """The context in which the student computes."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.is_mixed)


class DecoderLesson(Lesson):
    """The decoder: mels of the teacher's frames."""

    peak = 6e-4

    def __init__(self, teacher: FastSpeech2, student: FastSpeech2) -> None:
        self.teacher, self.student = teacher, student

    def trained(self) -> list[nn.Module]:
        return [self.student.decoder, self.student.decoder_norm, self.student.mel_out]

    def loss(self, sentences: Sentences, random: torch.Generator) -> Tensor:
        frames, mask = _frames(self.teacher, sentences)
        with torch.no_grad():
            wanted = self.teacher.decode(frames, mask)
        with self.precision():
            own = self.student.decode(frames, mask)
        return mel_loss(own.float(), wanted, mask, self.teacher.mel_std)

    @torch.no_grad()
    def distances(self, sentences: Sentences) -> dict[str, tuple[float, float]]:
        frames, mask = _frames(self.teacher, sentences)
        error = (self.student.decode(frames, mask) - self.teacher.decode(frames, mask)).abs()
        return {"mel_db": _mean(error * DECIBELS, mask.transpose(1, 2))}


class VocoderLesson(Lesson):
    """The vocoder's network: filters of the mels and F0 of the voice's acoustic model."""

    peak = 1.5e-4

    def __init__(self, acoustic: FastSpeech2, teacher: HarmonicNoise, student: HarmonicNoise) -> None:
        self.acoustic, self.teacher, self.student = acoustic, teacher, student
        hertz = torch.linspace(0.0, 0.5 * teacher.sample_rate, teacher.bins)
        density = 1.0 / (700.0 + hertz)
        self.by_bin = 0.3 + 0.7 * density / density.mean()

    def trained(self) -> list[nn.Module]:
        model = self.student
        return [model.project_in, model.norm_in, model.blocks, model.norm_out, model.project_out]

    def loss(self, sentences: Sentences, random: torch.Generator) -> Tensor:
        mel, f0, mask = self._heard(sentences)
        mel = mel + _other_rooms(mel, random)
        gain, turn, breath, of_pulses, of_noise = self._errors(mel, f0, mask)
        pulses = torch.sqrt(gain.square() + turn.square() + 1e-6)
        return (pulses * of_pulses + breath.abs() * of_noise).sum() / (of_pulses + of_noise).sum()

    @torch.no_grad()
    def distances(self, sentences: Sentences) -> dict[str, tuple[float, float]]:
        gain, turn, breath, of_pulses, of_noise = self._errors(*self._heard(sentences))
        return {
            "pulses_db": (float((gain.abs() * of_pulses).sum()) * DECIBELS, float(of_pulses.sum())),
            "pulses_phase": (float((turn.abs() * of_pulses).sum()), float(of_pulses.sum())),
            "noise_db": (float((breath.abs() * of_noise).sum()) * DECIBELS, float(of_noise.sum())),
        }

    @torch.no_grad()
    def _heard(self, sentences: Sentences) -> tuple[Tensor, Tensor, Tensor]:
        mel, _, counts, hertz, _ = self.acoustic.infer(*sentences.controls())
        return mel, hertz, length_mask(counts, mel.shape[2])[:, :, None].float()

    def _errors(self, mel: Tensor, f0: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Differences of the pulses' log gain and phase and of the noise's log gain, and weights of the two filters.

        A filter counts where it is heard beside the other one, and the pulses' only in voiced frames.
        """
        with torch.no_grad():
            pulses, turn, noise = self.teacher.filters(mel, f0, mask)
            near = F.max_pool1d((f0 > 0).float()[:, None], 3, 1, 1)[:, 0]  # F0 is interpolated between frames
            voiced, inside = (
                value.repeat_interleave(self.teacher.subframes, dim=1)[:, :, None]
                for value in (near, mask[:, :, 0])
            )
            share = torch.sigmoid(2.0 * (pulses - noise))
            weight = inside * self.by_bin
            of_pulses = weight * voiced * (FAINT + share)
            of_noise = weight * (FAINT + 1.0 - share * voiced)
        with self.precision():
            raw = self.student.raw_filters(mel, f0, mask)
        own = self.student.split_filters(raw)
        return own[0] - pulses, own[1] - turn, own[2] - noise, of_pulses, of_noise


class EncoderLesson(Lesson):
    """The encoder: its states, and what the teacher's predictors and decoder make of them."""

    peak = 2e-4

    def __init__(self, teacher: FastSpeech2, student: FastSpeech2) -> None:
        self.teacher, self.student = teacher, student

    def trained(self) -> list[nn.Module]:
        return [self.student.encoder, self.student.encoder_norm]

    def loss(self, sentences: Sentences, random: torch.Generator) -> Tensor:
        own, wanted = self._said(sentences)
        with self.precision():
            mel = own.mel()
        with torch.no_grad():
            other = wanted.mel()
        return (
            _average((own.hidden.float() - wanted.hidden).square(), wanted.unit_mask)
            + self._predicted(own, wanted)
            + mel_loss(mel.float(), other, wanted.mask, self.teacher.mel_std)
        )

    @staticmethod
    def _predicted(own: _Said, wanted: _Said) -> Tensor:
        """How far durations, pitch, voicing and energy are from the teacher's."""
        frames = wanted.mask[:, :, 0]
        voicing = F.binary_cross_entropy_with_logits(
            own.logit.float(), torch.sigmoid(wanted.logit), reduction="none"
        )
        return (
            5.0 * _average((own.log_durations.float() - wanted.log_durations).abs(), wanted.lasting)
            + _average((own.pitch.float() - wanted.pitch).abs(), frames * wanted.voiced)
            + _average(voicing, frames)
            + _average((own.energy.float() - wanted.energy).abs(), frames)
        )

    @torch.no_grad()
    def distances(self, sentences: Sentences) -> dict[str, tuple[float, float]]:
        own, wanted = self._said(sentences)
        error = (own.mel() - wanted.mel()).abs() * DECIBELS
        return {"mel_db": _mean(error, wanted.mask.transpose(1, 2)), **self._told(own, wanted)}

    def _told(self, own: _Said, wanted: _Said) -> dict[str, tuple[float, float]]:
        frames = wanted.mask[:, :, 0]
        lengths = torch.exp(own.log_durations) - torch.exp(wanted.log_durations)
        pitch = (own.pitch - wanted.pitch).abs() * self.teacher.pitch_std / _SEMITONE
        flipped = (own.logit > 0) != (wanted.logit > 0)
        return {
            "duration_frames": _mean(lengths.abs(), wanted.lasting),
            "pitch_semitones": _mean(pitch, frames * wanted.voiced),
            "voicing_percent": _mean(100.0 * flipped.float(), frames),
        }

    def _said(self, sentences: Sentences) -> tuple[_Said, _Said]:
        """The student's pass and the teacher's."""
        with torch.no_grad():
            wanted = _Said(self.teacher, self.teacher, self.teacher, sentences)
        with self.precision():
            return self._own(sentences, wanted), wanted

    def _own(self, sentences: Sentences, wanted: _Said) -> _Said:
        return _Said(self.student, self.teacher, self.teacher, sentences, wanted)


class PredictorsLesson(EncoderLesson):
    """The predictors of durations, pitch and energy, on the teacher's states."""

    def trained(self) -> list[nn.Module]:
        model = self.student
        return [model.duration_predictor, model.pitch_predictor, model.energy_predictor]

    def loss(self, sentences: Sentences, random: torch.Generator) -> Tensor:
        return self._predicted(*self._said(sentences))

    @torch.no_grad()
    def distances(self, sentences: Sentences) -> dict[str, tuple[float, float]]:
        return self._told(*self._said(sentences))

    def _own(self, sentences: Sentences, wanted: _Said) -> _Said:
        return _Said(self.teacher, self.student, self.teacher, sentences, wanted)


class _Said:
    """All steps of one pass, by the encoder of one model, the predictors of another and the rest of a third.

    Where another pass is `given`, its durations, voicing, pitch and energy are followed: then the outputs of both can
    be compared step by step.
    """

    def __init__(
        self,
        encoder: FastSpeech2,
        predictors: FastSpeech2,
        rest: FastSpeech2,
        sentences: Sentences,
        given: _Said | None = None,
    ) -> None:
        s = sentences
        self.hidden, self.unit_mask = encoder.encode(s.phonemes, s.speaker)
        self.log_durations = predictors.duration_predictor(self.hidden, self.unit_mask).squeeze(2)
        self.lasting = (~rest.zero_duration[s.phonemes]).float()
        if given is None:
            self.durations = rest.round_durations(self.log_durations, s.phonemes, s.speed)
        else:
            self.durations = given.durations
        owners, counts = frame_owners(self.durations)
        frames, self.mask = rest.spread(self.hidden, self.durations, owners, counts)
        predicted = predictors.pitch_predictor(frames, self.mask)
        self.pitch = predicted[:, :, 0]
        voicing = rest.judge_voicing(predicted, s.phonemes, self.durations, owners, s.speaker)
        self.logit = voicing.sum(2)
        self.voiced: Tensor = (
            is_voiced(voicing).float() * self.mask[:, :, 0] if given is None else given.voiced
        )
        shift = torch.gather(s.pitch, 1, owners) * _SEMITONE / rest.pitch_std
        width = torch.gather(s.pitch_range, 1, owners)
        heard = self.pitch if given is None else given.pitch
        frames = rest.add_pitch(frames, (heard * width + shift) * self.voiced, self.voiced, self.mask)
        self.energy = predictors.energy_predictor(frames, self.mask).squeeze(2)
        louder = torch.gather(torch.log(s.energy), 1, owners) / rest.energy_std
        level = (self.energy if given is None else given.energy) + louder
        self.frames = frames + rest.energy_in(level[:, :, None], self.mask)
        self.rest = rest

    def mel(self) -> Tensor:
        """Log-mel [B, M, T]."""
        return self.rest.decode(self.frames, self.mask)


def mel_loss(own: Tensor, wanted: Tensor, mask: Tensor, std: Tensor) -> Tensor:
    """L1 of log-mels [B, M, T] in deviations, and of their changes from frame to frame; mask [B, T, 1]."""
    difference = (own - wanted) / std[None, :, None]
    inside = mask.transpose(1, 2)
    change = torch.diff(difference, dim=2)
    return _average(difference.abs(), inside) + _average(change.abs(), inside[:, :, 1:])


def train(
    lesson: Lesson,
    reader: Reader,
    steps: int,
    *,
    seed: int = 0,
    mixed_precision: bool = False,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Trains a lesson's student in place for `steps` steps on random sentences; see `optimize`."""
    random = torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        lesson.is_mixed = mixed_precision and step < MIXED * steps
        return lesson.loss(reader.draw(random), random)

    lesson.student.eval().requires_grad_(False)
    values = [value for module in lesson.trained() for value in module.parameters()]
    optimize(values, loss, steps, random, peak=lesson.peak, on_step=on_step, checkpoint=checkpoint)
    lesson.is_mixed = False


def distances(lesson: Lesson, reader: Reader) -> dict[str, float]:
    """Mean distances of the student from its teacher over all of the reader's sentences."""
    sums: dict[str, list[float]] = {}
    for sentences in reader.plain():
        for name, (total, count) in lesson.distances(sentences).items():
            known = sums.setdefault(name, [0.0, 0.0])
            known[0] += total
            known[1] += count
    return {name: total / max(count, 1.0) for name, (total, count) in sums.items()}


@torch.no_grad()
def _frames(model: FastSpeech2, sentences: Sentences) -> tuple[Tensor, Tensor]:
    """The decoder's input [B, T, C] and its mask [B, T, 1]."""
    frames, _, counts, _, _ = model.infer_frames(*sentences.controls())
    return frames, length_mask(counts, frames.shape[1]).to(frames.dtype)[:, :, None]


def _other_rooms(mel: Tensor, random: torch.Generator) -> Tensor:
    """A change of level, tilt and color [B, M, 1] for a third of the rows: mels from elsewhere than this model."""
    rows, bands = mel.shape[:2]
    chosen = (torch.rand((rows, 1, 1), generator=random) < 1 / 3).float()
    level = torch.rand((rows, 1, 1), generator=random) * 2.0 - 1.5
    tilt = (torch.rand((rows, 1, 1), generator=random) - 0.5) * torch.linspace(-1.0, 1.0, bands)[:, None]
    color = F.interpolate(torch.randn((rows, 1, 8), generator=random) * 0.15, bands, mode="linear")
    return chosen * (level + tilt + color.transpose(1, 2))


def _average(values: Tensor, mask: Tensor) -> Tensor:
    total, count = _sums(values, mask)
    return total / count.clamp(min=1.0)


def _mean(values: Tensor, mask: Tensor) -> tuple[float, float]:
    total, count = _sums(values, mask)
    return float(total), float(count)


def _sums(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    mask = mask.expand_as(values)
    return (values * mask).sum(), mask.sum()
