"""The acoustic and vocoder stages: what passes between them, and how each engine's models are called.

Text becomes phrases (`kalakan.synthesis.reading`), phrases an `AcousticBatch` of plain numpy arrays; the acoustic
stage predicts `Acoustics` from it, and the vocoder stage generates samples from those. A stage holds its model and no
state of a request: it may be called on its own, in any thread, and concurrently.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.loudness import soft_limit, vocode_unclipped
from kalakan.errors import AudioError, SynthesisError
from kalakan.models.interfaces import (
    DurationAcousticModel,
    WindowedAcousticModel,
    WindowedVocoder,
    takes_f0,
)
from kalakan.synthesis.options import CONTROLS, DEFAULTS, SpeakOptions, speaker_row, within
from kalakan.synthesis.reading.phrases import Phrase
from kalakan.text.phonemes import PAD

Samples = NDArray[np.float32]
"""Audio [S] in [-1, 1]."""


@dataclass(frozen=True, eq=False)
class AcousticBatch:
    """Input of an acoustic stage: a batch of phrases. None leaves a control at the model's default."""

    ids: NDArray[np.int64]
    """Phoneme ids [B, N], padded with 0."""
    lengths: NDArray[np.int64]
    """Ids of each phrase [B]."""
    speaker: NDArray[np.int64] | None = None
    """Row of each phrase's speaker [B]."""
    speed: NDArray[np.float32] | None = None
    """Factor of the tempo, [B, 1], or [B, N] for each id."""
    pitch: NDArray[np.float32] | None = None
    """Shift in semitones, in the same shapes."""
    volume: NDArray[np.float32] | None = None
    """Gain in decibels, in the same shapes; no model reads it, the vocoder stage applies it."""
    durations: NDArray[np.int64] | None = None
    """Frames [B, N] to use in place of predicted ones."""

    def controls(self) -> dict[str, NDArray[Any]]:
        """The arrays that are given besides ids and lengths, by their names in `AcousticModel.inference`."""
        names = ("speaker", "speed", "pitch", "durations")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, eq=False)
class Acoustics:
    """Output of an acoustic stage for one phrase. Arrays are numpy's or torch's, depending on the engine."""

    frames: int
    """Its length T."""
    mel: Any
    """Log-mel [1, M, T]; None if it is decoded window by window."""
    hidden: Any
    """Input [1, T, C] of `AcousticStage.decode`; None if the mel is decoded already."""
    f0: Any
    """F0 [1, T] in Hz, 0 where unvoiced; None for a model that does not predict it."""
    durations: NDArray[np.int64] | None
    """Frames of each id [N]; None for a model without durations."""
    gain: NDArray[np.float32] | None = None
    """Factor of the amplitude, [1] for the whole phrase or [T] for each frame; None for 1."""


class AcousticStage(ABC):
    """Phoneme ids to acoustics, by one acoustic model."""

    def __init__(self, model: Any) -> None:
        """Inspects the model's capabilities once: see `kalakan.models.interfaces`."""
        self.model = model
        can_window = isinstance(model, WindowedAcousticModel) and model.context_frames is not None
        self.windowed: WindowedAcousticModel | None = model if can_window else None
        self.takes_durations = isinstance(model, DurationAcousticModel) and model.takes_durations

    @abstractmethod
    def replaced(self, model: Any) -> AcousticStage:
        """The same stage with another model that implements `kalakan.models.interfaces.AcousticModel`."""

    def predict(self, batch: AcousticBatch) -> list[Acoustics]:
        """Acoustics of each phrase of a batch; raises `SynthesisError` for a control that the model does not take."""
        if batch.durations is not None and not self.takes_durations:
            raise SynthesisError("this acoustic model takes no given durations; leave them to it")
        found = self.run(batch)
        if batch.volume is None:
            return found
        return [
            replace(item, gain=_gain(decibels, item.durations))
            for item, decibels in zip(found, batch.volume, strict=True)
        ]

    @abstractmethod
    def run(self, batch: AcousticBatch) -> list[Acoustics]:
        """As `predict`, for a batch whose controls the model supports."""

    @abstractmethod
    def decode(self, hidden: Any) -> Any:
        """Log-mel [1, M, W] of a window [1, W, C] of `Acoustics.hidden`; at each end of the window, except the ends
        of the phrase, `windowed.context_frames` frames lack their neighbors."""

    def mel(self, acoustics: Acoustics) -> Any:
        """Log-mel [1, M, T] of a whole phrase, decoded where it is not there yet."""
        return self.decode(acoustics.hidden) if acoustics.mel is None else acoustics.mel

    @abstractmethod
    def join(self, mels: Sequence[Any]) -> Any:
        """Log-mels [1, M, T_i] one after the other, [1, M, sum T_i]."""


