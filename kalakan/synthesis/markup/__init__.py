"""Markup to a script: SSML, and inline language tags in plain text.

`read_markup(text)` reads plain text with `[en]…[/en]` and `[tw]…[/tw]`. `read_ssml(text)` reads a subset of SSML 1.1
(https://www.w3.org/TR/speech-synthesis11/); `kalakan.synthesis.markup.elements.ELEMENTS` is its table. Both return
parts of `kalakan.synthesis.script`, whose positions count code points of the raw text, including tags.
"""

from kalakan.synthesis.markup.inline import read_markup
from kalakan.synthesis.markup.ssml import is_ssml, read_ssml

__all__ = ["is_ssml", "read_markup", "read_ssml"]
