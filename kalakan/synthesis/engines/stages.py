"""The acoustic and vocoder stages, which call each engine's models.

Text becomes phrases (`kalakan.synthesis.reading`), phrases an `AcousticBatch` of plain numpy arrays; the acoustic
stage predicts `Acoustics` from it, and the vocoder stage generates samples from those. A stage holds its model but no
request state: it can be called on its own, in any thread, and concurrently.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.loudness import amplitudes, envelope, soft_limit, vocode_unclipped
from kalakan.errors import AudioError, ConfigError, SynthesisError
from kalakan.models.interfaces import (
    DurationAcousticModel,
    WindowedAcousticModel,
    WindowedVocoder,
    takes_f0,
)
from kalakan.synthesis.engines.acoustics import AcousticBatch, Acoustics, Samples
from kalakan.synthesis.options import CONTROLS, DEFAULTS, SpeakOptions, speaker_shares, within
from kalakan.synthesis.reading.phrases import Phrase
from kalakan.synthesis.script import Prosody
from kalakan.text.phonemes import PAD
from kalakan.voices.corrections import EVEN, Corrections, Levels

NOT_FINITE = "the vocoder generated samples that are not finite; its weights are broken"


class AcousticStage(ABC):
    """Predicts acoustics from phoneme ids with one acoustic model."""

    def __init__(self, model: Any, corrections: Corrections | None = None) -> None:
        """Checks the model's capabilities once: see `kalakan.models.interfaces`. `corrections` are those of its
        voice."""
        self.model = model
        self.corrections = corrections or Corrections()
        can_window = isinstance(model, WindowedAcousticModel) and model.context_frames is not None
        self.windowed: WindowedAcousticModel | None = model if can_window else None
        self.takes_durations = isinstance(model, DurationAcousticModel) and model.takes_durations

    @abstractmethod
    def replaced(self, model: Any) -> AcousticStage:
        """The same stage with another model that implements `kalakan.models.interfaces.AcousticModel`; it keeps the
        corrections only for a model from the same file."""

    def predict(self, batch: AcousticBatch) -> list[Acoustics]:
        """Acoustics of each phrase of a batch; raises `SynthesisError` for a control that the model does not take."""
        if batch.durations is not None and not self.takes_durations:
            raise SynthesisError("this acoustic model takes no given durations; leave them to it")
        found = self.run(_corrected(batch, self.corrections))
        if batch.volume is None:
            return found
        return [
            replace(item, gain=amplitudes(decibels, item.durations))
            for item, decibels in zip(found, batch.volume, strict=True)
        ]

    @abstractmethod
    def run(self, batch: AcousticBatch) -> list[Acoustics]:
        """Like `predict`, for a batch that is already corrected, with controls that the model supports."""

    def corrections_for(self, model: Any) -> Corrections | None:
        """The corrections if `model` is this stage's or comes from the same file, otherwise None."""
        path = getattr(self.model, "path", None)
        is_same = model is self.model or (path is not None and getattr(model, "path", None) == path)
        return self.corrections if is_same else None

    @abstractmethod
    def decode(self, hidden: Any) -> Any:
        """Log-mel [1, M, W] of a window [1, W, C] of `Acoustics.hidden`; at each end of the window, except the ends
        of the phrase, `windowed.context_frames` frames lack their neighbors."""

    def mel(self, acoustics: Acoustics) -> Any:
        """Log-mel [1, M, T] of a whole phrase, decoded if necessary."""
        return self.decode(acoustics.hidden) if acoustics.mel is None else acoustics.mel

    @abstractmethod
    def join(self, mels: Sequence[Any]) -> Any:
        """Log-mels [1, M, T_i] concatenated to [1, M, sum T_i]."""


