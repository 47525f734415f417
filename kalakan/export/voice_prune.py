"""Prunes voices: applies `kalakan.export.prune` to the models of a voice folder, and trains what is left to do what the
whole voice did."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import torch

from kalakan.errors import ExportError
from kalakan.export.distill import (
    DecoderLesson,
    EncoderLesson,
    Lesson,
    PredictorsLesson,
    Reader,
    VocoderLesson,
    distances,
    train,
)
from kalakan.export.loop import Checkpoint
from kalakan.export.onnx.shared_weights import halve
from kalakan.export.prune import (
    ACOUSTIC_GROUPS,
    VOCODER_GROUPS,
    changed_settings,
    check_amount,
    cut_channels,
    zero_share,
    zero_weights,
)
from kalakan.export.training_texts import LEAST_PHRASES, LONGEST, own_texts, parted, read_sentences
from kalakan.export.voice import add_vocoder, with_acoustic
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import Voice, check_target, load_voice, save_voice
from kalakan.voices.weights import LoadedModel, float32_state, load_acoustic, load_vocoder, save_pt

METHODS = ("channels", "weights")
"""Pruning methods."""
MODELS = ("acoustic", "vocoder")
"""Models of a voice."""
PARTS = {
    "acoustic": ("encoder", "decoder"),
    "vocoder": ("vocoder",),
    "both": ("encoder", "decoder", "vocoder"),
    "encoder": ("encoder",),
    "decoder": ("decoder",),
    "predictors": ("predictors",),
}
"""Names of what can be pruned, and the groups of layers that each stands for."""
SETTINGS = {**ACOUSTIC_GROUPS, **VOCODER_GROUPS}
"""The setting with the number of channels of each group of layers."""
MOST_STEPS = 1_000_000
EXAMPLES = 48
"""Most sentences that channels are chosen on, and distances measured on."""
_CHANGES = {
    "mel_db": "mel {:.2f} to {:.2f} dB",
    "duration_frames": "durations {:.2f} to {:.2f} frames",
    "pitch_semitones": "pitch {:.2f} to {:.2f} semitones",
    "voicing_percent": "voicing {:.2f} to {:.2f} % of the frames",
    "pulses_db": "pulses {:.2f} to {:.2f} dB",
    "pulses_phase": "and {:.2f} to {:.2f} radians",
    "noise_db": "noise {:.2f} to {:.2f} dB",
}


@dataclass(frozen=True)
class Tuning:
    """How a pruned voice is trained, without recordings."""

    steps: int
    """For each group of layers; 0: not at all."""
    texts: Sequence[str] | None = None
    """Sentences; None: Kalakan's own. Every tenth is held out."""
    seed: int = 0
    mixed_precision: bool = False
    """Compute the first three quarters of the steps in bfloat16."""
    checkpoints: Path | None = None
    """Folder in which an interrupted training is continued."""
    on_step: Callable[[str, int, float], None] = lambda group, step, loss: None
    """Gets the group of layers, the step, and its loss."""


@dataclass(frozen=True)
class Change:
    """Effect of pruning on one model of a voice."""

    part: str
    """"acoustic" or "vocoder"."""
    model_type: str
    """Its type."""
    parameters: tuple[int, int]
    """Number of its parameters before and after."""
    bytes: tuple[int, int]
    """Size of its weights in 16 bits, before and after."""
    zeros: tuple[float, float]
    """Share of its weights that are zero, before and after."""
    settings: dict[str, Any]
    """Settings of section `model` required to continue training it."""
    distances: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    """By group of layers and kind: how far it is from the whole voice, before and after training, on sentences that
    were not trained on; empty without training."""

    def told(self, group: str) -> str:
        """The distances of a group in words."""
        return ", ".join(_CHANGES[kind].format(*pair) for kind, pair in self.distances[group].items())


