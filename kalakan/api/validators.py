"""Validators of bodies (RFC 9110, section 8.8.3): a client that has a body need not be sent it again."""

from __future__ import annotations

import hashlib


def etag(content: bytes) -> str:
    """Strong validator of a body."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_known(tag: str | None, if_none_match: str) -> bool:
    """Whether an If-None-Match names the body of a validator, which has none if that is None. Weak ones compare as
    strong ones do: a proxy that compresses weakens them. "*" names every body."""
    names = {item.strip().removeprefix("W/") for item in if_none_match.split(",")}
    return "*" in names or (tag is not None and tag in names)
