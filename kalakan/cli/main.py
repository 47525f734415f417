"""The `kalakan` command. A sub-command's module is imported when that sub-command runs."""

from __future__ import annotations

from importlib import import_module
from typing import NoReturn, cast

import click

from kalakan import __version__
from kalakan.cli.entry import run

COMMANDS = {
    "synthesize": "Synthesize a text: play it, or write an audio file.",
    "normalize": "Write numbers, money, dates and abbreviations as words.",
    "phonemize": "Convert text to phonemes.",
    "serve": "Serve speech over HTTP, with a web page.",
    "voices": "Check voices and show what they contain.",
    "prepare": "Prepare a corpus from recordings and transcripts.",
    "align": "Force-align a corpus: phoneme durations and TextGrids.",
    "new-voice": "Ask who speaks in a voice and write its plan.",
    "train": "Train a model on recordings.",
    "export": "Export a trained model to ONNX, which runs without torch.",
    "describe": "Write the name, license and card of a voice.",
    "prune": "Remove the least important channels of a voice.",
    "steer": "Change a speaker's phonemes without training.",
    "endings": "Make phrases end voiced and on their tone, without recordings.",
    "level": "Make a voice equally loud at every pitch, tempo and length.",
    "inspect": "Show what a voice, corpus, run, checkpoint or model file holds.",
    "evaluate": "Measure a voice against recordings.",
    "listening-test": "Write a page on which listeners judge voices.",
    "benchmark": "Measure how fast voices are.",
    "profile": "Show where the time and the memory of a voice or a run go.",
    "doctor": "Show what works on this machine, what is missing and how to get it.",
    "integrate": "Add Kalakan to Speech Dispatcher, for screen readers.",
    "completion": "Print the completion script of a shell.",
}
"""Name and help of every sub-command; `kalakan.cli.<name>.command` is the command, with _ for -."""
_MODULES = {"new-voice": "voice_plan"}
"""Modules that are named by something else."""


class _LazyGroup(click.Group):
    """Knows the names of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = _MODULES.get(cmd_name, cmd_name.replace("-", "_"))
        return cast(click.Command, import_module(f"kalakan.cli.{name}").command)

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