def prune_voice(
    source: str | Path,
    target: str | Path,
    *,
    amount: float,
    method: str = "channels",
    part: str = "both",
    tuning: Tuning | None = None,
) -> list[Change]:
    """Writes the voice in `source`, pruned and with weights in 16 bits, to `target`; returns the changes of each model.

    `amount` is a share between 0 and 1, `method` "channels" or "weights", `part` one of `PARTS`. With `tuning`, each
    group of layers that lost channels is then trained to do what it did before, without recordings. Nothing is written
    before all of that is done. Raises `ExportError` for a model that cannot be pruned and for values out of range,
    `VoiceError` for a broken voice or a target in use.
    """
    tuning = tuning or Tuning(0)
    _check(method, part, tuning)
    check_amount(amount)
    voice = load_voice(source)
    groups = PARTS[part]
    names = [name for name in MODELS if any(_model_of(group) == name for group in groups)]
    models = [_load(voice, name) for name in names]
    if method == "weights":
        if part in ACOUSTIC_GROUPS:
            raise ExportError(
                f"method weights is of whole models; part {part} is none: name acoustic or vocoder"
            )
        before = [_figures(model) for model in models]
        pruned = [zero_weights(model, amount) for model in models]
        changes = [
            _change(name, model, known, {}, {})
            for name, model, known in zip(names, pruned, before, strict=True)
        ]
        _write(voice, target, names, pruned, None)
        return changes
    examples = _Examples(voice, tuning)
    check_target(target)  # fail before minutes of training
    pruned, changes = [], []
    for name, model in zip(names, models, strict=True):
        own = [group for group in groups if _model_of(group) == name]
        smaller = cut_channels(model, amount, own, examples.runner(model))
        settings = changed_settings(model, smaller)
        cut = [group for group in own if SETTINGS[group] in settings]  # a small model may lose none
        found = {group: examples.train(group, model, smaller) for group in cut} if tuning.steps else {}
        changes.append(_change(name, smaller, _figures(model), settings, found))
        pruned.append(smaller)
    done = {"part": part, "amount": amount, "steps": tuning.steps}
    _write(voice, target, names, pruned, done)
    return changes


class _Examples:
    """Sentences for the voice's own acoustic model, which makes everything that is learned from."""

    def __init__(self, voice: Voice, tuning: Tuning) -> None:
        self.voice, self.tuning = voice, tuning
        model = load_acoustic(voice)
        self.acoustic = model if isinstance(model, FastSpeech2) else None
        if self.acoustic is None:
            if tuning.steps:
                raise ExportError(
                    f"{voice.path}: its acoustic model is {voice.manifest.acoustic.type}; only FastSpeech2 makes the "
                    "examples to train on: prune without training"
                )
            return
        texts = own_texts() if tuning.texts is None else tuning.texts
        phrases = list(read_sentences(texts, voice.manifest.tones))
        if len(phrases) < LEAST_PHRASES:
            raise ExportError(
                f"the texts hold {len(phrases)} sentences of at most {LONGEST} units; give at least {LEAST_PHRASES}"
            )
        kept, held = parted(phrases)
        self.facts = {
            "voice": {name: voice.manifest.files[name] for name in voice.manifest.files if name in _WEIGHTS},
            "texts": sha256(repr(phrases).encode()).hexdigest(),
        }
        speakers, corrections = len(self.acoustic.config.speakers), voice.manifest.corrections
        self.reader = Reader(kept, speakers, corrections)
        self.known = Reader(_spread(kept), speakers, corrections)
        self.others = Reader(_spread(held), speakers, corrections)

    def runner(self, model: LoadedModel) -> Callable[[], None] | None:
        """A function that runs a model of the voice on sentences; None where there are none."""
        acoustic, module = self.acoustic, model.module
        if acoustic is None:
            return None

        @torch.no_grad()
        def run() -> None:
            heard = module if isinstance(module, FastSpeech2) else acoustic
            random = torch.Generator().manual_seed(0)
            for ids in self.known.phrases:  # one by one: padding would count as input
                one = Reader([ids], self.known.speakers, self.known.corrections).draw(random, 1)
                mel, _, _, hertz, _ = heard.infer(*one.controls())
                if isinstance(module, HarmonicNoise):
                    module.raw_filters(mel, hertz, torch.ones_like(mel[:, :1]).transpose(1, 2))

        return run

    def train(self, group: str, teacher: LoadedModel, student: LoadedModel) -> dict[str, tuple[float, float]]:
        """Trains a group of layers of the student in place; returns its distances before and after."""
        lesson = self._lesson(group, teacher, student)
        tuning, before = self.tuning, distances(lesson, self.others)
        checkpoint = None
        if tuning.checkpoints is not None:
            tuning.checkpoints.mkdir(parents=True, exist_ok=True)
            facts = {
                "sizes": student.record.config,
                "steps": tuning.steps,
                "seed": tuning.seed,
                "mixed precision": tuning.mixed_precision,
                **self.facts,
            }
            checkpoint = Checkpoint(tuning.checkpoints / f"{group}.pt", facts)
        train(
            lesson,
            self.reader,
            tuning.steps,
            seed=tuning.seed,
            mixed_precision=tuning.mixed_precision,
            on_step=lambda step, loss: tuning.on_step(group, step, loss),
            checkpoint=checkpoint,
        )
        after = distances(lesson, self.others)
        return {kind: (before[kind], after[kind]) for kind in before}

    def _lesson(self, group: str, teacher: LoadedModel, student: LoadedModel) -> Lesson:
        whole, smaller = cast(Any, teacher.module), cast(Any, student.module)
        if group == "vocoder":
            return VocoderLesson(cast(FastSpeech2, self.acoustic), whole, smaller)
        if group == "decoder":
            return DecoderLesson(whole, smaller)
        return EncoderLesson(whole, smaller) if group == "encoder" else PredictorsLesson(whole, smaller)


