"""Steers a voice: replaces a speaker's phoneme embedding with a mix of phoneme embeddings, without training.

If a voice realizes a vowel as too close or too open, a mix of its embedding and that of a vowel on the other side of
the target is realized in between. This corrects remaining training errors, or moves a voice towards another dialect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from kalakan.config.resolve import to_dict
from kalakan.errors import ExportError, UnknownPhonemeError
from kalakan.export.voice import with_acoustic
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.text.phonemes import phoneme_class, symbol_to_id
from kalakan.voices.package import Voice, load_voice
from kalakan.voices.weights import LoadedModel, load_acoustic

SOUNDS = ("vowel", "consonant", "nasal", "syllabic", "liquid", "glide")
"""Classes of the units that can be steered and mixed."""
SUM_TOLERANCE = 1e-3
"""Maximum deviation from 1 of the sum of a mix's weights."""


@dataclass(frozen=True)
class Mix:
    """Replacement of a unit."""

    unit: str
    """The unit that is steered."""
    parts: Mapping[str, float]
    """Weight of each unit in the mix; they add up to 1."""

    def __str__(self) -> str:
        return f"{self.unit}={'+'.join(f'{weight:g}*{part}' for part, weight in self.parts.items())}"


def parse_mix(text: str) -> Mix:
    """Reads `ʊ=0.9*o+0.1*u`; raises `ExportError` for anything else, unknown units, or weights that do not add up."""
    unit, equals, right = (part.strip() for part in text.partition("="))
    parts: dict[str, float] = {}
    for term in right.split("+"):
        weight, star, name = (part.strip() for part in term.partition("*"))
        try:
            value = float(weight)
        except ValueError:
            value = math.nan
        if not equals or not star or not math.isfinite(value) or name in parts:
            raise ExportError(f"{text!r} is no mix; write UNIT=WEIGHT*UNIT+WEIGHT*UNIT, as in ʊ=0.9*o+0.1*u")
        parts[name] = value
    for name in (unit, *parts):
        _check_sound(name, text)
    if abs(sum(parts.values()) - 1.0) > SUM_TOLERANCE:
        raise ExportError(f"{text!r}: the weights add up to {sum(parts.values()):g}; they must add up to 1")
    return Mix(unit, parts)


def _check_sound(name: str, text: str) -> None:
    try:
        kind = phoneme_class(symbol_to_id(name))
    except UnknownPhonemeError as error:
        raise ExportError(f"{text!r}: {error}") from error
    if kind not in SOUNDS:
        raise ExportError(f"{text!r}: {name!r} is of the class {kind}; only sounds can be mixed")


def steer_voice(
    source: str | Path, target: str | Path, mixes: Sequence[Mix], speakers: Sequence[str] = ()
) -> Voice:
    """Writes the voice in `source`, steered and with weights in 16 bits, to `target`.

    All mixes use the original embeddings, so that two vowels can be swapped. `speakers` (default: all) are changed;
    the rows of the others stay bit-identical. The changes are recorded in the manifest, under `training`.
    Raises `ExportError` for a speaker that the voice lacks, a unit that is steered twice, and a model other than
    FastSpeech2; `VoiceError` for a broken voice.
    """
    voice = load_voice(source)
    model = load_acoustic(voice)
    if not isinstance(model, FastSpeech2):
        raise ExportError(
            f"{voice.path}: its model is {voice.manifest.acoustic.type}; only FastSpeech2 is steered"
        )
    names = voice.manifest.speakers
    for name in speakers:
        if name not in names:
            raise ExportError(f"speaker {name!r} is not in this voice; choose one of {', '.join(names)}")
    units = [mix.unit for mix in mixes]
    if not units or len(set(units)) != len(units):
        raise ExportError(
            f"units to steer are {', '.join(units) or 'none'}; name at least one, and each once"
        )
    chosen = list(speakers) or list(names)
    steered = steer(model, mixes, [names.index(name) for name in chosen])
    record = replace(voice.manifest.acoustic, config=to_dict(steered.config))
    done = [
        *voice.manifest.training.get("steering", []),
        {"speakers": chosen, "mixes": [str(mix) for mix in mixes]},
    ]
    training = {**voice.manifest.training, "steering": done}
    described = Voice(voice.path, replace(voice.manifest, training=training))
    return with_acoustic(described, LoadedModel(steered, record, voice.manifest.audio), target)


def steer(model: FastSpeech2, mixes: Sequence[Mix], speakers: Sequence[int]) -> FastSpeech2:
    """The model with the rows of `mixes` replacing those of their units, for the speakers with these indices.

    Rows shared by all speakers stay in the phoneme table; speaker-specific ones are stored once, after the table.
    """
    size, count = model.config.n_phonemes, len(model.config.speakers)
    weight = model.embedding.weight.detach()
    before = model.phoneme_rows if model.steered_rows else torch.arange(size).repeat(count, 1)
    now = weight[before].clone()  # [speakers, phonemes, channels]
    for mix in mixes:
        parts = [(value, symbol_to_id(name)) for name, value in mix.parts.items()]
        for speaker in speakers:
            now[speaker, symbol_to_id(mix.unit)] = sum(
                value * weight[before[speaker, part]] for value, part in parts
            )
    table, rows = _table(weight[:size].clone(), now)
    changed = FastSpeech2(replace(model.config, steered_rows=len(table) - size))
    state = {**model.state_dict(), "embedding.weight": table, "phoneme_rows": rows}
    if not changed.steered_rows:
        del state["phoneme_rows"]
    changed.load_state_dict(state)
    return changed.eval().requires_grad_(False)


def _table(table: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """A table with every distinct row of `wanted` [S, N, C], and row indices [S, N]; its first N rows are phonemes'."""
    speakers, size, _ = wanted.shape
    rows = torch.arange(size).repeat(speakers, 1)
    extra: list[Tensor] = []
    for unit in range(size):
        if all(torch.equal(wanted[speaker, unit], wanted[0, unit]) for speaker in range(speakers)):
            table[unit] = wanted[0, unit]
            continue
        for speaker in range(speakers):
            row = wanted[speaker, unit]
            if torch.equal(row, table[unit]):
                continue
            known = next((place for place, value in enumerate(extra) if torch.equal(value, row)), len(extra))
            if known == len(extra):
                extra.append(row)
            rows[speaker, unit] = size + known
    return torch.cat([table, *(row[None] for row in extra)]), rows
