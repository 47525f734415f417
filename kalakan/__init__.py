"""Kalakan: text-to-speech for Twi (Akan). Importing it loads nothing; names are loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from kalakan._rust import __version__
except ImportError as error:
    # A name without a file is a core that is not there; anything else is one that this Python cannot load.
    if isinstance(error, ModuleNotFoundError) and error.name != "kalakan._rust":
        raise
    from kalakan.errors import MissingDependencyError

    what = (
        "is a source tree without its compiled core, kalakan._rust"
        if isinstance(error, ModuleNotFoundError)
        else f"has a compiled core that does not load here, damaged or of another system or version ({error})"
    )
    raise MissingDependencyError(
        f"{__path__[0]} {what}; build it in the source tree with `pip install --editable .` (it needs Rust, "
        "https://rustup.rs), or leave that folder to use an installed Kalakan"
    ) from None

if TYPE_CHECKING:
    from kalakan.synthesis.options import SpeakOptions
    from kalakan.synthesis.parallel import ParallelSynthesizer
    from kalakan.synthesis.synthesizer import Synthesizer
    from kalakan.utils.config import Config

__all__ = ["Config", "ParallelSynthesizer", "SpeakOptions", "Synthesizer", "__version__"]

_HOMES = {
    "Config": "kalakan.utils.config",
    "ParallelSynthesizer": "kalakan.synthesis.parallel",
    "SpeakOptions": "kalakan.synthesis.options",
    "Synthesizer": "kalakan.synthesis.synthesizer",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kalakan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
