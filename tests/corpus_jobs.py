"""Corpus jobs over the committed voice, and what they leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kalakan.jobs.job import LOCK
from kalakan.jobs.settings import JobSettings

VOICE = Path(__file__).parent / "voices" / "tiny"


def settings_of(folder: Path, content: str, name: str = "corpus.txt", **changes: Any) -> JobSettings:
    """A job of a corpus in `folder`, into its folder `out`."""
    (folder / name).write_text(content, encoding="utf-8")
    given = {"corpus": folder / name, "output": folder / "out", "voice": str(VOICE), "workers": 2}
    return JobSettings(**(given | changes))


def contents(output: Path) -> dict[str, bytes]:
    """Everything in a folder but the lock, by path."""
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name != LOCK
    }
