"""Trains FastSpeech2's pitch and voicing predictors on themselves, so that phrases end voiced and on the right tone.

A corpus in which last vowels are whispered, or fall out of the voice's range, teaches a model to do so. No recordings
are needed to undo this. For most frames, the targets are the model's own predictions, so that they do not change. For
the last vowel or nasal before a mark, the targets are voiced, its tone is clearly above or below the one before, and a
soft floor limits how far F0 falls.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from kalakan.export.loop import optimize
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.models.acoustic.voicing import is_voiced
from kalakan.models.layers.masking import frame_owners
from kalakan.text.framing import MARKS
from kalakan.text.phonemes import CLASSES, NUCLEUS_CLASSES, PAD, SOUND_IDS, TONE_IDS, symbol_to_id
from kalakan.voices.corrections import Corrections

SONORANT_CLASSES = NUCLEUS_CLASSES | {"nasal", "liquid", "glide"}
"""Classes of inherently voiced sounds."""
PLACE = 2 / 3
"""Relative position in a nucleus at which its F0 is compared: the tone is reached late in it."""
SOFTNESS = 0.5
"""Width in semitones of the transition of a soft limit."""
PACES = (1.0, 0.85, 1.0, 1.2)
"""Tempos for training batches, used in turn."""
SPEAKERS_PER_BATCH = 8
UNHEARD = 0.05
"""Weight of the pitch of unvoiced frames, which is inaudible."""
LAST = 3.0
"""Weight of the frames that should change."""
VOICED_LOGIT = 2.5
"""Target voicing logit of frames that should be voiced; higher values bring no benefit."""
_HIGH, _LOW = symbol_to_id("˥"), symbol_to_id("˩")
_SEMITONE = math.log(2.0) / 12.0


@dataclass(frozen=True)
class Limits:
    """Constraints on phrase endings, in semitones."""

    least_step: float = 2.5
    """Minimum distance of a high tone above a preceding low one, and of a low tone below a preceding high one."""
    lowest: float = 8.0
    """Maximum distance of the last vowel's F0 below the speaker's mean."""


@dataclass(frozen=True)
class Ending:
    """The last syllable before a mark; numbers are indices of a phrase's ids."""

    nucleus: int
    """Its vowel or syllabic nasal."""
    last: int
    """Its last sound: the nucleus, or a sonorant after it."""
    before: int | None
    """The nucleus before it, if it carries the other tone."""
    sign: int
    """1 if the last tone is the higher one, -1 if it is the lower one, 0 if the two do not differ."""


@dataclass(frozen=True)
class Outcome:
    """Phrase endings, and changes to everything else; semitones are root mean squares."""

    voiced_percent: tuple[float, float]
    """Fraction of voiced frames in last syllables, before and after."""
    tone_percent: tuple[float, float]
    """Fraction of last tones on the right side of a different preceding tone, before and after."""
    other_semitones: float
    """Change of F0 in the frames that should not change."""
    other_voicing_percent: float
    """Fraction of those frames whose voicing changed."""


@dataclass(frozen=True)
class _Targets:
    pitch: Tensor
    """Normalized ln F0 [B, T]."""
    pitch_weight: Tensor
    logit: Tensor
    """Voicing logit [B, T]."""
    is_last: Tensor
    """Frames of last syllables [B, T]."""
    mask: Tensor
    """Frames [B, T]."""


@dataclass(frozen=True)
class _Frames:
    """Inputs of the predictors, and their predictions before training."""

    hidden: Tensor
    mask: Tensor
    phonemes: Tensor
    durations: Tensor
    owners: Tensor
    speaker: Tensor


def endings_of(ids: Sequence[int]) -> list[Ending]:
    """The syllables before the marks of a phrase's ids [N] that end in a vowel or in sonorants."""
    found: list[Ending] = []
    nuclei: list[int] = []
    last = -1
    tail_is_sonorant = True
    for place, unit in enumerate(ids):
        if unit in SOUND_IDS:
            last = place
            if CLASSES[unit] in NUCLEUS_CLASSES:
                nuclei.append(place)
                tail_is_sonorant = True
            else:
                tail_is_sonorant = tail_is_sonorant and CLASSES[unit] in SONORANT_CLASSES
        elif (
            unit in MARKS and nuclei and tail_is_sonorant and not (found and found[-1].nucleus == nuclei[-1])
        ):
            found.append(_ending(ids, nuclei, last))
    return found


def _ending(ids: Sequence[int], nuclei: Sequence[int], last: int) -> Ending:
    nucleus = nuclei[-1]
    if len(nuclei) > 1:
        own, other = _tone(ids, nucleus), _tone(ids, nuclei[-2])
        if {own, other} == {_HIGH, _LOW}:
            return Ending(nucleus, last, nuclei[-2], 1 if own == _HIGH else -1)
    return Ending(nucleus, last, None, 0)


