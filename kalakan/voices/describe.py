"""What people must know of a voice: its name, version, license and card. The weights stay as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kalakan.errors import VoiceError
from kalakan.voices.package import Voice, save_voice


def describe(
    voice: Voice,
    target: str | Path | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
    license_id: str | None = None,
    license_file: str | Path | None = None,
    card: str | Path | None = None,
) -> Voice:
    """The voice with what is given here in place of what it said, written to `target` (default: in its place).

    `license_id` is an SPDX identifier and goes with `license_file`, the text of the license; `card` is a Markdown
    file. Raises `VoiceError` for a file that cannot be read, and for a license without its text or the reverse.
    """
    if (license_id is None) != (license_file is None):
        raise VoiceError("a license needs both its SPDX identifier and the file with its text; give both")
    files: dict[str, bytes | Path] = {item: voice.file(item).read_bytes() for item in voice.manifest.files}
    for place, source in (("LICENSE", license_file), ("MODEL_CARD.md", card)):
        if source is not None:
            files[place] = _read(Path(source))
    manifest = replace(
        voice.manifest,
        name=name or voice.manifest.name,
        version=version or voice.manifest.version,
        license=license_id or voice.manifest.license,
    )
    return save_voice(target if target is not None else voice.path, manifest, files)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read ({error.strerror})") from error
