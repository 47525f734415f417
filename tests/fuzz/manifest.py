"""Fuzz target: every text is a voice's manifest that survives being written, or a `VoiceError` of one line.

An input that begins with a byte below 128 is the text itself; another one is changes of the default voice's manifest,
three bytes each: which value, and what takes its place.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kalakan.errors import VoiceError
from kalakan.voices.manifest import VoiceManifest
from kalakan.voices.package import DEFAULT, MANIFEST

WHOLE = json.loads((DEFAULT / MANIFEST).read_text(encoding="utf-8"))
WHOLE["levels"] = {
    WHOLE["speakers"][0]: WHOLE["levels"][WHOLE["speakers"][0]]
}  # one speaker's say as much as four's
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 255, 10**9, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", " ", "x", "a\nb", "é", "\ud800", "../x", "onnx", "predicted", "0" * 64),
    *([], {}, [[]], [0], [0, 1], [[0, 1]], [[0, 1], [0, 1]], ["x"], ["x", "x"], {"x": 1}, {"": {}}),
)
SEEDS = (
    json.dumps({**WHOLE, "levels": {}, "corrections": {}, "files": {}}, ensure_ascii=False).encode("utf-8"),
    b"{}",
    *(bytes([200, place, 0, value]) for place in (3, 40, 90) for value in range(len(VALUES))),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in a value, from the outside in."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
    for key in keys:
        yield from places(value[key])


def changed(changes: bytes) -> str:
    """The default voice's manifest after some changes, as JSON."""
    record = copy.deepcopy(WHOLE)
    for at in range(0, len(changes) - 2, 3):
        known = list(places(record))
        if not known:
            break
        container, key = known[int.from_bytes(changes[at : at + 2], "little") % len(known)]
        number = changes[at + 2]
        if number < len(VALUES):
            container[key] = copy.deepcopy(VALUES[number])  # a later change may alter it in place
        elif isinstance(container, dict) and number & 1:
            container[f"new {number}"] = container.pop(key)
        else:
            del container[key]
    return json.dumps(record, ensure_ascii=False)


def check(data: bytes) -> None:
    """Raises `AssertionError`, or what reading must not raise, for a text that breaks the law."""
    path = Path("voice.json")
    is_text = not data or data[0] < 128
    text = data.decode("utf-8", "replace") if is_text else changed(data[1:])
    try:
        manifest = VoiceManifest.from_text(text, path)
    except VoiceError as error:
        assert str(error).startswith("voice.json: ")
        assert "\n" not in str(error)
        return
    written = manifest.to_json()
    assert VoiceManifest.from_text(written, path).to_json() == written
