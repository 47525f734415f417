"""Timing: it adds up to the sample, and every word of the raw text has its place in order."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.errors import SynthesisError, TextError
from kalakan.synthesis.speech import Speech
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.synthesis.timing import Segment, Sentence, Timing, phones_of
from kalakan.text.phonemes import parse_units

WORDS = [
    "me",
    "ne",
    "wo",
    "Akwaaba!",
    "sɛn?",
    "25",
    "GHS 12.50",
    "3:15",
    "Kumasi,",
    "sÉ›n",
    "😀",
    "ábà",
    "—",
    "\n",
]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=20).map(" ".join)
QUIET = settings(
    max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module", params=["onnx", "torch"])
def synthesizer(request: pytest.FixtureRequest, quick_voice: Path) -> Synthesizer:
    return Synthesizer(quick_voice, engine=request.param)


def check(timing: Timing, samples: int, text: str) -> None:
    """The laws of a timing."""
    assert timing.samples == samples
    at = 0
    for sentence in timing.sentences:
        for segment in sentence.segments:
            assert segment.start == at
            assert segment.text == text[slice(*segment.source)]
            edges = [segment.start, *(phone.end for phone in segment.phones)]
            assert [phone.start for phone in segment.phones] == edges[:-1]
            assert not segment.phones or edges[-1] == segment.end
            at = segment.end
    assert at == samples
    starts = [word.source[0] for word in timing.words]
    assert starts == sorted(starts)


@QUIET
@given(text=TEXTS, speed=st.floats(0.5, 2.0), sentence_pause=st.sampled_from([0.0, 0.3]))
def test_timing_adds_up_and_every_word_has_a_span(
    synthesizer: Synthesizer, text: str, **controls: Any
) -> None:
    try:
        speech = synthesizer.speak(text, **controls)
    except TextError:
        return
    check(speech.timing, len(speech.audio), text)
    covered = set()
    for word in speech.timing.words:
        covered.update(range(*word.source))
    missing = [token for token in re.finditer(r"\w+", text) if not set(range(*token.span())) <= covered]
    assert not missing


def test_words_of_a_plain_sentence(synthesizer: Synthesizer) -> None:
    speech = synthesizer.speak("Me ne wo bɛkɔ.")
    words = list(speech.timing.words)
    assert [word.text.rstrip(".") for word in words] == ["Me", "ne", "wo", "bɛkɔ"]
    assert all(word.end > word.start for word in words)
    first, *_, last = speech.timing.sentences[0].segments
    assert (first.kind, first.phones[0].symbol) == ("pause", "<bos>")
    assert (last.kind, last.phones[-1].symbol) == ("pause", ".")


def test_words_without_sound_keep_their_place(synthesizer: Synthesizer) -> None:
    speech = synthesizer.speak("😀 Akwaaba 😀. 😀! Yoo 😀")
    check(speech.timing, len(speech.audio), "😀 Akwaaba 😀. 😀! Yoo 😀")
    spoken = [word.text.strip(".!") for word in speech.timing.words if word.end > word.start]
    assert spoken == ["Akwaaba", "Yoo"]


def test_tones_stand_with_their_vowel() -> None:
    ids = parse_units("b a ˥ b a ˩")
    phones = phones_of(ids, [0, 2, 5, 5, 7, 9, 9])
    assert [(phone.symbol, phone.start, phone.end) for phone in phones] == [
        ("b", 0, 2),
        ("a˥", 2, 5),
        ("b", 5, 7),
        ("a˩", 7, 9),
    ]


@pytest.mark.parametrize("way", [{}, {"by_sentence": True}, {"chunk_ms": 3000}, {"chunk_ms": 40}])
def test_streams_tell_the_same_times(synthesizer: Synthesizer, way: dict[str, Any]) -> None:
    text = "Akwaaba! Wo ho te sɛn? Yoo."
    speech = synthesizer.speak(text, sentence_pause=0.2)
    told: list[Sentence] = []
    given = 0
    for chunk in synthesizer.stream(text, sentence_pause=0.2, **way).chunks():
        end = given + len(chunk.audio)
        assert all(given <= sentence.start < end for sentence in chunk.sentences)
        told.extend(chunk.sentences)
        given = end
    assert tuple(told) == speech.timing.sentences
    assert given == speech.timing.samples


def test_speed_moves_the_times_with_the_audio(synthesizer: Synthesizer) -> None:
    slow, quick = (synthesizer.speak("Me ne wo bɛkɔ fie.", speed=speed) for speed in (0.5, 1.0))
    assert slow.timing.samples > 1.3 * quick.timing.samples
    for one, other in itertools.pairwise([slow, quick]):
        assert [word.text for word in one.timing.words] == [word.text for word in other.timing.words]


def test_sentence_pause_is_silence_between_sentences(synthesizer: Synthesizer) -> None:
    plain = synthesizer.speak("Akwaaba! Yoo.")
    paused = synthesizer.speak("Akwaaba! Yoo.", sentence_pause=0.4)
    added = round(0.4 * 2000 / 16) * 16
    assert len(paused.audio) == len(plain.audio) + added
    first = plain.timing.sentences[0]
    assert not np.asarray(paused.audio)[first.end : first.end + added].any()
    assert paused.timing.sentences[0].segments[-1] == Segment(
        "pause", "", (8, 8), first.end, first.end + added
    )


@pytest.mark.parametrize("text", ["Akwaaba! Yoo.", "<speak><break time='100ms'/>Akwaaba! Yoo.</speak>"])
def test_a_lead_in_is_silence_before_the_first_sound(synthesizer: Synthesizer, text: str) -> None:
    is_ssml = text.startswith("<")
    plain, led = (synthesizer.speak(text, lead_in=seconds, ssml=is_ssml) for seconds in (0.0, 0.5))
    added = round(0.5 * 2000 / 16) * 16
    assert len(led.audio) == len(plain.audio) + added
    assert not np.asarray(led.audio)[:added].any()
    assert led.timing.words[0].start == plain.timing.words[0].start + added
    streamed = [np.asarray(chunk) for chunk in synthesizer.stream(text, lead_in=0.5, ssml=is_ssml)]
    np.testing.assert_allclose(np.concatenate(streamed), np.asarray(led.audio), atol=1e-4)


def test_pauses_of_markup_are_silence_of_their_length(synthesizer: Synthesizer) -> None:
    text = '<speak><break time="300ms"/>Akwaaba <break time="0.5s"/> me nua.<break time="1s"/></speak>'
    speech = synthesizer.speak(text, ssml=True)
    check(speech.timing, len(speech.audio), text)
    silent = [
        part.end - part.start
        for sentence in speech.timing.sentences
        for part in sentence.segments
        if "break" in part.text
    ]
    assert silent == [round(seconds * 2000 / 16) * 16 for seconds in (0.3, 0.5, 1.0)]
    audio = np.asarray(speech.audio)
    assert not audio[: silent[0]].any()
    assert not audio[-silent[2] :].any()


def test_markup_acts_on_its_own_words(synthesizer: Synthesizer) -> None:
    plain = synthesizer.speak("Me ne wo bɛkɔ fie.")
    text = '<speak>Me ne <prosody rate="50%">wo bɛkɔ</prosody> fie.</speak>'
    slowed = synthesizer.speak(text, ssml=True)
    check(slowed.timing, len(slowed.audio), text)
    assert len(slowed.timing.sentences) == 1, "one breath"
    lengths = [
        {word.text.strip("."): word.end - word.start for word in item.timing.words}
        for item in (plain, slowed)
    ]
    for word in ("wo", "bɛkɔ"):
        assert lengths[1][word] > 1.4 * lengths[0][word]
    for word in ("Me", "fie"):
        assert lengths[1][word] < 1.4 * lengths[0][word]


def test_a_model_without_durations_says_so(synthesizer: Synthesizer, quick_voice: Path) -> None:
    silent = Synthesizer(quick_voice, engine=synthesizer.engine)
    model = silent.acoustic_model

    class Untimed:
        parameters, buffers = (lambda self: iter(()),) * 2

        def inference(self, *arguments: Any, **named: Any) -> Any:
            mel, aux = model.inference(*arguments, **named)
            return mel, {"mel_lengths": aux["mel_lengths"]}

    silent.acoustic_model = Untimed()
    assert len(silent.synthesize("Yoo")) > 0
    with pytest.raises(SynthesisError, match="does not say how long its phonemes last"):
        silent.speak("Yoo")


def test_speech_is_saved(synthesizer: Synthesizer, tmp_path: Path) -> None:
    speech = synthesizer.speak("Yoo")
    assert isinstance(speech, Speech)
    speech.save(tmp_path / "yoo.wav")
    synthesizer.save_audio(speech.audio, tmp_path / "same.wav")
    assert (tmp_path / "yoo.wav").read_bytes() == (tmp_path / "same.wav").read_bytes()