def _tone(ids: Sequence[int], nucleus: int) -> int | None:
    after = ids[nucleus + 1] if nucleus + 1 < len(ids) else None
    return after if after in TONE_IDS else None


def soft_floor(values: Tensor, lowest: Tensor | float) -> Tensor:
    """Values that are never below `lowest`: smooth, increasing, and equal to `values` far above it."""
    return lowest + SOFTNESS * F.softplus((values - lowest) / SOFTNESS)


class EndingsTrainer:
    """Trains the predictors of a model in place; `before` keeps the original model."""

    def __init__(self, model: FastSpeech2, corrections: Corrections, limits: Limits) -> None:
        self.model = model.eval().requires_grad_(False)
        self.before = copy.deepcopy(model)
        self.corrections = corrections
        self.limits = limits

    def train(
        self, phrases: Sequence[Sequence[int]], steps: int, seed: int, on_step: Callable[[int, float], None]
    ) -> None:
        """Trains `steps` steps on random phrases of ids, with every speaker in turn; `on_step` gets the step and its
        loss."""
        random = torch.Generator().manual_seed(seed)
        trained = [
            value
            for part in (self.model.pitch_predictor, self.model.local_voicing)
            if part is not None
            for value in part.parameters()
        ]
        speakers = len(self.model.config.speakers)

        def loss(step: int) -> Tensor:
            chosen = torch.randint(len(phrases), (SPEAKERS_PER_BATCH,), generator=random).tolist()
            voices = [(step * SPEAKERS_PER_BATCH + row) % speakers for row in range(SPEAKERS_PER_BATCH)]
            frames, targets = self._examples(
                [phrases[number] for number in chosen], voices, PACES[step % len(PACES)]
            )
            return _loss(*_predict(self.model, frames), targets)

        optimize(trained, loss, steps, random, on_step=on_step)
        self.model.requires_grad_(False)

    @torch.no_grad()
    def outcome(self, phrases: Sequence[Sequence[int]]) -> Outcome:
        """Compares the model with the one before, on phrases of ids with every speaker."""
        ends, ends_voiced, tones, tones_right = 0.0, [0.0, 0.0], 0, [0, 0]
        both, squares, others, flipped = 0.0, 0.0, 0.0, 0.0
        for ids in phrases:
            speakers = list(range(len(self.model.config.speakers)))
            frames, targets = self._examples([ids] * len(speakers), speakers, 1.0)
            said = [_predict(model, frames) for model in (self.before, self.model)]
            voiced = [is_voiced(logit[:, :, None]) for _, logit in said]
            ends += float(targets.is_last.sum())
            for number in range(2):
                ends_voiced[number] += float((voiced[number] * targets.is_last).sum())
                heard = self._heard(said[number][0], frames, [ids] * len(speakers))
                for ending in endings_of(ids):
                    if ending.before is not None:
                        steps = ending.sign * _step(heard, frames, ending)
                        is_heard = _at(voiced[number].float(), frames, ending.nucleus) > 0
                        tones_right[number] += int(((steps > 0) & is_heard).sum())
                        tones += len(speakers) if number == 0 else 0
            other = targets.mask * (1 - targets.is_last)
            shared = other * voiced[0] * voiced[1]
            change = (said[1][0] - said[0][0]) * self.model.pitch_std / _SEMITONE
            both += float(shared.sum())
            squares += float((change.square() * shared).sum())
            others += float(other.sum())
            flipped += float(((voiced[0] != voiced[1]) * other).sum())
        return Outcome(
            (100 * ends_voiced[0] / max(ends, 1.0), 100 * ends_voiced[1] / max(ends, 1.0)),
            (100 * tones_right[0] / max(tones, 1), 100 * tones_right[1] / max(tones, 1)),
            math.sqrt(squares / max(both, 1.0)),
            100 * flipped / max(others, 1.0),
        )

    @torch.no_grad()
    def _examples(
        self, phrases: Sequence[Sequence[int]], speakers: Sequence[int], pace: float
    ) -> tuple[_Frames, _Targets]:
        """The frames of phrases with each speaker's durations, and the predictors' targets for them."""
        model = self.before
        longest = max(map(len, phrases))
        phonemes = torch.tensor([[*ids, *[PAD] * (longest - len(ids))] for ids in phrases])
        speaker = torch.tensor(speakers)
        speed = pace / self._by_unit(phrases, longest, self.corrections.factors, 1.0)
        hidden, mask = model.encode(phonemes, speaker)
        durations = model.round_durations(model.duration_predictor(hidden, mask).squeeze(2), phonemes, speed)
        owners, counts = frame_owners(durations)
        spread, frame_mask = model.spread(hidden, durations, owners, counts)
        frames = _Frames(spread, frame_mask, phonemes, durations, owners, speaker)
        return frames, self._targets(frames, phrases)

    def _targets(self, frames: _Frames, phrases: Sequence[Sequence[int]]) -> _Targets:
        pitch, logit = _predict(self.before, frames)
        mask = frames.mask.squeeze(2)
        voiced = is_voiced(logit[:, :, None]).float()
        is_last = torch.zeros_like(mask)
        heard = self._heard(pitch, frames, phrases)
        wanted = heard.clone()
        lowest = -self.limits.lowest
        for row, ids in enumerate(phrases):
            for ending in endings_of(ids):
                inside = (frames.owners[row] >= ending.nucleus) & (frames.owners[row] <= ending.last)
                inside &= mask[row] > 0
                is_last[row, inside] = 1.0
                curve = wanted[row, inside]
                if ending.before is not None:
                    step = ending.sign * _step(heard[row : row + 1], _row(frames, row), ending)[0]
                    curve = curve + ending.sign * (soft_floor(step, self.limits.least_step) - step)
                wanted[row, inside] = soft_floor(curve, lowest)
        target = self._said(wanted, frames, phrases)
        weight = mask * (voiced + (1 - voiced) * UNHEARD) * (1 - is_last) + LAST * is_last
        said = torch.where(is_last > 0, logit.clamp(min=VOICED_LOGIT), logit)
        return _Targets(target, weight, said, is_last, mask)

    def _heard(self, pitch: Tensor, frames: _Frames, phrases: Sequence[Sequence[int]]) -> Tensor:
        """Semitones [B, T] above the speaker's mean, corrected, of normalized ln F0 [B, T]."""
        width = self.corrections.pitch_range
        return pitch * self.model.pitch_std * width / _SEMITONE + self._shift(frames, phrases)

    def _said(self, heard: Tensor, frames: _Frames, phrases: Sequence[Sequence[int]]) -> Tensor:
        """The inverse of `_heard`."""
        width = self.corrections.pitch_range
        return (heard - self._shift(frames, phrases)) * _SEMITONE / (width * self.model.pitch_std)

    def _shift(self, frames: _Frames, phrases: Sequence[Sequence[int]]) -> Tensor:
        units = self._by_unit(phrases, frames.phonemes.shape[1], self.corrections.semitones, 0.0)
        return torch.gather(units, 1, frames.owners)

    @staticmethod
    def _by_unit(
        phrases: Sequence[Sequence[int]],
        longest: int,
        of: Callable[[Sequence[int]], list[float]],
        padding: float,
    ) -> Tensor:
        return torch.tensor([[*of(ids), *[padding] * (longest - len(ids))] for ids in phrases])


