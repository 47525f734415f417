"""What a setting must hold, said in one line when it does not."""

from __future__ import annotations

from kalakan.errors import ConfigError


def require(condition: bool, name: str, value: object, rule: str) -> None:
    """Raises `ConfigError`, naming the setting, its value and the rule, unless `condition` holds."""
    if not condition:
        raise ConfigError(f"{name} is {value!r}; {rule}")


def check_speakers(speakers: tuple[str, ...]) -> None:
    """Raises `ConfigError` unless there is a speaker and every name differs."""
    require(len(speakers) >= 1, "model.speakers", speakers, "name at least one speaker")
    require(len(set(speakers)) == len(speakers), "model.speakers", speakers, "names must differ")
