"""Reads text files of a source folder, as saved by common editors."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from kalakan.errors import DataError


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark, as Windows saves "Unicode".

    Raises `DataError` for anything else: encodings are not guessed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({error.strerror})") from error
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte 0x{content[error.start]:02x} at offset {error.start}"
        raise DataError(f"{path.name}: is not UTF-8 ({found}); save it as UTF-8") from error
    if "\0" in text:
        raise DataError(f"{path.name}: holds zero bytes, as UTF-16 does; save it as UTF-8")
    return text


def split_lines(text: str) -> list[str]:
    """Lines that end in a line feed, a carriage return, or both.

    `str.splitlines` would also cut at U+2028, U+0085 and others, which occur inside transcripts.
    """
    return re.split("\r\n|\n|\r", text)
