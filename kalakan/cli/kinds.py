"""Parameter types of the command line, for shell completion; each command checks its own values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from kalakan.cli.streams import text_argument
from kalakan.errors import VoiceError

if TYPE_CHECKING:
    _Kind = click.ParamType[str]  # generic in new versions of click only
else:
    _Kind = click.ParamType


class _Place(_Kind):
    """A path: unlike `click.Path` it reads the disk only for completion."""

    def __init__(self, name: str) -> None:
        self.name = name

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Leaves completion to the shell, which knows the files."""
        return [CompletionItem(incomplete, type=self.name)]


FILE = _Place("file")
"""A file, or a file or folder."""
FOLDER = _Place("dir")


class _Word(_Kind):
    """Text, which is UTF-8 whatever the locale."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word; raises `TextError` if its bytes are not UTF-8."""
        return text_argument(value)


WORD = _Word()


class Suggested(_Word):
    """A word with known suggestions."""

    def __init__(self, words: Callable[[click.Context], Iterable[str]]) -> None:
        self._words = words

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The known words that begin with the input."""
        return [CompletionItem(word) for word in self._words(ctx) if word.startswith(incomplete)]


def _speakers(ctx: click.Context) -> Iterable[str]:
    from kalakan.voices.manifest import VoiceManifest
    from kalakan.voices.package import DEFAULT, MANIFEST

    try:
        return VoiceManifest.from_file(Path(ctx.params.get("voice") or DEFAULT) / MANIFEST).speakers
    except VoiceError:
        return ()


def _formats(_ctx: click.Context) -> Iterable[str]:
    from kalakan.audio.formats import FORMATS

    return FORMATS


def _trainable(_ctx: click.Context) -> Iterable[str]:
    from kalakan.models.registry import ENTRIES

    return (name for name, entry in ENTRIES.items() if entry.task and entry.kind != "aligner")


def _problems(_ctx: click.Context) -> Iterable[str]:
    from kalakan.data.preparation.problems import FATAL_KINDS, UNKEEPABLE

    return (kind for kind in FATAL_KINDS if kind not in UNKEEPABLE)


def _named_problems(_ctx: click.Context) -> Iterable[str]:
    from kalakan.data.preparation.problems import NAMED_KINDS

    return NAMED_KINDS


SPEAKER = Suggested(_speakers)
"""A speaker of the voice given by `--voice` or VOICE, or of the default voice."""
AUDIO_FORMAT = Suggested(_formats)
MODEL_TYPE = Suggested(_trainable)
"""A model type that can be trained."""
PROBLEM = Suggested(_problems)
"""A problem of a recording that may be kept anyway."""
NAMED_PROBLEM = Suggested(_named_problems)
"""A problem of a recording that does not exclude it by itself."""
