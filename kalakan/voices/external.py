"""Finds the files that an ONNX graph reads, without running it and without the package onnx.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; wire format:
https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from kalakan.errors import VoiceError

_METADATA = 14
"""Field of a model that holds an entry of its metadata."""
_KEY = b"location"
"""Key under which a tensor names its file."""
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
"""Kind of message in each field of a kind that may lead to external data."""
_WEIGHTS: dict[str, dict[int, str]] = {"model": {7: "graph"}, "graph": {5: "tensor"}, "tensor": {13: "entry"}}
"""The same for the shortest path, where Kalakan's own graphs have all their external data."""


def check_graph(path: Path, content: bytes, listed: Collection[str] | None = None) -> None:
    """Raises `VoiceError` for a graph, the `content` of `path`, that reads files it may not.

    With `listed`, the checked files of a voice, the graph may read only those. Without it, only files in the folder of
    `path`.
    """
    for location in sorted(external_locations(path, content)):
        if listed is not None and location not in listed:
            raise VoiceError(
                f"{path}: reads the file {location!r}, which voice.json does not list; export the voice again"
            )
        if listed is None and not _is_inside(location, path.parent):
            raise VoiceError(
                f"{path}: reads {location!r}, which is outside its folder; keep its data beside it"
            )


def metadata(path: Path, content: bytes) -> dict[str, str]:
    """The metadata of a graph, the `content` of `path`; raises `VoiceError` for an invalid protobuf message."""
    found = {}
    try:
        for number, first, last in fields(content, 0, len(content)):
            if number == _METADATA:
                entry = {key: content[start:end] for key, start, end in fields(content, first, last)}
                found[entry.get(1, b"").decode("utf-8")] = entry.get(2, b"").decode("utf-8")
    except (IndexError, ValueError) as error:
        raise VoiceError(f"{path}: is damaged or no ONNX model ({error})") from error
    return found


def external_locations(path: Path, content: bytes) -> set[str]:
    """Names of the files that the tensors of a graph lie in; raises `VoiceError` for an invalid protobuf message."""
    written = content.count(_KEY)
    if not written:
        return set()
    try:
        found = list(_locations(content, 0, len(content), "model", _WEIGHTS))
        # If all keys were found, there are none elsewhere, and the thousand nodes need not be parsed.
        if len(found) != written:
            found = list(_locations(content, 0, len(content), "model", _INSIDE))
    except (IndexError, ValueError, RecursionError) as error:
        raise VoiceError(f"{path}: is damaged or no ONNX model ({error})") from error
    return set(found)


def _locations(
    content: bytes, start: int, end: int, kind: str, inside: dict[str, dict[int, str]]
) -> Iterator[str]:
    """The locations in the message of a kind that lies between two places of `content`."""
    if kind == "entry":
        entry = {number: content[first:last] for number, first, last in fields(content, start, end)}
        if entry.get(1) == _KEY:
            yield os.fsdecode(entry.get(2, b""))
        return
    kinds = inside[kind]
    for number, first, last in fields(content, start, end):
        if number in kinds:
            yield from _locations(content, first, last, kinds[number], inside)


def fields(content: bytes, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, first byte and the one after the last of each field that has a length, in the protobuf message between
    two places; numbers are skipped."""
    while place < end:
        tag = content[place]
        if tag < 0x80:
            place += 1
        else:
            tag, place = _varint(content, place)
        kind = tag & 7
        if kind == 2:
            size = content[place]
            if size < 0x80:
                place += 1
            else:
                size, place = _varint(content, place)
            if place + size > end:
                raise ValueError("it ends in the middle of a field")
            yield tag >> 3, place, place + size
            place += size
        elif kind == 0:
            _, place = _varint(content, place)
        elif kind in (1, 5):
            place += 8 if kind == 1 else 4
        else:
            raise ValueError(f"it has a field of wire type {kind}")


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("it has a number of more than 64 bits")


def _is_inside(location: str, folder: Path) -> bool:
    """Whether a relative path leads, links followed, to a place in `folder`."""
    if Path(location).is_absolute() or "\0" in location:
        return False
    place = os.path.realpath(folder / location)
    return os.path.commonpath([place, os.path.realpath(folder)]) == os.path.realpath(folder)
