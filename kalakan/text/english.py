"""Ghanaian pronunciations of English words: the lexicon of `ghana-english-g2p`, an optional extra.

The most common words are built in; this module loads the rest.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
from collections.abc import Callable
from importlib import resources
from importlib.metadata import version

import kalakan._rust as _rust
from kalakan.errors import ConfigError, MissingDependencyError, how_to_install

__all__ = ["english_source", "english_version", "is_installed"]

_PACKAGE = "ghana_english_g2p"
_DISTRIBUTION = "ghana-english-g2p"
_INSTALL = f"install it with `{how_to_install('english')}`"


def is_installed() -> bool:
    """Returns whether the lexicon can be loaded."""
    return importlib.util.find_spec(_PACKAGE) is not None


def english_version(english: str | bool) -> str | None:
    """Returns the version of the lexicon that a reader with this option uses, or None."""
    return version(_DISTRIBUTION) if english and is_installed() else None


def english_source(english: str | bool) -> Callable[[], _rust.EnglishLexicon] | None:
    """Returns the loader of the lexicon, which is called at the first rare English word, or None if it is not used.

    Args:
        english: "auto" uses the lexicon if it is installed, True requires it, False uses only the built-in words.

    Raises:
        ConfigError: `english` has another value.
        MissingDependencyError: `english` is True and the lexicon is not installed.
    """
    if english not in ("auto", True, False):
        raise ConfigError(f"english is {english!r}; it must be 'auto', True or False")
    if not english or (english == "auto" and not is_installed()):
        return None
    if not is_installed():
        raise MissingDependencyError(
            f"english is True, and the package ghana-english-g2p is missing; {_INSTALL}"
        )
    return _load


@functools.cache
def _load() -> _rust.EnglishLexicon:
    # Only its data: importing its engine would add a second reader for words outside the lexicon.
    file = resources.files(_PACKAGE) / "data" / "lexicon.tsv.gz"
    try:
        text = gzip.decompress(file.read_bytes())
    except (OSError, EOFError) as error:
        raise MissingDependencyError(
            f"the lexicon of ghana-english-g2p cannot be read ({error}); {_INSTALL}"
        ) from error
    return _rust.EnglishLexicon(text)
