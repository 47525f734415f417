"""Compares the current run with the checkpoint it resumes from, or with the weights it starts from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kalakan.config.resolve import from_dict, to_dict
from kalakan.config.schema import AudioConfig, Settings
from kalakan.errors import TrainingError
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.tasks.contract import BatchSource
from kalakan.voices.package import load_voice, voice_folder

_LIMITS = ("training.max_minutes",)
"""Settings of a single call, not of the run."""


def facts_of(train: BatchSource, validation: BatchSource) -> dict[str, dict[str, Any]]:
    """Facts about the data that a checkpoint stores: the number of utterances and a hash of their labels."""
    return {"train": _facts(train), "validation": _facts(validation)}


def changes(
    settings: Mapping[str, Any],
    data: Mapping[str, Mapping[str, Any]],
    now: Settings,
    data_now: Mapping[str, Mapping[str, Any]],
    path: Path,
) -> list[str]:
    """Lines that name the differences from the run whose checkpoint is at `path`.

    Raises `TrainingError` for other audio settings: they change the meaning of a frame.
    """
    _check_audio(settings["audio"], now.audio, f"{path}: the run")
    before, after = dict(_flat(settings)), dict(_flat(to_dict(now)))
    lines = [
        f"goes on with {name} {after.get(name)!r}, which was {before.get(name)!r}"
        for name in after
        if name not in _LIMITS and before.get(name) != after.get(name)
    ]
    for split, facts in data_now.items():
        known = data.get(split, facts)
        if known["utterances"] != facts["utterances"]:
            lines.append(
                f"goes on with {facts['utterances']} {split} utterances, which were {known['utterances']}"
            )
        elif known["labels"] != facts["labels"]:
            lines.append(f"goes on with other transcripts, durations or lengths of the {split} utterances")
    return lines


def check_source(source: Path, audio: AudioConfig) -> None:
    """Raises `TrainingError` if a voice folder or checkpoint was trained with other audio settings."""
    source = voice_folder(source)
    if source.is_dir():
        found = to_dict(load_voice(source).manifest.audio)
    else:
        # One without settings is refused where its weights are read.
        found = load_checkpoint(source, only_look=True).get("settings", {}).get("audio", to_dict(audio))
    _check_audio(found, audio, str(source))


def _check_audio(found: Mapping[str, Any], audio: AudioConfig, place: str) -> None:
    before, after = to_dict(from_dict(AudioConfig, found)), to_dict(audio)
    for name, value in after.items():
        if before[name] != value:
            raise TrainingError(
                f"{place} was trained with audio.{name} {before[name]!r} and this is {value!r}: its frames mean "
                f"another sound; use --set audio.{name}={before[name]}, or begin without it in another folder"
            )


def _facts(source: BatchSource) -> dict[str, Any]:
    digest = hashlib.sha256()
    for item in sorted(source.utterances, key=lambda item: item.id):
        label = (item.id, item.speaker, item.units, item.tones, item.frames, item.samples)
        digest.update(repr(label).encode())
    return {"utterances": len(source.utterances), "labels": digest.hexdigest()}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