class VocoderStage:
    """Log-mel to samples, by one vocoder with numpy arrays."""

    def __init__(self, model: Any) -> None:
        """Inspects the model's capabilities once: see `kalakan.models.interfaces`."""
        self.model = model
        self._windowed: WindowedVocoder | None = model if isinstance(model, WindowedVocoder) else None
        self._takes_f0 = takes_f0(model)

    def replaced(self, model: Any) -> VocoderStage:
        """The same stage with another model that implements `kalakan.models.interfaces.Vocoder`."""
        return VocoderStage(model)

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return int(self.model.sample_rate)

    @property
    def hop_length(self) -> int:
        """Samples per frame."""
        return int(self.model.hop_length)

    def context_frames(self, acoustics: Acoustics) -> int | None:
        """Frames at each end of a window that the vocoder cannot complete; None if it needs whole phrases: one that
        has to estimate F0 from the mel needs all of it."""
        if self._windowed is None or (self._takes_f0 and acoustics.f0 is None):
            return None
        return self._windowed.context_frames

    def generate(self, mel: Any, acoustics: Acoustics, first_frame: int, seed: int) -> Samples:
        """Samples [W * hop_length] of a window of a phrase, limited to [-1, 1].

        `mel` [1, M, W] is the log-mel of its frames from `first_frame` on. Raises `SynthesisError` for samples that
        are not finite.
        """
        samples = self.to_host(self.waveform(mel, acoustics.f0, first_frame, seed))
        return self.finished(samples, acoustics, first_frame)

    def finished(self, samples: Samples, acoustics: Acoustics, first_frame: int) -> Samples:
        """The output of `generate`, computed from the output of `waveform`."""
        if acoustics.gain is not None:
            samples = samples * _envelope(acoustics.gain, first_frame, len(samples), self.hop_length)
        return limited(samples)

    def to_host(self, waveform: Any) -> Samples:
        """A waveform as a numpy array."""
        return np.asarray(waveform, np.float32)

    def waveform(self, mel: Any, f0: Any, first_frame: int, seed: int) -> Any:
        """Samples [W * hop_length] as the model generates them, which may exceed [-1, 1]; `f0` [1, T] is the whole
        phrase's, or None."""
        given = f0 if self._takes_f0 else None
        if self._windowed is not None:
            return self._windowed.render(mel, given, first_frame, seed)[0]
        more = () if given is None else (given,)
        return vocode_unclipped(self.model.inference, mel, *more)


