"""`kalakan doctor`: what serves this installation, what is missing, and whether the default voice speaks."""

from __future__ import annotations

import time

import click

from kalakan.cli.streams import write_line
from kalakan.errors import KalakanError

TEXT = "Akwaaba! Wo ho te sɛn?"


@click.command("doctor")
def command() -> int:
    """Say what serves here, what is missing and how to get it; exit with 1 if the default voice does not speak."""
    from kalakan.native import status

    found = status()
    write_line(str(found))
    for line in _advice(dict(found.packages)["torch"] is None):
        write_line(line)
    return _speak()


def _advice(without_torch: bool) -> list[str]:
    if without_torch:
        return ["torch: not installed; needed for GPUs, training and export: pip install 'kalakan[torch]'"]
    return []


def _speak() -> int:
    """Says whether the default voice speaks; the exit code."""
    from kalakan import Synthesizer

    start = time.perf_counter()
    try:
        synthesizer = Synthesizer()
        ready = time.perf_counter()
        seconds = len(synthesizer.synthesize(TEXT)) / synthesizer.sample_rate
    except KalakanError as error:
        write_line(f"default voice: does not speak: {error}")
        return 1
    spoken = time.perf_counter()
    write_line(
        f"default voice: speaks ({seconds:.1f} s of audio; loading took {ready - start:.2f} s, "
        f"speaking {spoken - ready:.2f} s)"
    )
    return 0