_WEIGHTS = ("acoustic.safetensors", "vocoder.safetensors")


def _spread(phrases: Sequence[list[int]]) -> list[list[int]]:
    """At most `EXAMPLES` phrases, evenly spread."""
    step = max(1, len(phrases) // EXAMPLES)
    return list(phrases[::step][:EXAMPLES])


def _check(method: str, part: str, tuning: Tuning) -> None:
    if method not in METHODS:
        raise ExportError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    if part not in PARTS:
        raise ExportError(f"part is {part!r}; choose one of {', '.join(PARTS)}")
    if not 0 <= tuning.steps <= MOST_STEPS:
        raise ExportError(f"steps is {tuning.steps}; it must lie between 0 and {MOST_STEPS}")
    if tuning.steps and method == "weights":
        raise ExportError(
            "method weights is not trained on, its zeros would not stay; choose method channels"
        )


def _model_of(group: str) -> str:
    return "acoustic" if group in ACOUSTIC_GROUPS else "vocoder"


def _load(voice: Voice, name: str) -> LoadedModel:
    record: ModelRecord = getattr(voice.manifest, name)
    if not voice.has(f"{name}.safetensors"):
        raise ExportError(
            f"{voice.path}: its {name} is {record.type}, which has no weights to prune; name another part"
        )
    load = load_acoustic if name == "acoustic" else load_vocoder
    return LoadedModel(load(voice), record, voice.manifest.audio)


def _figures(model: LoadedModel) -> tuple[int, int, float]:
    """Parameters, bytes in 16 bits, and share of zeros."""
    from safetensors.torch import save

    numbers = sum(value.numel() for value in model.module.state_dict().values())
    return numbers, len(save(halve(float32_state(model.module)))), zero_share(model.module)


def _change(
    name: str,
    after: LoadedModel,
    before: tuple[int, int, float],
    settings: dict[str, Any],
    found: dict[str, dict[str, tuple[float, float]]],
) -> Change:
    numbers, size, zeros = _figures(after)
    return Change(
        name,
        after.record.type,
        (before[0], numbers),
        (before[1], size),
        (before[2], zeros),
        settings,
        found,
    )


def _write(
    voice: Voice,
    target: str | Path,
    names: Iterable[str],
    models: Iterable[LoadedModel],
    done: dict[str, Any] | None,
) -> None:
    training = voice.manifest.training
    for name, model in zip(names, models, strict=True):
        if name == "acoustic":
            voice = with_acoustic(voice, model, target)
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "vocoder_model.pt")
            save_pt(path, model.module, model.record, model.audio)
            voice = add_vocoder(voice.path, path, target, half_weights=True)
    if done is not None:
        training = {**training, "pruning": [*training.get("pruning", []), done]}
        files: dict[str, bytes | Path] = {
            name: voice.file(name).read_bytes() for name in voice.manifest.files
        }
        save_voice(target, replace(voice.manifest, training=training), files)
