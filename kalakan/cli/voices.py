"""`kalakan voices`: checks and shows voices."""

from __future__ import annotations

import click

from kalakan.cli.kinds import FOLDER
from kalakan.cli.streams import printable, write_line
from kalakan.voices.files import ACOUSTIC_WEIGHTS, has_graphs
from kalakan.voices.package import Voice, load_voice


@click.command("voices")
@click.argument("folders", type=FOLDER, metavar="[FOLDER]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest of each voice.")
def command(folders: tuple[str, ...], as_json: bool) -> None:
    """Check voices and show what they contain; without FOLDER, the voice that comes with kalakan."""
    for source in folders or (None,):
        voice = load_voice(source)
        write_line(voice.manifest.to_json().rstrip() if as_json else _details(voice))


def _details(voice: Voice) -> str:
    manifest = voice.manifest
    size = sum(voice.file(name).stat().st_size for name in manifest.files)
    runs = {"onnx": has_graphs(manifest.files), "torch": voice.has(ACOUSTIC_WEIGHTS)}
    engines = [name for name, can in runs.items() if can]
    rows = {
        "speakers": ", ".join(manifest.speakers),
        "language": f"{manifest.language}, {manifest.dialect}",
        "audio": f"{manifest.sample_rate} Hz",
        "models": f"{manifest.acoustic.type}, {manifest.vocoder.type}",
        "engines": ", ".join(engines),
        "license": manifest.license,
        "size": f"{size / 1e6:.1f} MB",
        "folder": str(voice.path),
    }
    lines = [f"  {name:<9} {value}" for name, value in rows.items()]
    return "\n".join(map(printable, [f"{manifest.name} {manifest.version}", *lines]))
