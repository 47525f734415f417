"""What `speak` gives: it can be saved, and a notebook plays it."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kalakan import Synthesizer
from kalakan.audio.files import read_audio
from kalakan.synthesis.speech import Speech


@pytest.fixture(scope="module", params=["onnx", "torch"])
def speech(request: pytest.FixtureRequest, tiny_voice: Path) -> Speech:
    return Synthesizer(tiny_voice, engine=request.param).speak("Akwaaba! Wo ho te sɛn?")


def test_a_notebook_plays_it(speech: Speech) -> None:
    html = speech._repr_html_()
    start, end = '<audio controls preload="auto" src="data:audio/wav;base64,', '"></audio>'
    assert html.startswith(start)
    assert html.endswith(end)
    wav = base64.b64decode(html[len(start) : -len(end)], validate=True)
    samples, sample_rate = read_audio(io.BytesIO(wav))
    assert sample_rate == 8000
    np.testing.assert_allclose(samples, np.asarray(speech.audio), atol=2**-15)


def test_the_display_of_ipython_takes_its_audio(speech: Speech) -> None:
    display = pytest.importorskip("IPython.display", reason="IPython is not installed")
    shown = display.Audio(np.asarray(speech.audio), rate=speech.sample_rate)
    assert soundfile.info(io.BytesIO(shown.data)).frames == len(speech.audio)


def test_it_is_saved_at_any_rate(speech: Speech, tmp_path: Path) -> None:
    speech.save(tmp_path / "a.flac", rate=16_000, bits=24)
    info = soundfile.info(tmp_path / "a.flac")
    assert (info.samplerate, info.subtype) == (16_000, "PCM_24")
    assert info.frames == 2 * len(speech.audio)
