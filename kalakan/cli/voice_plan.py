"""`kalakan new-voice`: asks for speakers, license and consent, and writes the plan of a voice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from kalakan.cli.kinds import FILE, FOLDER, WORD
from kalakan.cli.streams import write_line
from kalakan.errors import ConfigError, KalakanError
from kalakan.recipes.plan import SECTION, VoicePlan
from kalakan.storage import real_path, replacing, way_out
from kalakan.voices.describe import check_license

Answer = TypeVar("Answer")
MOST_NAMED = 10


@click.command("new-voice")
@click.argument("file", type=FILE, metavar="[FILE]", required=False)
@click.option("--name", type=WORD, help="Name of the voice.")
@click.option(
    "--recordings", type=FOLDER, metavar="FOLDER", help="Folder of recordings and transcripts, or a corpus."
)
@click.option(
    "--speaker",
    "speakers",
    type=WORD,
    metavar="NAME",
    multiple=True,
    help="Speaker; may be repeated, with the default speaker first. A single name is used for all recordings.",
)
@click.option(
    "--license", "license_id", type=WORD, metavar="SPDX", help="License of the voice, such as CC-BY-4.0."
)
@click.option(
    "--license-file", type=FILE, metavar="FILE", help="Text of that license; default: a reference to it."
)
@click.option("--consent", type=WORD, metavar="TEXT", help="Who agreed to what, and when.")
@click.option(
    "--output-dir", type=FOLDER, metavar="FOLDER", help="Where to write the voice; default: its name."
)
@click.option("--force", is_flag=True, help="Replace FILE.")
def command(
    file: str | None,
    name: str | None,
    recordings: str | None,
    speakers: tuple[str, ...],
    license_id: str | None,
    license_file: str | None,
    consent: str | None,
    output_dir: str | None,
    force: bool,
) -> None:
    """Write FILE (default: NAME.yaml), from which `kalakan train --recipe my_voice --config FILE` makes a voice.

    Asks for everything that no option sets. Without a terminal, --name, --recordings, --license and --consent are
    required.
    """
    given = {"--name": name, "--recordings": recordings, "--license": license_id, "--consent": consent}
    missing = [option for option, value in given.items() if value is None]
    if missing and not is_terminal():
        raise click.UsageError(f"give {', '.join(missing)}: standard input is no terminal to ask at")
    name = answer("Name of the voice", name, _name)
    recordings = answer("Folder of the recordings", recordings, _folder)
    known = _found(recordings)
    if not speakers and missing:
        asked = click.prompt(
            "Speakers, a comma between names; one name is everyone's", default=", ".join(known)
        )
        speakers = tuple(part.strip() for part in asked.split(",") if part.strip())
    _check_speakers(speakers, known, recordings)
    license_id = answer("License of the voice (SPDX, such as CC-BY-4.0)", license_id, _license)
    if license_file is not None and not Path(license_file).is_file():
        raise ConfigError(f"{license_file}: is not a file; give the text of the license")
    consent = answer("Consent: who agreed to what, and when", consent, _consent)
    plan = VoicePlan(
        name=name,
        license=license_id,
        license_file=str(real_path(license_file)) if license_file else "",
        consent=consent,
        speakers=speakers,
        recordings=str(real_path(recordings)),
        output=str(real_path(output_dir or name)),
    )
    path = Path(file or f"{name}.yaml")
    _write(path, plan, force)
    write_line(str(path))
    click.echo(f"next: kalakan train --recipe my_voice --config {path}", err=True)


def is_terminal() -> bool:
    """Whether questions can be asked on a terminal."""
    return sys.stdin.isatty()


def answer(question: str, given: str | None, check: Callable[[str], str]) -> str:
    """The value of an option, or the first answer that passes `check`, which raises a `KalakanError`."""
    if given is not None:
        return check(given)

    def checked(text: str) -> str:
        try:
            return check(text)
        except KalakanError as error:
            raise click.UsageError(str(error)) from error

    return str(click.prompt(question, value_proc=checked))


def _name(text: str) -> str:
    plain = text.strip()
    if not plain or plain.startswith((".", "-")) or any(sign in plain for sign in '/\\:*?"<>|\0'):
        raise ConfigError(f"name {text!r} must be fit for a folder: letters, digits, spaces, _ and -")
    return plain


def _folder(text: str) -> str:
    if not Path(text).is_dir():
        raise ConfigError(f"{text}: is not a folder; give the folder of recordings and transcripts")
    _found(text)
    return text


def _license(text: str) -> str:
    check_license(text.strip())
    return text.strip()


def _consent(text: str) -> str:
    if not text.strip():
        raise ConfigError(
            "consent is empty; a voice is made of nobody who has not agreed: write who agreed to what, and when"
        )
    return " ".join(text.split())


def _found(recordings: str) -> list[str]:
    """The speakers in a folder; raises `DataError` for a folder that cannot be read as recordings."""
    from kalakan.data.manifest import read_records
    from kalakan.data.preparation.layouts import read_layout

    manifest = Path(recordings) / "meta.jsonl"
    if manifest.is_file():
        return sorted({str(record.get("speaker", "")) for _, record in read_records(manifest)})
    return sorted({item.speaker for item in read_layout(recordings).recordings})


def _check_speakers(speakers: tuple[str, ...], known: list[str], recordings: str) -> None:
    is_corpus = (Path(recordings) / "meta.jsonl").is_file()
    if (len(speakers) > 1 or (is_corpus and speakers)) and sorted(speakers) != known:
        more = ", …" if len(known) > MOST_NAMED else ""
        raise ConfigError(
            f"speakers are {', '.join(speakers)} and {recordings} has {', '.join(known[:MOST_NAMED])}{more}; name each "
            "of these once" + ("" if is_corpus else ", or one name for everyone")
        )


def _write(path: Path, plan: VoicePlan, force: bool) -> None:
    import yaml

    if path.exists() and not force:
        raise ConfigError(f"{path}: is there already; give another FILE, or --force to replace it")
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(plan).items()}
    text = yaml.safe_dump({SECTION: values}, allow_unicode=True, sort_keys=False, width=100)
    header = (
        "# The plan of a voice: kalakan train --recipe my_voice --config FILE\n"
        "# Settings of training may stand here too (training, data; aligner, acoustic and vocoder for one run each).\n"
    )
    try:
        with replacing(path) as partial:
            partial.write_text(header + text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; {way_out(error)}") from error