class VocoderStage:
    """Generates samples from a log-mel with one vocoder that takes numpy arrays."""

    def __init__(self, model: Any) -> None:
        """Checks the model's capabilities once: see `kalakan.models.interfaces`."""
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
        """Frames at each end of a window that the vocoder cannot complete; None if it needs whole phrases, as a vocoder
        that estimates F0 from the mel does."""
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
            samples = samples * envelope(acoustics.gain, first_frame, len(samples), self.hop_length)
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
    """A matching acoustic and vocoder stage; with numpy arrays, on the CPU. Thread-safe."""

    name = "onnx"
    """"onnx" or "torch"."""

    def __init__(
        self,
        acoustic: AcousticStage,
        vocoder: VocoderStage,
        speakers: tuple[str, ...],
        levels: Levels = EVEN,
    ) -> None:
        """`speakers` are in the order of their rows."""
        self.acoustic = acoustic
        self.vocoder = vocoder
        self.speakers = speakers
        self.levels = levels
        """Gains that keep a speaker's level constant."""

    @property
    def runs_batches(self) -> bool:
        """Whether batches of phrases are faster than single phrases.

        They are on a GPU. On a CPU padding costs more than it saves (8 sentences of 1 to 8 s: 6 % slower; 32: 2 to 3
        times), and a phrase run alone gives the same bits whatever else is synthesized.
        """
        return False

    def copied_to(self, device: str) -> Engine:
        """The engine with copies of its models on another device; here the same models, which any thread can run."""
        if device != "cpu":
            raise ConfigError(f"device is {device!r} and the onnx engine runs on the CPU; use engine='torch'")
        return Engine(self.acoustic, self.vocoder, self.speakers, self.levels)

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


def controls(batch: AcousticBatch) -> dict[str, NDArray[Any]]:
    """The given arrays of a batch, except ids and lengths, by their names in `AcousticModel.inference`."""
    names = ("speaker", "speed", "pitch", "pitch_range", "durations")
    return {name: value for name in names if (value := getattr(batch, name)) is not None}


def limited(samples: Samples) -> Samples:
    """Samples limited to [-1, 1]; raises `SynthesisError` if any is not finite."""
    try:
        return soft_limit(samples)
    except AudioError as error:
        raise SynthesisError(NOT_FINITE) from error


def acoustic_batch(
    phrases: Sequence[Phrase], options: SpeakOptions, speakers: Sequence[str], levels: Levels = EVEN
) -> AcousticBatch:
    """A batch of phrases with the controls that differ from the defaults.

    A control is [B, N] where markup sets it for parts of a phrase, else [B, 1]. The combined
    value of request and markup is clamped to the control's limits; `levels` are added to the volume.
    """
    lengths = np.array([len(phrase.ids) for phrase in phrases], np.int64)
    ids = np.full((len(phrases), int(lengths.max())), PAD, np.int64)
    for row, phrase in enumerate(phrases):
        ids[row, : len(phrase.ids)] = phrase.ids
    default = options.speaker or speakers[0]
    shares = [speaker_shares(phrase.speaker or default, speakers) for phrase in phrases]
    given: dict[str, Any] = {"speaker": _rows(shares, speakers)}
    bases = {name: getattr(options, name) for name, control in CONTROLS.items() if control.markup}
    bases["volume"] += 20.0 * math.log10(options.energy)
    kinds, places = _prosody(phrases)
    for name, base in bases.items():
        given[name] = _control_array(name, len(phrases), kinds, places, base)
    given["volume"] = _leveled(given, phrases, shares, levels)
    return AcousticBatch(ids, lengths, **given)


def _rows(
    shares: Sequence[Mapping[str, float]], speakers: Sequence[str]
) -> NDArray[np.int64] | NDArray[np.float32] | None:
    """See `AcousticBatch.speaker`; None if all phrases have the first speaker."""
    if all(len(own) == 1 for own in shares):
        rows = np.array([list(speakers).index(name) for own in shares for name in own], np.int64)
        return rows if rows.any() else None
    return np.array([[own.get(name, 0.0) for name in speakers] for own in shares], np.float32)


