"""Voices on disk: a folder of safe files, checked before use and written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kalakan.errors import VoiceError
from kalakan.storage import real_path, replacing_folder
from kalakan.text.phonemes import TABLE_HASH
from kalakan.voices.external import check_graph
from kalakan.voices.manifest import MANIFEST, VoiceManifest
from kalakan.voices.single import read_single

__all__ = ["DEFAULT", "MANIFEST", "Voice", "file_hash", "load_voice", "save_voice", "voice_folder"]
DEFAULT = Path(__file__).parent / "default"
"""The voice that comes with the package."""


@dataclass(frozen=True)
class Voice:
    """A voice with verified manifest and hashes: a folder, or a single file (`kalakan.voices.single`)."""

    path: Path
    """The folder, or the file."""
    manifest: VoiceManifest
    """Its `voice.json`."""

    @property
    def is_single(self) -> bool:
        """Whether it is a single file."""
        return not self.manifest.files and self.path.is_file()

    def has(self, name: str) -> bool:
        """True if the voice has the file `name`."""
        return name in self.manifest.files

    def file(self, name: str) -> Path:
        """Path of the file `name`; raises `VoiceError` if the voice does not have it."""
        if not self.has(name):
            known = ", ".join(sorted(self.manifest.files))
            raise VoiceError(f"{self.path}: carries no {name}; it holds {known}")
        return self.path / name


def voice_folder(source: str | os.PathLike[str] | None) -> Path:
    """The folder that `source` names.

    None is the default voice, and so is the word "default" unless a folder has that name.
    """
    if source is None or (os.fspath(source) == DEFAULT.name and not Path(source).exists()):
        return DEFAULT
    return Path(source)


def load_voice(source: str | Path | None = None) -> Voice:
    """The voice in folder or single file `source`; None and "default" are the one that comes with the package.

    Raises `VoiceError`, naming the file, for a folder that is not there, a file that is missing, cut short or
    changed (sha256), a format this version does not support, or another phoneme table.
    """
    if source is not None and not isinstance(source, (str, os.PathLike)):
        raise VoiceError(f"the voice is a {type(source).__name__}; give the path of a voice folder")
    path = voice_folder(source)
    if path.is_file():
        return Voice(path, read_single(path))
    if not path.is_dir():
        raise VoiceError(f"{path}: there is no such voice folder{_if_speaker(path)}")
    if not (path / MANIFEST).exists() and (path / "voice" / MANIFEST).is_file():
        raise VoiceError(f"{path}: is a training run; its voice is {path / 'voice'}")
    manifest = VoiceManifest.from_file(path / MANIFEST)
    if manifest.phoneme_table != TABLE_HASH:
        raise VoiceError(
            f"{path / MANIFEST}: was trained on another phoneme table ({manifest.phoneme_table[:12]}) than this "
            f"Kalakan has ({TABLE_HASH[:12]}); use the Kalakan version it was made with"
        )
    for name, expected in manifest.files.items():
        _check_file(path, name, expected, manifest.files)
    return Voice(path, manifest)


def _if_speaker(path: Path) -> str:
    """Advice for an error if a speaker's name was given as a voice; empty for any other path."""
    known = DEFAULT / MANIFEST
    if known.is_file() and str(path) in VoiceManifest.from_file(known).speakers:
        return f"; {path} is a speaker of the default voice, to be given as the speaker"
    return ""


def save_voice(folder: str | Path, manifest: VoiceManifest, files: Mapping[str, bytes | Path]) -> Voice:
    """Writes a voice folder from its files (bytes, or a path to copy) and the manifest, whose hashes are filled in.

    An existing folder is replaced if it is a voice or empty; otherwise raises `VoiceError`. The voice that comes with
    the package is never replaced, because that would change every program that uses it.
    """
    target = check_target(folder)
    try:
        with replacing_folder(target) as partial:
            for name, content in files.items():
                if isinstance(content, Path):
                    shutil.copyfile(content, partial / name)
                else:
                    (partial / name).write_bytes(content)
            hashes = {name: file_hash(partial / name) for name in sorted(files)}
            complete = replace(manifest, files=hashes)
            (partial / MANIFEST).write_text(complete.to_json(), encoding="utf-8")
    except OSError as error:
        raise _unwritable(target, error) from error
    return Voice(target, complete)


def check_target(folder: str | Path) -> Path:
    """The folder as a path that `save_voice` can write; creates its parent if missing. Raises `VoiceError` for the
    voice that comes with the package, a folder with other contents, and a path that cannot be written.
    """
    target = Path(folder)
    if real_path(target) == real_path(DEFAULT):
        raise VoiceError(
            f"{target}: is the voice that comes with kalakan, which is not changed; say with --output-dir (in Python: "
            "target) where the new one goes"
        )
    if target.exists() and not (target / MANIFEST).is_file() and any(target.iterdir()):
        raise VoiceError(f"{target}: is not empty and no voice; choose another folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(target.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unwritable(target, error) from error
    return target


def _unwritable(target: Path, error: OSError) -> VoiceError:
    return VoiceError(f"{target}: the voice cannot be written ({error.strerror})")


def file_hash(path: Path) -> str:
    """sha256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _check_file(folder: Path, name: str, expected: str, listed: Collection[str]) -> None:
    path = folder / name
    if Path(name).name != name:
        raise VoiceError(
            f"{folder / MANIFEST}: names the file {name!r}; a voice's files lie in its own folder"
        )
    if not path.is_file():
        raise VoiceError(f"{path}: is missing from the voice")
    is_graph = path.suffix == ".onnx"
    try:
        content = path.read_bytes() if is_graph else b""
        found = hashlib.sha256(content).hexdigest() if is_graph else file_hash(path)
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read ({error.strerror})") from error
    if found != expected:
        raise VoiceError(
            f"{path}: is damaged or was changed (its sha256 is not the one in {MANIFEST}); copy it again"
        )
    if is_graph:
        check_graph(path, content, listed)
