"""`kalakan integrate`: adds Kalakan to desktop programs."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from kalakan.cli.kinds import FILE, FOLDER
from kalakan.cli.streams import write_line
from kalakan.errors import ConfigError
from kalakan.storage import real_path, replacing, way_out

MODULE = "sd_kalakan"
"""Its name in speech-dispatcher is without `sd_`."""


@click.command("integrate")
@click.argument("program", type=click.Choice(["speech-dispatcher"]))
@click.option("--voice", type=FOLDER, metavar="FOLDER", help="Voice folder; default: Kalakan's own.")
@click.option("--lexicon", type=FILE, metavar="FILE", help="Readings of words.")
@click.option(
    "--module-dir", type=FOLDER, metavar="FOLDER", help="Folder of modules; default: the user's own."
)
def command(program: str, voice: str | None, lexicon: str | None, module_dir: str | None) -> None:
    """Add Twi to PROGRAM: speech-dispatcher, which Orca, spd-say and others use.

    Writes a Speech Dispatcher module: a script that starts Kalakan once and runs until speech-dispatcher exits. It
    supports rate, pitch, volume, speaker, stop and pause.
    """
    from kalakan.voices.package import load_voice

    load_voice(voice)
    folder = Path(module_dir) if module_dir else default_folder()
    path = folder / MODULE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not module_dir:  # speech-dispatcher finds it through the data folder
            data_folder().mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_text(script(voice, lexicon), encoding="utf-8")
            partial.chmod(0o755)
        path.chmod(0o755)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; {way_out(error)}") from error
    write_line(str(path))
    click.echo(
        "if speechd.conf has lines of AddModule, add there: "
        f'AddModule "kalakan" "{real_path(path)}" "kalakan.conf"\n'
        "then: killall speech-dispatcher; spd-say -o kalakan -l tw -w 'Maakye'",
        err=True,
    )


def default_folder() -> Path:
    """Where speech-dispatcher 0.11 and newer looks for a user's modules."""
    return data_folder().parent / "libexec" / "speech-dispatcher-modules"


def data_folder() -> Path:
    """The user's data folder."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser())


def script(voice: str | None, lexicon: str | None) -> str:
    """The module: a shell script that execs Kalakan, with this Python and the given files."""
    words = [sys.executable, "-m", "kalakan.cli.speech_dispatcher"]
    for name, path in (("--voice", voice), ("--lexicon", lexicon)):
        if path is not None:
            words += [name, str(real_path(path))]
    return f'#!/bin/sh\nexec {shlex.join(words)} -- "$@"\n'
