"""What a setting must hold, said in one line when it does not."""

from __future__ import annotations

from collections.abc import Iterable

from kalakan.errors import ConfigError


def require(condition: bool, name: str, value: object, rule: str) -> None:
    """Raises `ConfigError`, naming the setting, its value and the rule, unless `condition` holds."""
    if not condition:
        raise ConfigError(f"{name} is {value!r}; {rule}")


def require_at_least(section: object, prefix: str, names: Iterable[str], least: int) -> None:
    """Raises `ConfigError` unless these settings of a section are `least` or more."""
    for name in names:
        value = getattr(section, name)
        require(value >= least, f"{prefix}.{name}", value, f"it must be at least {least}")


def require_odd(section: object, prefix: str, names: Iterable[str]) -> None:
    """Raises `ConfigError` unless these settings of a section are odd and above 0, as a centered kernel is."""
    for name in names:
        value = getattr(section, name)
        require(value >= 1 and value % 2 == 1, f"{prefix}.{name}", value, "it must be odd and above 0")


def require_chance(section: object, prefix: str, names: Iterable[str]) -> None:
    """Raises `ConfigError` unless these settings of a section lie in [0, 1)."""
    for name in names:
        value = getattr(section, name)
        require(0 <= value < 1, f"{prefix}.{name}", value, "it must lie in [0, 1)")


def check_speakers(speakers: tuple[str, ...]) -> None:
    """Raises `ConfigError` unless there is a speaker and every name differs."""
    require(len(speakers) >= 1, "model.speakers", speakers, "name at least one speaker")
    require(len(set(speakers)) == len(speakers), "model.speakers", speakers, "names must differ")
