"""Audio in a notebook or a web page."""

from __future__ import annotations

import base64
import io
from typing import Any

from kalakan.audio.files import write_audio


def audio_element(audio: Any, sample_rate: int) -> str:
    """An HTML element that plays audio [S] in [-1, 1]; the sound is in it, as 16-bit WAV. Raises as `write_audio`."""
    buffer = io.BytesIO()
    write_audio(buffer, audio, sample_rate)
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<audio controls preload="auto" src="data:audio/wav;base64,{content}"></audio>'
