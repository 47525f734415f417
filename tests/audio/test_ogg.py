"""Ogg files are the same bytes for the same audio."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from kalakan.audio.files import write_audio
from kalakan.audio.ogg import with_fixed_serial
from kalakan.errors import AudioError

AUDIO = (0.3 * np.sin(np.arange(60_000) / 7)).astype(np.float32)


def encoded(name: str) -> bytes:
    buffer = io.BytesIO()
    write_audio(buffer, AUDIO, 24_000, name)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["ogg", "opus"])
def test_another_serial_changes_nothing_that_is_heard(name: str) -> None:
    content = encoded(name)
    fixed = with_fixed_serial(content)
    assert with_fixed_serial(fixed) == fixed
    assert len(fixed) == len(content)
    before, after = (soundfile.read(io.BytesIO(one))[0] for one in (content, fixed))
    assert np.array_equal(before, after)  # a reader drops pages whose checksum is wrong


def test_pages_keep_a_right_checksum() -> None:
    """RFC 3533: the encoder's own checksums come out for its own serial number."""
    content = encoded("ogg")
    serial = content[14:18]
    fixed = with_fixed_serial(content)
    import kalakan.audio.ogg as module

    own = int.from_bytes(serial, "little")
    previous, module.SERIAL = module.SERIAL, own
    try:
        assert with_fixed_serial(fixed) == content
    finally:
        module.SERIAL = previous


def test_no_ogg_file_is_an_error() -> None:
    with pytest.raises(AudioError, match="no Ogg page begins at byte 0"):
        with_fixed_serial(b"RIFF" + bytes(40))
    with pytest.raises(AudioError, match="cut off"):
        with_fixed_serial(encoded("ogg")[:-1])
