"""The section `model` of a synthesizer's settings: which model it is for, and what it may change of trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kalakan.config.resolve import closest, from_dict, resolve, to_dict
from kalakan.config.schema import SPEAKING_SETTINGS, ModelConfig, Settings
from kalakan.errors import ConfigError
from kalakan.models import registry
from kalakan.voices.manifest import ModelRecord


class ModelSection:
    """It is of the first model offered, the acoustic model or the vocoder, whose settings it names."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._is_taken = not values
        self._errors: list[ConfigError] = []

    def untrained(self, own: ModelConfig) -> ModelConfig:
        """The settings of a model that is built without weights: its own, but for what the section says."""
        if self._is_taken:
            return own
        try:
            found = resolve({"model": self._values}, Settings(model=own)).model
        except ConfigError as error:
            self._errors.append(error)
            return own
        self._is_taken = True
        return found

    def trained(self, record: ModelRecord, source: object) -> ModelRecord:
        """The record of a model with weights, from `source`, its settings for speaking as the section says.

        Raises `ConfigError` for a setting that would need other weights.
        """
        preset = registry.entry(record.type).preset
        if preset is None or self._is_taken:
            return record
        own = from_dict(type(preset), record.config)
        wanted = self.untrained(own)
        free = SPEAKING_SETTINGS.get(type(own), ())
        for name in (item.name for item in fields(own)):
            before, after = getattr(own, name), getattr(wanted, name)
            if before != after and name not in free:
                raise ConfigError(
                    f"model.{name} is {_plain(after)} and the {record.type} of {source} was trained with "
                    f"{_plain(before)}; leave it out to speak with these weights, or train others"
                )
        return record if wanted == own else ModelRecord(record.type, to_dict(wanted))

    def check_taken(self) -> None:
        """Raises `ConfigError` for a section that neither model took: it names no setting of them."""
        if self._is_taken:
            return
        if self._errors:
            raise closest(self._errors)
        raise ConfigError(
            f"model.{next(iter(self._values))} is given and the models have no settings that could be changed; "
            "leave the section model out"
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
