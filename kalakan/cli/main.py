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
    "new-voice": "Ask for speakers, license and consent, and write the plan of a voice.",
    "train": "Train a model, or a whole voice, on recordings.",
    "export": "Export models to ONNX, TorchScript, TensorRT or safetensors.",
    "describe": "Write the name, license and model card of a voice.",
    "prune": "Remove the least important channels of a voice.",
    "steer": "Change phonemes of a speaker without training.",
    "endings": "Make phrases end voiced and on the right tone, without recordings.",
    "level": "Make a voice equally loud at every pitch, tempo and length.",
    "inspect": "Show what a voice, corpus, run, checkpoint or model file contains.",
    "evaluate": "Measure a voice against recordings.",
    "listening-test": "Write a web page on which listeners judge voices.",
    "benchmark": "Measure the speed and memory use of voices.",
    "profile": "Show where a voice or a training run spends time and memory.",
    "doctor": "Show what works on this machine, what is missing and how to get it.",
    "integrate": "Add Kalakan to Speech Dispatcher, for screen readers.",
    "completion": "Print a shell completion script.",
}
"""Name and help of every sub-command; `kalakan.cli.<name>.command` is the command, with _ for -."""
_MODULES = {"new-voice": "voice_plan"}
"""Commands whose module has another name."""


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
