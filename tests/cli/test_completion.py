"""What a shell offers: files where a file is meant, and the names that there are."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from kalakan.cli.export import command as export
from kalakan.cli.main import COMMANDS, cli
from kalakan.cli.train import command as train
from kalakan.recipes.names import MY_VOICE, RECIPES

PLACES = {
    "file": ("FILE", "[FILE]", "TEXTFILE", "PATH", "PYTHON"),
    "dir": ("FOLDER", "[FOLDER]...", "DIR", "OUT", "RUN", "VOICE", "[VOICE]", "[VOICE]..."),
}


def command_of(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


PARAMETERS = [
    (name, parameter) for name in COMMANDS for parameter in command_of(name).params if parameter.metavar
]


def offered(*words: str | Path, command: click.Command = cli, name: str = "kalakan") -> list[tuple[str, str]]:
    """Kind and value of what is offered for the last word."""
    *before, last = map(str, words)
    items = ShellComplete(command, {}, name, "_KALAKAN_COMPLETE").get_completions(before, last)
    return [(item.type, item.value) for item in items]


def values(*words: str | Path) -> list[str]:
    return [value for kind, value in offered(*words) if kind == "plain"]


@pytest.mark.parametrize(
    ("command", "parameter"), PARAMETERS, ids=[f"{name}-{item.name}" for name, item in PARAMETERS]
)
def test_every_path_is_completed_as_one(command: str, parameter: click.Parameter) -> None:
    context = click.Context(command_of(command))
    kinds = {item.type for item in parameter.shell_complete(context, "a")}
    expected = next((kind for kind, names in PLACES.items() if parameter.metavar in names), None)
    assert (expected is None and not kinds & set(PLACES)) or kinds == {expected}


def test_a_path_may_stand_behind_a_command() -> None:
    assert offered("synthesize", "Yoo", "-o", "rec") == [("file", "rec")]
    assert offered("voices", "fold") == [("dir", "fold")]
    assert offered("--data-dir", "c", command=train, name="kalakan-train") == [("dir", "c")]
    assert offered("--vocoder", "v", command=export, name="kalakan-export") == [("file", "v")]


def test_names_that_there_are(tiny_voice: Path) -> None:
    assert values("synthesize", "--speaker", "") == ["akosua", "kwame", "esi", "yaw"]
    assert values("synthesize", "--voice", tiny_voice, "--speaker", "k") == ["kwame"]
    assert values("evaluate", tiny_voice, "--speaker", "k") == ["kwame"]
    assert values("synthesize", "--voice", "/nowhere", "--speaker", "") == []
    assert values("synthesize", "--format", "o") == ["ogg", "opus"]
    assert values("synthesize", "--bits", "2") == ["24"]
    assert "fastspeech2_small" in values("train", "--model-type", "")
    assert "griffin_lim" not in values("train", "--model-type", "")
    assert values("train", "--recipe", "") == ["default_voice", "my_voice"]
    assert values("prepare", "--keep", "lost") == ["lost_letters"]


@pytest.mark.torch
def test_the_recipes_are_those_of_training() -> None:
    from kalakan.recipes.voice_recipe import RECIPES as known

    assert set(RECIPES) == {*known, MY_VOICE}


@pytest.mark.skipif(os.name == "nt", reason="click calls the shell for its version")
def test_every_program_has_a_script(kalakan: object) -> None:
    script = kalakan("completion", "zsh").stdout.decode()  # type: ignore[operator]
    for name in ("kalakan", "kalakan-train", "kalakan-export"):
        assert f"#compdef {name}\n" in script
