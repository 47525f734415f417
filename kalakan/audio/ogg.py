"""Ogg files whose bytes depend only on their audio."""

from __future__ import annotations

import struct
import zlib

from kalakan.errors import AudioError

SERIAL = 1
"""Serial number of the one stream of a file."""
_HEADER = struct.Struct("<4sBBqIIIB")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def with_fixed_serial(content: bytes) -> bytes:
    """An Ogg file of one stream with `SERIAL` as its serial number: encoders draw one at random (RFC 3533, section 6).

    Raises `AudioError` for anything but an Ogg file.
    """
    pages = bytearray(content)
    start = 0
    while start < len(pages):
        end = _end_of_page(content, start)
        struct.pack_into("<I", pages, start + 14, SERIAL)
        struct.pack_into("<I", pages, start + 22, 0)
        struct.pack_into("<I", pages, start + 22, _checksum(bytes(pages[start:end])))
        start = end
    return bytes(pages)


def _end_of_page(content: bytes, start: int) -> int:
    if len(content) - start < _HEADER.size or content[start : start + 4] != b"OggS":
        raise AudioError(f"no Ogg page begins at byte {start}")
    segments = content[start + _HEADER.size - 1]
    sizes = content[start + _HEADER.size : start + _HEADER.size + segments]
    end = start + _HEADER.size + segments + sum(sizes)
    if end > len(content):
        raise AudioError(f"the Ogg page at byte {start} is cut off")
    return end


def _checksum(page: bytes) -> int:
    """CRC of RFC 3533: zlib's polynomial over unreversed bits, from 0 and without a final inversion."""
    reversed_crc = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reversed_crc:032b}"[::-1], 2)