def _predict(model: FastSpeech2, frames: _Frames) -> tuple[Tensor, Tensor]:
    """Normalized ln F0 and the sum of all voicing logits, each [B, T]."""
    predicted = model.pitch_predictor(frames.hidden, frames.mask)
    voicing = model.judge_voicing(predicted, frames.phonemes, frames.durations, frames.owners, frames.speaker)
    return predicted[:, :, 0], voicing.sum(2)


def _loss(pitch: Tensor, logit: Tensor, targets: _Targets) -> Tensor:
    """Squared pitch error and voicing cross-entropy, both minimal at the targets."""
    of_pitch = (pitch - targets.pitch).square() * targets.pitch_weight
    weight = targets.mask * (1 + (LAST - 1) * targets.is_last)
    of_voicing = (
        F.binary_cross_entropy_with_logits(logit, torch.sigmoid(targets.logit), reduction="none") * weight
    )
    return of_pitch.sum() / targets.pitch_weight.sum() + of_voicing.sum() / weight.sum()


def _step(heard: Tensor, frames: _Frames, ending: Ending) -> Tensor:
    """Semitones [B] from the nucleus before to the last one."""
    assert ending.before is not None, "there is no step without two tones"
    return _at(heard, frames, ending.nucleus) - _at(heard, frames, ending.before)


def _at(values: Tensor, frames: _Frames, unit: int) -> Tensor:
    """Values [B] of the frames at `PLACE` of a unit, taken from values [B, T]."""
    ends = torch.cumsum(frames.durations, dim=1)[:, unit]
    lengths = frames.durations[:, unit]
    place = ends - lengths + (lengths * PLACE).long()
    return torch.gather(values, 1, place[:, None]).squeeze(1)


def _row(frames: _Frames, row: int) -> _Frames:
    one = slice(row, row + 1)
    return _Frames(
        frames.hidden[one],
        frames.mask[one],
        frames.phonemes[one],
        frames.durations[one],
        frames.owners[one],
        frames.speaker[one],
    )
