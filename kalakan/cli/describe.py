"""`kalakan describe`: writes the name, version, license and model card of a voice."""

from __future__ import annotations

import click

from kalakan.cli.kinds import FILE, FOLDER, WORD
from kalakan.cli.streams import write_line
from kalakan.voices.manifest import TONES


@click.command("describe")
@click.argument("voice", type=FOLDER, metavar="VOICE")
@click.option(
    "--output-dir", type=FOLDER, metavar="FOLDER", help="Output folder; default: change the voice in place."
)
@click.option("--name", type=WORD, help="Name of the voice.")
@click.option("--voice-version", type=WORD, metavar="TEXT", help="Version of the weights.")
@click.option(
    "--license", "license_id", type=WORD, metavar="SPDX", help="License of the weights, such as CC-BY-4.0."
)
@click.option("--license-file", type=FILE, metavar="FILE", help="Text of that license.")
@click.option("--card", type=FILE, metavar="FILE", help="Model card in Markdown.")
@click.option(
    "--tones",
    type=click.Choice(TONES),
    help="Default tones of words without marks; use predicted for a voice that was trained with tones.",
)
@click.option(
    "--corrections",
    type=FILE,
    metavar="FILE",
    help="Prosody corrections as a JSON object, such as those that evaluate --melody writes.",
)
def command(
    voice: str,
    output_dir: str | None,
    name: str | None,
    voice_version: str | None,
    license_id: str | None,
    license_file: str | None,
    card: str | None,
    tones: str | None,
    corrections: str | None,
) -> None:
    """Write name, version, license, model card and prosody corrections into a VOICE folder."""
    from kalakan.voices.describe import describe
    from kalakan.voices.package import load_voice

    described = describe(
        load_voice(voice),
        output_dir,
        name=name,
        version=voice_version,
        license_id=license_id,
        license_file=license_file,
        card=card,
        tones=tones,
        corrections=corrections,
    )
    write_line(str(described.path))
