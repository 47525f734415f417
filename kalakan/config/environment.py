"""Parses the environment variable KALAKAN_OPS without torch, so that a typo in it is an error in every engine."""

from __future__ import annotations

import os

from kalakan.errors import ImplementationUnavailable

OPS = ("griffin_lim", "residual_blocks", "upsample")
"""Names of all ops, so that a misspelled request is rejected before an op is loaded."""
IMPLEMENTATIONS = ("cuda", "triton", "rust", "torch")
"""Names of all implementations, for the same reason. Not every op has each."""


def one_name() -> str | None:
    """KALAKAN_OPS where it is one name for all ops; raises `ImplementationUnavailable` for an unknown name."""
    text = os.environ.get("KALAKAN_OPS", "").strip()
    if not text or "=" in text or "," in text:
        return None
    if text not in IMPLEMENTATIONS:
        known = ", ".join(IMPLEMENTATIONS)
        raise ImplementationUnavailable(f"KALAKAN_OPS is {text!r}; one name for all ops is one of {known}")
    return text


def from_environment() -> dict[str, str]:
    """Implementation of each op that KALAKAN_OPS names; raises `ImplementationUnavailable` for a typo in it."""
    name = one_name()
    if name is not None:
        return dict.fromkeys(OPS, name)
    text = os.environ.get("KALAKAN_OPS", "")
    requests: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        op, separator, name = (piece.strip() for piece in part.partition("="))
        if not (separator and name):
            raise ImplementationUnavailable(
                f"KALAKAN_OPS has {part!r}; write op=implementation, or one name for all"
            )
        check_op(op)
        if name not in IMPLEMENTATIONS:
            known = ", ".join(IMPLEMENTATIONS)
            raise ImplementationUnavailable(f"KALAKAN_OPS has {part!r}; an implementation is one of {known}")
        requests[op] = name
    return requests


def check_op(op: str) -> None:
    """Raises `ImplementationUnavailable` for a name that is not an op."""
    if op not in OPS:
        raise ImplementationUnavailable(f"{op} is not an op; the ops are {', '.join(OPS)}")
