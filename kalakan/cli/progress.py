"""A progress bar on the terminal, for texts that take a while."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kalakan.synthesis.delivery import Chunk

LONG = 2000
"""Length in characters from which a text gets a progress bar: shorter ones finish too soon to need one."""


@contextmanager
def progress_of(text: str, is_live: bool) -> Iterator[Callable[[Chunk], None]]:
    """A function that takes each chunk of the text's audio: it shows the share of the text that is done, the number
    of sentences, and the time left.

    Shows nothing while audio plays (`is_live`), for short texts, and where standard error is no terminal.
    """
    if is_live or len(text) < LONG or not sys.stderr.isatty():
        yield lambda chunk: None
        return
    sentences = 0
    bar: Any = click.progressbar(
        length=len(text),
        file=sys.stderr,
        show_eta=True,
        item_show_func=lambda _: f"{sentences} sentences",
        bar_template="%(bar)s  %(info)s",
    )
    with bar:

        def show(chunk: Chunk) -> None:
            nonlocal sentences
            sentences += len(chunk.sentences)
            if chunk.sentences:
                bar.update(chunk.sentences[-1].source[1] - bar.pos)

        yield show
        bar.update(len(text) - bar.pos)
