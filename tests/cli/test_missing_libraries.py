"""A command that lacks a library names the extra which brings all that the command may need."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click
import pytest

from kalakan.cli.entry import EXTRAS, OWN_EXTRAS, extra_of
from kalakan.cli.main import COMMANDS, cli

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
PACKAGES = {
    "docx": "python-docx",
    "parselmouth": "praat-parselmouth",
    "prometheus_client": "prometheus-client",
}
WITH_FASTAPI = {"pydantic", "starlette"}


def brought(extra: str) -> set[str]:
    """The packages of an extra and of the extras in it."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    found: set[str] = set()
    for line in extras[extra]:
        inner = re.match(r"kalakan\[([\w,-]+)\]", line)
        if inner:
            found |= set().union(*(brought(name) for name in inner[1].split(",")))
        else:
            found.add(re.split(r"[\[<>=; ]", line)[0])
    return found


@pytest.mark.parametrize("module", EXTRAS)
def test_each_named_extra_brings_the_package(module: str) -> None:
    package = "fastapi" if module in WITH_FASTAPI else PACKAGES.get(module, module)
    for extra in EXTRAS[module]:
        assert package in brought(extra)


@pytest.mark.parametrize(
    ("command", "module", "extra"),
    [
        ("evaluate", "torch", "evaluate"),
        ("evaluate", "matplotlib.pyplot", "evaluate"),
        ("evaluate", "pyloudnorm", "train"),
        ("train", "torch", "train"),
        ("align", "parselmouth", "train"),
        ("prepare", "pyloudnorm", "train"),
        ("export", "torch", "export"),
        ("export", "onnx", "export"),
        ("prune", "torch", "torch"),
        ("benchmark", "matplotlib", "benchmark"),
        ("benchmark", "torch", "torch"),
        ("serve", "uvicorn", "serve"),
        ("synthesize", "docx", "documents"),
        ("synthesize", "no_such_module", None),
        (None, "torch", "torch"),
    ],
)
def test_the_extra_of_a_command(
    command: str | None, module: str, extra: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["kalakan", *([command] if command else [])])
    assert extra_of(module, cli) == extra
    if command:
        monkeypatch.setattr(sys, "argv", ["kalakan-program", "--quiet"])
        assert extra_of(module, click.Command(command)) == extra


def test_every_command_with_an_extra_is_one() -> None:
    assert set(OWN_EXTRAS) <= set(COMMANDS)


def test_a_missing_library_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kalakan.cli import entry

    def fails(**_: object) -> None:
        raise ModuleNotFoundError("no torch", name="torch.nn")

    command = click.Command("evaluate", callback=fails)
    monkeypatch.setattr(sys, "argv", ["kalakan-evaluate"])
    assert entry._status(command, "kalakan-evaluate") == 1
    assert capsys.readouterr().err == (
        "kalakan: error: this needs torch.nn; pip install '.[evaluate]' in the folder of Kalakan's source\n"
    )