def _corrected(batch: AcousticBatch, corrections: Corrections) -> AcousticBatch:
    """The batch with the corrections of a voice on top of its controls."""
    one = np.ones((len(batch.ids), 1), np.float32)
    width = one if batch.pitch_range is None else batch.pitch_range
    if corrections.moves_pitch:
        shift = width * _by_unit(batch, corrections.semitones, 0.0)
        batch = replace(batch, pitch=shift if batch.pitch is None else batch.pitch + shift)
    if corrections.pitch_range != 1.0:
        batch = replace(batch, pitch_range=width * np.float32(corrections.pitch_range))
    if corrections.durations and batch.durations is None:
        speed = one if batch.speed is None else batch.speed
        batch = replace(batch, speed=speed / _by_unit(batch, corrections.factors, 1.0))
    return batch


def _by_unit(
    batch: AcousticBatch, of: Callable[[Sequence[int]], list[float]], padding: float
) -> NDArray[np.float32]:
    """Values [B, N] of a function of the ids of a phrase."""
    found = np.full(batch.ids.shape, padding, np.float32)
    for row, length in enumerate(batch.lengths.tolist()):
        found[row, :length] = of(batch.ids[row, :length].tolist())
    return found


def _prosody(phrases: Sequence[Phrase]) -> tuple[list[Prosody], list[NDArray[np.intp]]]:
    """The distinct prosodies of phrases, and for each phrase the index of each id's prosody, [N]; empty if all ids
    share one. Ids of a stretch share one object, so values are not compared id by id."""
    found: dict[int, Prosody] = {}
    for phrase in phrases:
        found.update(zip(map(id, phrase.prosody), phrase.prosody, strict=True))
    if len(found) == 1:
        return list(found.values()), []
    place = {key: number for number, key in enumerate(found)}.__getitem__
    return list(found.values()), [
        np.fromiter(map(place, map(id, phrase.prosody)), np.intp, len(phrase.prosody)) for phrase in phrases
    ]


def _control_array(
    name: str, count: int, kinds: Sequence[Prosody], places: Sequence[NDArray[np.intp]], base: float
) -> NDArray[np.float32] | None:
    adds, default = CONTROLS[name].markup == "add", DEFAULTS[name]
    owns = [getattr(kind, name) for kind in kinds]
    values = [within(name, base + own if adds else base * own) for own in owns]
    if len(set(values)) == 1:
        return None if values[0] == default else np.full((count, 1), values[0], np.float32)
    given = np.full((count, max(map(len, places))), default, np.float32)
    table = np.array(values, np.float32)
    for row, place in enumerate(places):
        given[row, : len(place)] = table[place]
    return given


def _leveled(
    given: Mapping[str, Any],
    phrases: Sequence[Phrase],
    shares: Sequence[Mapping[str, float]],
    levels: Levels,
) -> NDArray[np.float32] | None:
    """The volume [B, 1] or [B, N], with the gains that keep each phrase's level; None for no gain."""
    volume: NDArray[np.float32] | None = given["volume"]
    if not levels.curves:
        return volume
    total = np.zeros((len(phrases), 1), np.float32) if volume is None else volume
    for quantity in ("pitch", "speed"):
        values = given[quantity]
        if values is not None:
            gains = [_gains(levels, own, quantity, row) for own, row in zip(shares, values, strict=True)]
            total = total + np.array(gains, np.float32)
    by_length = [
        levels.mean_gain(own, "sounds", phrase.sounds) for own, phrase in zip(shares, phrases, strict=True)
    ]
    total = total + np.array(by_length, np.float32)[:, None]
    return total if total.any() else None


def _gains(
    levels: Levels, shares: Mapping[str, float], quantity: str, values: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Gains in decibels [N] at values [N] of a quantity."""
    distinct, places = np.unique(values, return_inverse=True)
    return np.array([levels.mean_gain(shares, quantity, value) for value in distinct.tolist()])[places]
