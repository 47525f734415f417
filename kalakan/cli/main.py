"""The `kalakan` command. A sub-command's module is imported when that sub-command runs."""

from __future__ import annotations

from importlib import import_module
from typing import NoReturn, cast

import click

from kalakan import __version__
from kalakan.cli.entry import run

COMMANDS = {
    "synthesize": "Speak a text into an audio file.",
    "normalize": "Write numbers, money, dates and abbreviations as words.",
    "phonemize": "Read text as phonemes.",
    "voices": "Show what a voice is.",
    "prepare": "Make a corpus of recordings and transcripts.",
    "align": "Find out when each sound of a corpus is spoken.",
    "train": "Train a model on recordings.",
    "export": "Give a trained model the form that runs without torch.",
    "describe": "Write the name, license and card of a voice.",
    "prune": "Make a smaller voice out of a trained one.",
    "steer": "Move the vowels of a voice, speaker by speaker.",
    "inspect": "Show what a voice, corpus, run, checkpoint or model file holds.",
    "evaluate": "Measure a voice against recordings.",
    "doctor": "Say what serves here, what is missing and how to get it.",
    "integrate": "Let the screen reader and other programs speak Twi.",
    "completion": "Print the completion script of a shell.",
}
"""Name and help of every sub-command; `kalakan.cli.<name>.command` is the command."""


class _LazyGroup(click.Group):
    """Knows the names of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return cast(click.Command, import_module(f"kalakan.cli.{cmd_name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="kalakan")
def cli() -> None:
    """Text-to-speech for Twi (Akan): small, fast, offline.

    kalakan synthesize "Akwaaba! Wo ho te sɛn?" -o akwaaba.wav
    """


def main() -> NoReturn:
    """Entry point of `kalakan`."""
    run(cli, "kalakan")
