"""Applies the sections `acoustic`, `vocoder` and `model` of a synthesizer's settings to its two models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kalakan.config.resolve import closest, from_dict, model_settings, to_dict
from kalakan.config.schema import MODEL_SECTIONS, SPEAKING_SETTINGS, ModelConfig
from kalakan.errors import ConfigError, VoiceError
from kalakan.models import registry
from kalakan.voices.manifest import ModelRecord


class ModelSections:
    """`acoustic` and `vocoder` apply to that model; `model` applies to the first model whose settings it names."""

    def __init__(self, overrides: Mapping[str, Any]) -> None:
        names = ("model", *MODEL_SECTIONS)
        self._sections = {name: overrides[name] for name in names if overrides.get(name)}
        self._left = dict.fromkeys(self._sections)
        self._errors: list[ConfigError] = []

    def again(self) -> ModelSections:
        """The same sections, for models that are loaded again."""
        return ModelSections(self._sections)

    def untrained(self, own: ModelConfig) -> ModelConfig:
        """The settings of a model that is built without weights: its own, overridden by the sections."""
        kind = next((name for name, types in MODEL_SECTIONS.items() if isinstance(own, types)), None)
        if kind in self._sections:
            own = model_settings(self._sections[kind], own, kind)
            self._left.pop(kind, None)
        if "model" not in self._left:
            return own
        try:
            own = model_settings(self._sections["model"], own)
        except ConfigError as error:
            self._errors.append(error)
            return own
        self._left.pop("model")
        return own

    def trained(self, record: ModelRecord, source: object) -> ModelRecord:
        """The record of a model with weights from `source`, with its inference settings overridden by the sections.

        Raises `ConfigError` for a setting that would need other weights, `VoiceError` for a record of no known model.
        """
        try:
            row = registry.entry(record.type)
            if row.preset is None or not self._sections:
                return record
            own = from_dict(type(row.preset), record.config)
        except ConfigError as error:
            raise VoiceError(f"{source}: does not fit a model of this Kalakan ({error})") from error
        wanted = self.untrained(own)
        free = SPEAKING_SETTINGS.get(type(own), ())
        for name in (item.name for item in fields(own)):
            before, after = getattr(own, name), getattr(wanted, name)
            if before != after and name not in free:
                section = row.kind if name in self._sections.get(row.kind, ()) else "model"
                raise ConfigError(
                    f"{section}.{name} is {_plain(after)} and the {record.type} of {source} was trained with "
                    f"{_plain(before)}; leave it out to speak with these weights, or train others"
                )
        return record if wanted == own else ModelRecord(record.type, to_dict(wanted))

    def check_taken(self) -> None:
        """Raises `ConfigError` for a section that applies to no model: it names none of their settings."""
        if not self._left:
            return
        if self._errors:
            raise closest(self._errors)
        section = next(iter(self._left))
        name = next(iter(self._sections[section]))
        whose = "the models have" if section == "model" else f"that model ({section}) has"
        raise ConfigError(
            f"{section}.{name} is given and {whose} no settings that could be changed; leave the section "
            f"{section} out"
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
