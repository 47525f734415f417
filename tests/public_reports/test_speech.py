"""Public reports of other programs' faults in speech and SSML, as trials of the `Synthesizer`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.errors import MarkupError, TextError, UnreadableWarning


@pytest.fixture(scope="module")
def synthesizer(tiny_voice: Path) -> Synthesizer:
    return Synthesizer(tiny_voice)


@pytest.fixture(scope="module")
def default() -> Synthesizer:
    """The voice of the package: what a listener would measure."""
    return Synthesizer()


def _silence(synthesizer: Synthesizer, document: str) -> int:
    """Samples between the first word of a document and the second."""
    first, second, *_ = synthesizer.speak(document, ssml=True).timing.words
    return second.start - first.end


def _lengths(synthesizer: Synthesizer, text: str) -> list[int]:
    """Samples of each word."""
    return [word.end - word.start for word in synthesizer.speak(text, ssml=True).timing.words]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("Baako. Mmienu. Mmiɛnsa. Ɛnan. Enum.", 5, id="supertonic-187"),
        pytest.param("Nkakrankakra nkakrankakra nkakrankakra, yɛ yɛ yɛ, da da da.", 9, id="supertonic-48"),
    ],
)
def test_every_word_is_spoken_once(synthesizer: Synthesizer, text: str, words: int) -> None:
    spoken = synthesizer.speak(text).timing.words
    assert len(spoken) == words
    assert all(word.end > word.start for word in spoken)


@pytest.mark.parametrize("text", ["...", "…", "?!?!", "—", "()", "🎉🎉", "\u200b", "؟", "· · ·"])
def test_a_text_of_signs_is_one_error(synthesizer: Synthesizer, text: str) -> None:
    """QwenAudio/CosyVoice#710"""
    with pytest.raises(TextError, match=r"nothing pronounceable"):
        synthesizer.synthesize(text)
    assert len(synthesizer.synthesize("1"))


@pytest.mark.filterwarnings("ignore::kalakan.errors.UnreadableWarning")
@pytest.mark.parametrize("text", ["xqzw", "ŋŋŋ", "Grzegorz Brzęczyszczykiewicz", "ʘǀǁ fie", "Ծ fie"])
def test_an_unknown_word_is_spoken(synthesizer: Synthesizer, text: str) -> None:
    """k2-fsa/sherpa-onnx#2223"""
    assert len(synthesizer.synthesize(text))


def test_letters_repeated_for_emphasis_are_seconds_and_not_minutes(synthesizer: Synthesizer) -> None:
    """tgstation/tgstation#75556"""
    most = synthesizer.synthesize("Yi" + "e" * 20)
    with pytest.warns(UnreadableWarning, match="more than 20 in a row"):
        audio = synthesizer.synthesize("Yi" + "e" * 2000)
    assert np.array_equal(audio, most)
    with pytest.raises(TextError, match=r"some of the e in 'Yieeee.*write at most 20"):
        synthesizer.synthesize("Yi" + "e" * 2000, strict=True)
    assert len(synthesizer.synthesize("Yie")) < len(synthesizer.synthesize("Yi" + "e" * 9)) < len(most)
    assert len(synthesizer.synthesize("Aane!" + "!" * 300)) == len(synthesizer.synthesize("Aane!"))


def test_what_a_voice_cannot_say_is_told(synthesizer: Synthesizer) -> None:
    """mmwillet/TTS.cpp#30"""
    with pytest.warns(UnreadableWarning, match="你好"):
        audio = synthesizer.synthesize("Maakye 你好 Kofi")
    assert np.array_equal(audio, synthesizer.synthesize("Maakye Kofi"))
    with pytest.raises(TextError, match="你好"):
        synthesizer.synthesize("Maakye 你好 Kofi", strict=True)


@pytest.mark.parametrize("rate", [50, 100, 200])
def test_a_written_second_is_one_at_every_rate(synthesizer: Synthesizer, rate: int) -> None:
    """espeak-ng/espeak-ng#1512: a break ends a sentence, and lasts its time beyond that end."""
    document = f"<speak><prosody rate='{rate}%'>Tie<break time='{{}}s'/> yie</prosody></speak>"
    longer = _silence(synthesizer, document.format(2)) - _silence(synthesizer, document.format(1))
    assert longer == synthesizer.sample_rate


def test_prosody_ends_with_its_element(synthesizer: Synthesizer) -> None:
    """espeak-ng/espeak-ng#401 and #410"""
    plain = _lengths(synthesizer, "<speak>Maakye paa. Maakye paa.</speak>")
    changed = _lengths(
        synthesizer,
        '<speak><prosody rate="x-fast" pitch="+4st" volume="loud">Maakye paa.</prosody> Maakye paa.</speak>',
    )
    nested = _lengths(
        synthesizer,
        '<speak>Maakye paa. <prosody rate="slow"><prosody rate="x-fast">Maakye</prosody> paa.</prosody>'
        " Maakye paa.</speak>",
    )
    assert changed[2:] == plain[2:] and changed[:2] != plain[:2]
    assert nested[:2] == plain[:2] and nested[4:] == plain[2:] and nested[2:4] != plain[:2]


