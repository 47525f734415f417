"""Constraints on settings, each with a one-line error message."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kalakan.errors import ConfigError

MOST_SIZE = 65_536
"""Largest size of anything in a model; a larger one is a typo."""


def require(condition: bool, name: str, value: object, rule: str) -> None:
    """Raises `ConfigError`, naming the setting, its value and the rule, unless `condition` holds."""
    if not condition:
        raise ConfigError(f"{name} is {shown(value)}; {rule}")


def shown(value: object) -> str:
    """A value as error messages show it: its repr, truncated where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python formats no integer of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 200 else f"{text[:200]}…"


def require_at_least(section: object, prefix: str, names: Iterable[str], least: int) -> None:
    """Raises `ConfigError` unless these settings of a section are `least` or more."""
    for name in names:
        value = getattr(section, name)
        require(value >= least, f"{prefix}.{name}", value, f"it must be at least {least}")


def require_at_most(section: object, prefix: str, names: Iterable[str], most: int) -> None:
    """Raises `ConfigError` unless these settings of a section are `most` or less: more exhausts memory or hangs."""
    for name in names:
        value = getattr(section, name)
        require(value <= most, f"{prefix}.{name}", value, f"it must be at most {most}")


def require_odd(section: object, prefix: str, names: Collection[str]) -> None:
    """Raises `ConfigError` unless these settings of a section are odd and above 0, as a centered kernel is."""
    for name in names:
        value = getattr(section, name)
        require(value >= 1 and value % 2 == 1, f"{prefix}.{name}", value, "it must be odd and above 0")
    require_at_most(section, prefix, names, MOST_SIZE)


def require_chance(section: object, prefix: str, names: Iterable[str]) -> None:
    """Raises `ConfigError` unless these settings of a section lie in [0, 1)."""
    for name in names:
        value = getattr(section, name)
        require(0 <= value < 1, f"{prefix}.{name}", value, "it must lie in [0, 1)")


def check_speakers(speakers: tuple[str, ...]) -> None:
    """Raises `ConfigError` unless there is a speaker and every name differs."""
    require(len(speakers) >= 1, "model.speakers", speakers, "name at least one speaker")
    require(len(set(speakers)) == len(speakers), "model.speakers", speakers, "names must differ")
