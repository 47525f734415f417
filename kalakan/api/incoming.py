"""Text that arrives in pieces, split anywhere."""

from __future__ import annotations

from kalakan.api.errors import ApiError
from kalakan.text.sentences import split_sentences


class Incoming:
    """Collects text until its sentences are complete; an SSML document is complete only at its end."""

    def __init__(self, most: int, *, is_ssml: bool = False) -> None:
        """`most` is the maximum total number of characters."""
        self._most = most
        self._is_ssml = is_ssml
        self._text = ""
        self._characters = 0

    def add(self, text: str) -> None:
        """Adds text; raises `ApiError` 413 beyond the limit."""
        self._characters += len(text)
        if self._characters > self._most:
            message = f"the text has more than {self._most} characters; end it, and begin again with the rest"
            raise ApiError(413, message, code="text_too_long")
        self._text += text

    def complete(self, is_last: bool) -> list[str]:
        """The complete sentences: all but the last one, which the next text may continue; with `is_last` all of
        them."""
        if self._is_ssml:
            found = [self._text] if is_last else []
            self._text = "" if is_last else self._text
        else:
            sentences = split_sentences(self._text)
            found = [sentence.text for sentence in (sentences if is_last else sentences[:-1])]
            self._text = "" if is_last or not sentences else self._text[sentences[-1].start :]
        return [text for text in found if text.strip()]
