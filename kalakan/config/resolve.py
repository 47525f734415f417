"""Resolves overrides (dict, YAML, `Config`) to frozen settings; strict, and errors name the key at fault."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from numbers import Integral, Real
from typing import Any, TypeVar, cast

from kalakan.config.rules import require, shown
from kalakan.config.schema import MODEL_CONFIGS, MODEL_SECTIONS, ModelConfig, Settings
from kalakan.errors import ConfigError

T = TypeVar("T")
MOST = 10**15
"""Largest absolute value of any number in the settings; a larger one is a typo, infinity included."""
_KINDS = {str: " of strings", int: " of whole numbers"}


def resolve(overrides: Mapping[str, Any], preset: Settings | None = None) -> Settings:
    """Settings of `preset` (or the defaults) with `overrides` applied.

    Raises `ConfigError` for an unknown section or key, a value of the wrong type, or one out of range, and for the
    sections of a synthesizer's models, which `model_settings` resolves.
    """
    for section in MODEL_SECTIONS:
        if isinstance(overrides, Mapping) and section in overrides:
            raise ConfigError(
                f"section {section} is one of a synthesizer's two models; the model that is trained has section model"
            )
    return _apply(preset or Settings(), overrides, "")


def model_settings(values: Mapping[str, Any], own: ModelConfig, section: str = "model") -> ModelConfig:
    """A model's settings `own` with the `values` of a section; raises `ConfigError`, which names the section."""
    try:
        return _apply(Settings(model=own), {"model": values}, "").model
    except UnknownSettingError as error:
        raise UnknownSettingError(_renamed(error, section), error.has_advice) from error
    except ConfigError as error:
        raise ConfigError(_renamed(error, section)) from error


def without_models(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The sections that apply to models of every type."""
    return {name: values for name, values in overrides.items() if name not in ("model", *MODEL_SECTIONS)}


def check(overrides: Mapping[str, Any]) -> None:
    """Raises `ConfigError` unless `overrides` are valid for some model type; the type is known only later."""
    resolve(without_models(overrides) if isinstance(overrides, Mapping) else overrides)
    for section, kinds in {"model": MODEL_CONFIGS, **MODEL_SECTIONS}.items():
        errors: list[ConfigError] = []
        for kind in kinds if section in overrides else ():
            try:
                model_settings(overrides[section], kind(), section)
            except ConfigError as error:
                errors.append(error)
        if errors and len(errors) == len(kinds):
            raise closest(errors)


def _renamed(error: ConfigError, section: str) -> str:
    """Rewrites an error message of section `model` for a section of another name."""
    return str(error) if section == "model" else re.sub(r"\bmodel(?=\.| is )", section, str(error))


class UnknownSettingError(ConfigError):
    """An unknown key, and whether it resembles a known one."""

    def __init__(self, message: str, has_advice: bool) -> None:
        super().__init__(message, has_advice)  # both arguments, or it cannot be unpickled
        self.has_advice = has_advice

    def __str__(self) -> str:
        return str(self.args[0])


def closest(errors: Sequence[ConfigError]) -> ConfigError:
    """Picks, of several models' errors about the same settings, the one of the model with the closest keys."""
    return min(
        errors, key=lambda error: 1 + (not error.has_advice) if isinstance(error, UnknownSettingError) else 0
    )


def to_dict(section: Any) -> dict[str, Any]:
    """A settings dataclass as plain JSON-serializable values (tuples become lists)."""
    return cast("dict[str, Any]", _plain(asdict(section)))


def from_dict(kind: type[T], values: Mapping[str, Any]) -> T:
    """A settings dataclass of type `kind` with `values` over its defaults."""
    return _apply(kind(), values, "")


def unknown_setting(key: object, names: Sequence[str], prefix: str = "") -> UnknownSettingError:
    """The error for a key that is none of `names`; it suggests the nearest one."""
    near = difflib.get_close_matches(str(key), names, n=1)
    advice = f"did you mean {prefix}{near[0]}?" if near else f"known here: {', '.join(names)}"
    return UnknownSettingError(f"{prefix}{key} is not a setting; {advice}", bool(near))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _apply(base: T, overrides: Mapping[str, Any], prefix: str) -> T:
    if not isinstance(overrides, Mapping):
        where = prefix.rstrip(".") or "the configuration"
        raise ConfigError(f"{where} is {shown(overrides)}; it must be a mapping of setting names to values")
    hints = typing.get_type_hints(type(base))
    names = [item.name for item in fields(base)]  # type: ignore[arg-type]
    changes: dict[str, Any] = {}
    for key, value in overrides.items():
        if key not in names:
            raise unknown_setting(key, names, prefix)
        current = getattr(base, key)
        if is_dataclass(current):
            changes[key] = _apply(current, value, f"{prefix}{key}.")
        else:
            changes[key] = _coerce(value, hints[key], f"{prefix}{key}")
    return replace(base, **changes)  # type: ignore[type-var]


def _coerce(value: Any, hint: Any, name: str) -> Any:
    origin = typing.get_origin(hint)
    if origin is tuple:
        if isinstance(value, (list, tuple)):
            kind = typing.get_args(hint)[0]
            return tuple(_coerce(item, kind, f"{name}[{place}]") for place, item in enumerate(value))
        raise ConfigError(
            f"{name} is {shown(value)}; it must be a list{_KINDS.get(typing.get_args(hint)[0], '')}"
        )
    if origin is types.UnionType and value is None:
        return None
    if hint is bool:
        if isinstance(value, bool):
            return value
    elif hint is int:
        if isinstance(value, Integral) and not isinstance(value, bool):
            require(abs(int(value)) <= MOST, name, value, f"it must lie between -{MOST:.0e} and {MOST:.0e}")
            return int(value)
    elif hint is float:
        if isinstance(value, Real) and not isinstance(value, bool):
            number: Any = value  # typeshed's Real defines no comparisons
            require(-MOST <= number <= MOST, name, value, f"it must lie between -{MOST:.0e} and {MOST:.0e}")
            return float(value)
    elif hint is str and isinstance(value, str):
        return value
    raise ConfigError(f"{name} is {shown(value)}; it must be of type {getattr(hint, '__name__', hint)}")
