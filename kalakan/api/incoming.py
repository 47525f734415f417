"""Text that arrives in pieces, split anywhere."""

from __future__ import annotations

from kalakan.api.errors import ApiError
from kalakan.text.sentences import split_sentences

SHORT = 1024
"""Characters that are searched for complete sentences at every piece."""


class Incoming:
    """Collects text until its sentences are complete; an SSML document is complete only at its end."""

    def __init__(self, most: int, *, is_ssml: bool = False) -> None:
        """`most` is the maximum total number of characters."""
        self._most = most
        self._is_ssml = is_ssml
        self._text = ""
        self._characters = 0
        self._next = 0

    def add(self, text: str) -> None:
        """Adds text; raises `ApiError` 413 beyond the limit."""
        self._characters += len(text)
        if self._characters > self._most:
            message = f"the text has more than {self._most} characters; end it, and begin again with the rest"
            raise ApiError(413, message, code="text_too_long")
        self._text += text

    def complete(self, is_last: bool) -> list[str]:
        """The complete sentences: all but the last one, which the next text may continue; with `is_last` all of
        them.

        A sentence that is already longer than `SHORT` is searched again only when it has grown by a sixteenth, so that
        a text of many small pieces takes linear time.
        """
        if not is_last and len(self._text) < self._next:
            return []
        if self._is_ssml:
            found = [self._text] if is_last else []
            self._text = "" if is_last else self._text
        else:
            sentences = split_sentences(self._text)
            found = [sentence.text for sentence in (sentences if is_last else sentences[:-1])]
            self._text = "" if is_last or not sentences else self._text[sentences[-1].start :]
        rest = len(self._text)
        self._next = 0 if rest < SHORT else rest + rest // 16
        return [text for text in found if text.strip()]
