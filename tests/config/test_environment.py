"""The environment variables: one table, which the documentation repeats, and their limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kalakan
from kalakan.config.environment import VARIABLES, is_on, number_value, text_value
from kalakan.errors import ConfigError

ROOT = Path(__file__).parents[2]
PACKAGE = Path(kalakan.__file__).parent
NUMBERS = [
    name
    for name, item in VARIABLES.items()
    if isinstance(item.default, (int, float)) and not isinstance(item.default, bool)
]
SWITCHES = [name for name, item in VARIABLES.items() if isinstance(item.default, bool)]


def test_the_documentation_has_the_table() -> None:
    rows = re.findall(
        r"^\| `(KALAKAN_\w+)` \| (.*?) \| (.*?) \|$", (ROOT / "docs/serve.md").read_text("utf-8"), re.M
    )
    shown = {
        name: ""
        if item.default is None
        else f"{item.default:g}"
        if name in (*NUMBERS, *SWITCHES)
        else item.default
        for name, item in VARIABLES.items()
    }
    big = {name: str(VARIABLES[name].default) for name in NUMBERS if isinstance(VARIABLES[name].default, int)}
    assert [(name, text) for name, _, text in rows] == [
        (name, item.meaning) for name, item in VARIABLES.items()
    ]
    assert {name: default.strip() for name, default, _ in rows} == shown | big


def test_every_variable_that_is_read_is_in_the_table() -> None:
    read = set()
    for path in PACKAGE.rglob("*.py"):
        read |= set(re.findall(r'"(KALAKAN_[A-Z_]+)"', path.read_text("utf-8")))
    assert read == set(VARIABLES)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_has_limits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    item = VARIABLES[name]
    for value in (
        "x",
        "nan",
        "inf",
        "-1e999",
        "1_0 0",
        f"{item.low - 1:.0f}",
        f"{item.high * 10:.0f}",
        "9" * 400,
    ):
        monkeypatch.setenv(name, value)
        with pytest.raises(ConfigError, match=f"^{name} is .*; it must be a.* number from ") as caught:
            number_value(name)
        assert len(str(caught.value)) < 200
    for good in (item.low, item.high, item.default):
        monkeypatch.setenv(name, f" {good} ")
        assert number_value(name) == good
    monkeypatch.setenv(name, "")
    assert number_value(name) == item.default


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_0_or_1(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, expected in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv(name, value)
        assert is_on(name) is expected
    monkeypatch.setenv(name, "yes")
    with pytest.raises(ConfigError, match=f"{name} is 'yes'; it must be 0 or 1"):
        is_on(name)


def test_text_that_is_empty_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALAKAN_DEVICE", " ")
    assert text_value("KALAKAN_DEVICE") == "cpu"
    monkeypatch.setenv("KALAKAN_VOICE", "")
    assert text_value("KALAKAN_VOICE") is None