class Engine:
    """A matching acoustic and vocoder stage; with numpy arrays, on the CPU.

    One instance may serve many threads.
    """

    name = "onnx"
    """"onnx" or "torch"."""

    def __init__(self, acoustic: AcousticStage, vocoder: VocoderStage, speakers: tuple[str, ...]) -> None:
        """`speakers` are in the order of their rows."""
        self.acoustic = acoustic
        self.vocoder = vocoder
        self.speakers = speakers

    @property
    def runs_batches(self) -> bool:
        """Whether batches of phrases are faster than single phrases.

        They are on a GPU. On a CPU padding costs more than it saves (8 sentences of 1 to 8 s: 6 % slower; 32: 2 to 3
        times), and a phrase run alone gives the same bits whatever else is synthesized.
        """
        return False

    def whole(self, acoustics: Acoustics, seed: int) -> Samples:
        """Samples [T * hop_length] of a phrase."""
        return self.vocoder.generate(self.acoustic.mel(acoustics), acoustics, 0, seed)

    def generate(
        self, batches: Iterable[AcousticBatch], seed: int
    ) -> Iterator[list[tuple[Acoustics, Samples]]]:
        """Acoustics and samples of each phrase, batch by batch; may read a batch before yielding the previous one."""
        for batch in batches:
            yield [(item, self.whole(item, seed)) for item in self.acoustic.predict(batch)]

    def to_audio(self, samples: Samples) -> Any:
        """Samples [S] as the engine's kind of array."""
        return samples


def limited(samples: Samples) -> Samples:
    """Samples limited to [-1, 1]; raises `SynthesisError` for some that are not finite."""
    try:
        return soft_limit(samples)
    except AudioError as error:
        raise SynthesisError(
            "the vocoder generated samples that are not finite; its weights are broken"
        ) from error


def acoustic_batch(
    phrases: Sequence[Phrase], options: SpeakOptions, speakers: Sequence[str]
) -> AcousticBatch:
    """A batch of phrases with the controls that differ from the defaults.

    A control is [B, N] where markup sets it for parts of a phrase, else [B, 1]. The combined
    value of request and markup is clamped to the control's limits.
    """
    lengths = np.array([len(phrase.ids) for phrase in phrases], np.int64)
    ids = np.full((len(phrases), int(lengths.max())), PAD, np.int64)
    for row, phrase in enumerate(phrases):
        ids[row, : len(phrase.ids)] = phrase.ids
    names = [phrase.speaker or options.speaker or speakers[0] for phrase in phrases]
    rows = [speaker_row(name, speakers) for name in names]
    given: dict[str, Any] = {"speaker": np.array(rows, np.int64)} if any(rows) else {}
    bases = {name: getattr(options, name) for name, control in CONTROLS.items() if control.markup}
    bases["volume"] += 20.0 * math.log10(options.energy)
    for name, base in bases.items():
        given[name] = _control_array(name, CONTROLS[name].markup, phrases, base)
    return AcousticBatch(ids, lengths, **given)


def _control_array(
    name: str, markup: str, phrases: Sequence[Phrase], base: float
) -> NDArray[np.float32] | None:
    def value(own: float) -> float:
        return within(name, base + own if markup == "add" else base * own)

    values = [[value(getattr(item, name)) for item in phrase.prosody] for phrase in phrases]
    distinct = {number for row in values for number in row}
    default = DEFAULTS[name]
    if len(distinct) == 1:
        return None if distinct == {default} else np.full((len(phrases), 1), distinct.pop(), np.float32)
    given = np.full((len(phrases), max(map(len, values))), default, np.float32)
    for place, row in enumerate(values):
        given[place, : len(row)] = row
    return given


def _gain(decibels: NDArray[np.float32], durations: NDArray[np.int64] | None) -> NDArray[np.float32]:
    """Factor of the amplitude, [1] or [T], of a volume that is [1] or [N]."""
    factors: NDArray[np.float32] = 10.0 ** (decibels / np.float32(20.0))
    if len(factors) == 1:
        return factors
    if durations is None:
        raise SynthesisError(
            "this acoustic model does not say how long its phonemes last; set one volume for the whole text"
        )
    return np.repeat(factors[: len(durations)], durations)


def _envelope(
    gain: NDArray[np.float32], first_frame: int, samples: int, hop_length: int
) -> NDArray[np.float32]:
    """Factor of each sample from a frame on: frames' gains joined by straight lines between their centers, so that a
    change makes no click, and the same in a window as in the whole."""
    if len(gain) == 1:
        return gain
    centers = (np.arange(len(gain)) + 0.5) * hop_length
    places = first_frame * hop_length + np.arange(samples)
    return np.interp(places, centers, gain).astype(np.float32)