@pytest.mark.parametrize(
    ("document", "place", "hint"),
    [
        ("<speak>Kofi & Ama</speak>", 14, "&amp;"),
        ("<speak>5 < 6</speak>", 11, "&lt;"),
        ("<speak><break time=400ms/>a</speak>", 20, "not well-formed"),
        ("<speak>a</speek>", 11, "mismatched tag"),
        ("<speak>&nbsp;a</speak>", 8, "write the character itself"),
        ("<speak>Tie <break time=“300ms”/> yie</speak>", 24, "not well-formed"),
    ],
)
def test_a_broken_document_says_where_and_what(
    synthesizer: Synthesizer, document: str, place: int, hint: str
) -> None:
    """Azure-Samples/cognitive-services-speech-sdk#2332, GhostNaN/silero-webui#2"""
    with pytest.raises(MarkupError, match=f"line 1, column {place}:.*{hint}") as caught:
        synthesizer.synthesize(document, ssml=True)
    assert "\n" not in str(caught.value)


def test_quotes_of_a_text_are_text(synthesizer: Synthesizer) -> None:
    """GhostNaN/silero-webui#2"""
    quoted = "<speak>Tie <break time='300ms'/> yie, ɔse {}Mɛba{}</speak>"
    curly = synthesizer.synthesize(quoted.format("“", "”"), ssml=True)
    assert np.array_equal(curly, synthesizer.synthesize(quoted.format('"', '"'), ssml=True))


@pytest.mark.filterwarnings("ignore::kalakan.errors.MarkupWarning")
@pytest.mark.parametrize("sign", ["-", "–", "- -", "&amp;", "#", "*170#", "%", "M'", "A-1", "+233"])
def test_a_spelled_sign_is_said(synthesizer: Synthesizer, sign: str) -> None:
    """linux-speakup/espeakup#68"""
    document = "<speak>Ama {} fie</speak>"
    spelled = document.format(f"<say-as interpret-as='characters'>{sign}</say-as>")
    silent = synthesizer.synthesize(document.format(""), ssml=True)
    assert len(synthesizer.synthesize(spelled, ssml=True)) > len(silent)


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        pytest.param("Ama baa ha", "<h2>Ama</h2><p>baa ha</p>", id="ebook2audiobook-715-heading"),
        pytest.param("Ama baa ha", "Ama<br>baa ha", id="ebook2audiobook-715-line"),
        pytest.param("Ama baa ha", "<ul><li>Ama</li><li>baa ha</li></ul>", id="ebook2audiobook-715-list"),
        pytest.param("Ama. Baa ha", "Ama.\n\nBaa ha", id="audiblez-34-paragraph"),
        pytest.param("Ama.\n\nBaa ha", "Ama.\n\n* * *\n\nBaa ha", id="audiblez-34-scene"),
        pytest.param("Ama, baa ha", "Ama… baa ha", id="piper1-gpl-291"),
        pytest.param("Kofi me nua baa ha ɛnnɛ", "Kofi (me nua) baa ha ɛnnɛ", id="TGSpeechBox-133"),
    ],
)
def test_pauses_follow_the_layout(default: Synthesizer, shorter: str, longer: str) -> None:
    assert len(default.synthesize(longer)) > len(default.synthesize(shorter))


def test_lines_wrapped_inside_a_sentence_are_one(synthesizer: Synthesizer) -> None:
    """stradichenko/audiobook.koplugin#21"""
    wrapped = "Ɔhene no ka kyerɛɛ nkurɔfoɔ no sɛ wɔmmra\nahemfie ɔkyena anɔpa.\n"
    one_line = synthesizer.synthesize(wrapped.replace("\n", " "))
    assert np.array_equal(synthesizer.synthesize(wrapped), one_line)


def test_no_length_of_text_is_too_long(quick_voice: Path) -> None:
    """espnet/espnet_onnx#50"""
    quick = Synthesizer(quick_voice)
    lengths = [len(quick.synthesize("Kofi kɔɔ fie " * times)) for times in (1, 10, 100, 400)]
    assert sorted(set(lengths)) == lengths
    assert len(quick.synthesize("kɔba" * 750))


@pytest.mark.parametrize("text", ["Mepa wo kyɛw, bra fie", "Akwaaba", "Ɔkɔɔ kurom", "Nyame adom"])
def test_the_last_word_is_whole(default: Synthesizer, text: str) -> None:
    """KittenML/KittenTTS#26, home-assistant/core#150397"""
    speech = default.speak(text)
    assert len(speech.audio) - speech.timing.words[-1].end >= 0.05 * speech.sample_rate
    assert np.abs(speech.audio[-speech.sample_rate // 100 :]).max() < 1e-3


def test_silence_before_speech_can_be_asked_for(default: Synthesizer) -> None:
    """organicmaps/organicmaps#6846"""
    plain, later = default.synthesize("Maakye"), default.synthesize("Maakye", lead_in=0.5)
    silence = default.sample_rate // 2
    assert not later[:silence].any()
    assert np.array_equal(later[silence:], plain)
