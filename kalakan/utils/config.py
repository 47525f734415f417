"""`Config`: the user's overrides as a mapping. `kalakan.config.resolve` turns them into typed settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kalakan.config.presets import PRESETS
from kalakan.config.resolve import check, resolve
from kalakan.config.schema import Settings
from kalakan.config.yaml_values import load_yaml
from kalakan.errors import ConfigError


class Config(Mapping[str, Any]):
    """Overrides of the default settings, from a dict, a YAML file, the name of a preset (`kalakan.config.presets`)
    where no file has that name, another `Config`, or nothing.

    The overrides are validated immediately: an unknown key or an invalid value raises `ConfigError` here.
    `get("training.batch_size", 8)` reads a dotted path; `settings()` returns the complete typed settings.
    """

    def __init__(self, source: Mapping[str, Any] | str | Path | None = None) -> None:
        self._values = read_values(source)
        check(self._values)

    def __getitem__(self, key: str) -> Any:
        value: Any = self._values
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise KeyError(key)
            value = value[part]
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

    def to_dict(self) -> dict[str, Any]:
        """A deep copy of the overrides."""
        return _copy(self._values)

    def settings(self, preset: Settings | None = None) -> Settings:
        """Complete typed settings: `preset` (or the defaults) with these overrides."""
        return resolve(self._values, preset)


def read_values(source: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """A deep copy of the values in a source of `Config`; validates only that they are a mapping."""
    if source is None:
        return {}
    if isinstance(source, Config):
        return source.to_dict()
    if isinstance(source, Mapping):
        return _copy(source)
    if not isinstance(source, (str, os.PathLike)):
        raise ConfigError(f"the configuration is a {type(source).__name__}; give a mapping or a YAML file")
    path = Path(source)
    if str(source) in PRESETS and not path.exists():
        return _copy(PRESETS[str(source)])
    import yaml

    try:
        loaded = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        names = ", ".join(PRESETS)
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); give a YAML file or the name of a preset ({names})"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not valid YAML ({str(error).splitlines()[0]})") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, Mapping):
        raise ConfigError(f"{path}: holds {type(loaded).__name__}; it must be a mapping of sections")
    return _copy(loaded)


def _copy(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) if isinstance(value, Mapping) else value for key, value in values.items()}
