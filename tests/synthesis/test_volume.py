"""Volume: the one gain of a request and of its markup, and `energy`, its factor form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan import SpeakOptions, Synthesizer
from kalakan.audio.loudness import KNEE
from kalakan.errors import SynthesisError

TEXT = "Me ne wo bɛkɔ fie. Yoo."


@pytest.fixture(scope="module", params=["onnx", "torch"])
def synthesizer(request: pytest.FixtureRequest, streaming_voice: Path) -> Synthesizer:
    return Synthesizer(streaming_voice, engine=request.param)


def said(synthesizer: Synthesizer, text: str = TEXT, **changes: Any) -> np.ndarray:
    return np.asarray(synthesizer.synthesize(text, **changes))


@pytest.mark.parametrize("decibels", [-20.0, -6.0, 3.0])
def test_volume_is_a_gain_in_decibels(synthesizer: Synthesizer, decibels: float) -> None:
    plain, changed = said(synthesizer), said(synthesizer, volume=decibels)
    gain = 10 ** (decibels / 20)
    straight = np.abs(plain) * max(gain, 1.0) < KNEE
    assert straight.mean() > 0.5, "the test needs samples that the limiter leaves alone"
    np.testing.assert_allclose(changed[straight], plain[straight] * np.float32(gain), atol=1e-6)
    assert np.abs(said(synthesizer, volume=12.0)).max() <= 1.0


def test_energy_is_its_factor_form(synthesizer: Synthesizer) -> None:
    twice = said(synthesizer, energy=2.0)
    np.testing.assert_allclose(twice, said(synthesizer, volume=20 * np.log10(2.0)), atol=1e-6)
    back = said(synthesizer, energy=2.0, volume=-20 * np.log10(2.0))
    np.testing.assert_allclose(back, said(synthesizer), atol=1e-6)


def test_markup_is_louder_where_it_says_so(synthesizer: Synthesizer) -> None:
    plain = synthesizer.speak("Me ne wo bɛkɔ fie.")
    document = '<speak>Me ne <prosody volume="-12dB">wo bɛkɔ</prosody> fie.</speak>'
    softer = synthesizer.speak(document, ssml=True)
    before, after = np.asarray(plain.audio), np.asarray(softer.audio)
    assert len(before) == len(after)
    for one, other in zip(plain.timing.words, softer.timing.words, strict=True):
        sounds = [phone for phone in one.phones if phone.symbol != "_"]
        inside = slice(sounds[0].start + 64, sounds[-1].end - 64)  # away from where the gain changes
        expected = 10 ** (-12 / 20) if other.text in ("wo", "bɛkɔ") else 1.0
        quiet = np.abs(before[inside]) < KNEE
        np.testing.assert_allclose(after[inside][quiet], before[inside][quiet] * expected, atol=1e-5)


def test_streams_have_the_volume_of_the_whole(synthesizer: Synthesizer) -> None:
    document = (
        '<speak>Me <prosody volume="+9dB">ne wo bɛkɔ</prosody> fie na <prosody volume="-9dB">yɛakɔ sukuu na '
        "yɛaba bio</prosody> ntɛm ara na yɛadidi</speak>"
    )
    options = SpeakOptions(ssml=True, volume=-3.0)
    chunks = [np.asarray(chunk) for chunk in synthesizer.stream(document, options)]
    assert len(chunks) > 1
    np.testing.assert_allclose(
        np.concatenate(chunks), said(synthesizer, document, ssml=True, volume=-3.0), atol=1e-4
    )


def test_parts_of_a_text_need_durations(synthesizer: Synthesizer, streaming_voice: Path) -> None:
    untimed = Synthesizer(streaming_voice, engine=synthesizer.engine)
    model = untimed.acoustic_model

    class Untimed:
        parameters, buffers = (lambda self: iter(()),) * 2

        def inference(self, *arguments: Any, **named: Any) -> Any:
            mel, aux = model.inference(*arguments, **named)
            return mel, {name: aux[name] for name in ("mel_lengths", "pitch")}

    untimed.acoustic_model = Untimed()
    louder = said(untimed, "Yoo.", volume=3.0)
    np.testing.assert_allclose(louder, said(synthesizer, "Yoo.", volume=3.0), atol=1e-4)
    with pytest.raises(SynthesisError, match="set one volume for the whole text"):
        said(untimed, '<speak>Yoo <prosody volume="loud">yoo</prosody></speak>', ssml=True)
