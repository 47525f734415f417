"""Writes the description of a voice: name, version, license and card. The weights do not change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kalakan.errors import VoiceError
from kalakan.voices.corrections import Curve, read_corrections
from kalakan.voices.package import Voice, save_voice

_SPDX = re.compile(
    r"CC0-1\.0|CC-PDDC|CC-BY(-NC)?(-SA|-ND)?-(1\.0|2\.0|2\.5|3\.0|4\.0)(-[A-Z]{2,3})?|"
    r"Apache-(1\.1|2\.0)|MIT(-0)?|0BSD|BSD-[1234]-Clause(-[A-Za-z-]+)?|ISC|Zlib|Unlicense|WTFPL|BSL-1\.0|PSF-2\.0|"
    r"[AL]?GPL-(2\.0|2\.1|3\.0)-(only|or-later)|MPL-(1\.1|2\.0)|EPL-(1\.0|2\.0)|EUPL-1\.[12]|CECILL-2\.1|"
    r"OFL-1\.1|ODbL-1\.0|ODC-By-1\.0|PDDL-1\.0|CDLA-(Permissive|Sharing)-[12]\.0|O-UDA-1\.0|C-UDA-1\.0|"
    r"LicenseRef-[A-Za-z0-9.-]+"
)
"""SPDX identifiers of licenses for weights and data."""


def describe(
    voice: Voice,
    target: str | Path | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
    license_id: str | None = None,
    license_file: str | Path | None = None,
    card: str | Path | None = None,
    tones: str | None = None,
    levels: Mapping[str, Mapping[str, Curve]] | None = None,
    corrections: str | Path | None = None,
) -> Voice:
    """The voice with the given fields replaced, written to `target` (default: in its place).

    `license_id` is an SPDX identifier and requires `license_file`, the text of the license; `card` is a Markdown
    file; `tones` ("predicted" or "written") is the default source of tones for unmarked words; `corrections` is a
    JSON file in the form of `kalakan.voices.corrections.Corrections`; `levels` are those of
    `kalakan.voices.corrections.Levels`. Raises `VoiceError` for a file that cannot
    be read or used, and for a license without its text or the reverse.
    """
    if (license_id is None) != (license_file is None):
        raise VoiceError("a license needs both its SPDX identifier and the file with its text; give both")
    if license_id is not None:
        check_license(license_id)
    files: dict[str, bytes | Path] = {item: voice.file(item).read_bytes() for item in voice.manifest.files}
    for place, source in (("LICENSE", license_file), ("MODEL_CARD.md", card)):
        if source is not None:
            files[place] = _read(Path(source))
    manifest = replace(
        voice.manifest,
        name=name or voice.manifest.name,
        version=version or voice.manifest.version,
        license=license_id or voice.manifest.license,
        tones=tones or voice.manifest.tones,
        levels=voice.manifest.levels if levels is None else {name: dict(own) for name, own in levels.items()},
        corrections=read_corrections(corrections) if corrections else voice.manifest.corrections,
    )
    return save_voice(target if target is not None else voice.path, manifest, files)


def check_license(license_id: str) -> None:
    """Raises `VoiceError` unless `license_id` is an SPDX identifier of a license for weights."""
    if not _SPDX.fullmatch(license_id):
        raise VoiceError(
            f"license {license_id!r} is no SPDX identifier such as CC-BY-4.0 or Apache-2.0 "
            "(https://spdx.org/licenses); one that has none is written LicenseRef-NAME"
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read ({error.strerror})") from error
