"""Paragraphs, headings, scene breaks, and sentences that cannot be read."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from kalakan import ParallelSynthesizer, SpeakOptions, Synthesizer
from kalakan.cli.normalize import command as normalize
from kalakan.cli.phonemize import command as phonemize
from kalakan.cli.synthesize import command as synthesize
from kalakan.errors import TextError, UnreadableWarning
from kalakan.synthesis.cache import CachedSynthesizer, MemoryCache
from kalakan.synthesis.reading.phrases import TextStage
from kalakan.synthesis.reading.sentences import Break, break_between, is_scene_break
from kalakan.text.twi_g2p import TwiG2P

PAUSES = SpeakOptions(sentence_pause=1.0, paragraph_pause=2.0, heading_pause=4.0, scene_pause=8.0)


@pytest.fixture(scope="module")
def stage() -> TextStage:
    return TextStage(TwiG2P(), 300)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Ama. Baa ha", 1),
        ("Ama\nbaa ha", 1),
        ("Ama\r\nbaa ha", 1),
        ("Ama\rbaa ha", 1),
        ("Ama\r\rbaa ha", 3),
        ("Ama\r \nbaa ha", 3),
        ("Ama\n\nbaa ha", 3),
        ("Ama.\r\n \t\r\n\r\nBaa ha", 3),
        ("Ama.\u2029Baa ha", 3),
        ("<p>Ama.</p><p>Baa ha</p>", 3),
        ("Ama.<p class='x'>Baa ha", 3),
        ("# Ama\nBaa ha", 5),
        ("# Ama\n\nBaa ha", 5),
        ("<h2>Ama</h2><p>Baa ha</p>", 5),
        ("#Ama\nBaa ha", 1),
        ("Ama.\n\n* * *\n\nBaa ha", 9),
        ("Ama.\n***\nBaa ha", 9),
        ("Ama.\n---\nBaa ha", 9),
        ("Ama.\n⁂\nBaa ha", 9),
        ("Ama.<hr/>Baa ha", 9),
        ("# Ama\n\n---\n\nBaa ha", 9),
        ("Ama.\n- Baa ha", 1),
    ],
)
def test_breaks_have_pauses_of_their_own(stage: TextStage, text: str, seconds: float) -> None:
    first, last = stage.phrases(text, PAUSES)
    assert [pause.seconds for pause in first.after] == [seconds]
    assert not last.after and not first.before


@pytest.mark.parametrize(
    ("document", "seconds"),
    [
        ("<p>Ama.</p><p>Baa ha</p>", 3),
        ("<p>Ama.</p> Baa ha", 3),
        ("<p><s>Ama.</s></p>\n <p><s>Baa ha</s></p>", 3),
        ("<s>Ama.</s>\n\n<s>Baa ha</s>", 1),
        ("Ama.\n\nBaa ha", 1),
        ("<p><prosody rate='slow'>Ama.</prosody></p><p>Baa ha</p>", 3),
    ],
)
def test_the_element_p_is_a_paragraph(stage: TextStage, document: str, seconds: float) -> None:
    options = SpeakOptions(sentence_pause=1.0, paragraph_pause=2.0, ssml=True)
    first, _ = stage.phrases(f"<speak>{document}</speak>", options)
    assert [pause.seconds for pause in first.after] == [seconds]


def test_pauses_are_longer_than_a_sentences_by_default(tiny_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice)
    texts = ("Ama. Baa ha.", "Ama.\n\nBaa ha.", "# Ama.\nBaa ha.", "Ama.\n\n***\n\nBaa ha.")
    lengths = [len(synthesizer.synthesize(text)) for text in texts]
    assert lengths == sorted(set(lengths))


@pytest.mark.parametrize("mark", ["…", "...", "........"])
def test_an_ellipsis_is_more_than_a_comma(tiny_voice: Path, stage: TextStage, mark: str) -> None:
    synthesizer = Synthesizer(tiny_voice)
    comma, ellipsis = (len(synthesizer.synthesize(f"Ama{sign} baa ha")) for sign in (",", mark))
    assert ellipsis > comma
    first, last = stage.phrases(f"Ama{mark} baa ha", PAUSES)
    assert [pause.seconds for pause in first.after] == [0.2] and not first.is_sentence_end
    assert not last.after
    assert len(list(stage.phrases(f"Ama baa ha{mark}"))) == 1
    first, last = stage.phrases(f"Ama{mark} Baa ha", PAUSES)
    assert [pause.seconds for pause in first.after] == [1.2]


@pytest.mark.parametrize(
    "text", ["Kofi (me nua) baa ha", "Kofi [me nua] baa ha", "Kofi | me nua | baa ha", "Kofi\tme nua\tbaa ha"]
)
def test_brackets_and_cells_have_the_pauses_of_commas(stage: TextStage, text: str) -> None:
    (read,), (commas,) = stage.phrases(text), stage.phrases("Kofi, me nua, baa ha")
    assert read.ids == commas.ids


def test_only_lines_of_signs_break_scenes() -> None:
    assert is_scene_break("* * *") and is_scene_break("~~~")
    assert not any(map(is_scene_break, ("", "**", "...", "Ama * * *", "- -")))
    assert break_between("Ama", "\n", "Baa") == Break.SENTENCE


UNREAD = "Me din de Kofi. 你好世界。 Привет!\nYoo."


async def _pieces(synthesizer: Synthesizer, options: SpeakOptions) -> list[Any]:
    return [chunk async for chunk in synthesizer.astream(UNREAD, options, by_sentence=True)]


def _cached(synthesizer: Synthesizer, options: SpeakOptions) -> Any:
    return CachedSynthesizer(synthesizer, MemoryCache(1 << 20)).synthesize(UNREAD, options)


VERBS: dict[str, Callable[[Synthesizer, SpeakOptions], Any]] = {
    "synthesize": lambda s, o: s.synthesize(UNREAD, o),
    "speak": lambda s, o: s.speak(UNREAD, o).audio,
    "stream": lambda s, o: np.concatenate(list(s.stream(UNREAD, o, by_sentence=True))),
    "batch": lambda s, o: s.synthesize_batch([UNREAD], options=o, errors="raise")[0],
    "asynthesize": lambda s, o: asyncio.run(s.asynthesize(UNREAD, o)),
    "astream": lambda s, o: np.concatenate(asyncio.run(_pieces(s, o))),
    "cached": _cached,
}


def check_left_out(speak: Callable[[SpeakOptions], Any], synthesizer: Synthesizer) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        audio = speak(SpeakOptions())
    named = {str(warning.message) for warning in caught if warning.category is UnreadableWarning}
    assert len(named) == 2
    for sentence, place in (("'你好世界。'", 16), ("'Привет!'", 22)):
        assert any(f"left out: {sentence} at character {place} holds nothing" in line for line in named)
    assert np.array_equal(audio, synthesizer.synthesize("Me din de Kofi.\n\nYoo.", paragraph_pause=0.0))
    with pytest.raises(TextError, match="'你好世界。' at character 16"):
        speak(SpeakOptions(strict=True))


@pytest.mark.parametrize("verb", VERBS)
def test_a_sentence_that_cannot_be_read_is_left_out_and_named(tiny_voice: Path, verb: str) -> None:
    synthesizer = Synthesizer(tiny_voice)
    check_left_out(lambda options: VERBS[verb](synthesizer, options), synthesizer)


@pytest.mark.parametrize(
    ("text", "lost"),
    [("Maakye 你好 Kofi", "你好"), ("Kofi Привет Ama.", "Привет"), ("Kofi ꓛhene ʘǀ fie 😀", "ʘǀ")],
)
def test_letters_without_a_reading_are_left_out_and_named(stage: TextStage, text: str, lost: str) -> None:
    with pytest.warns(UnreadableWarning) as caught:
        assert len(list(stage.phrases(text))) == 1
    assert [str(warning.message).split(" in '")[0] for warning in caught] == [f"left out: {lost}"]
    with pytest.raises(TextError, match=f"{lost}.* in .*, without a reading"):
        list(stage.phrases(text, SpeakOptions(strict=True)))


def test_so_it_is_in_parallel(tiny_voice: Path) -> None:
    with ParallelSynthesizer(tiny_voice) as parallel:
        check_left_out(
            lambda options: parallel.submit(UNREAD, options=options).result(30), Synthesizer(tiny_voice)
        )
        check_left_out(
            lambda options: np.concatenate(list(parallel.stream(UNREAD, options=options, by_sentence=True))),
            Synthesizer(tiny_voice),
        )


def test_so_it_is_on_the_command_line(tiny_voice: Path, tmp_path: Path) -> None:
    arguments = ["--voice", str(tiny_voice), "-o", str(tmp_path / "x.wav"), "--", UNREAD]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert CliRunner().invoke(synthesize, arguments).exception is None
    assert [warning.category for warning in caught] == [UnreadableWarning] * 2
    assert (tmp_path / "x.wav").stat().st_size > 1000
    result = CliRunner().invoke(synthesize, ["--strict", *arguments])
    assert isinstance(result.exception, TextError)


@pytest.mark.parametrize("text", ["Kofi. ***\n😀\nYoo.", "<p>Kofi.</p><hr><p>Yoo.</p>", "Kofi.\n—\nYoo."])
def test_what_says_nothing_is_no_fault(stage: TextStage, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(stage.phrases(text))) == 2


@pytest.mark.parametrize(
    ("text", "lost"),
    [("Kofi. ***\n😀\nYoo.", "😀"), ("Kofi 😀 Yoo.", "😀"), ("Kofi @ Yoo", "@"), ("Kofi ☎ Ama ^.", "☎^")],
)
def test_strict_refuses_signs_without_a_reading_as_normalize_does(
    stage: TextStage, text: str, lost: str
) -> None:
    with pytest.raises(TextError, match=f"{lost[:1]}.* in .*, without a reading".replace("^", r"\^")):
        list(stage.phrases(text, SpeakOptions(strict=True)))
    result = CliRunner().invoke(normalize, ["--strict", "--", text])
    assert isinstance(result.exception, TextError) and all(sign in str(result.exception) for sign in lost)


@pytest.mark.parametrize(
    "text", ["Kofi. ***\n—\nYoo.", "<p>Kofi.</p><hr><p>Yoo.</p>", "(Kofi) – “Yoo” *paa*."]
)
def test_strict_lets_what_is_only_seen_pass(stage: TextStage, text: str) -> None:
    assert list(stage.phrases(text, SpeakOptions(strict=True)))


def test_a_text_of_nothing_else_is_an_error_without_warnings(stage: TextStage) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TextError, match="holds nothing pronounceable; give words"):
            list(stage.phrases("你好。 世界。"))


@pytest.mark.parametrize("beginning", [r"{\rtf1\ansi Maakye}", "\ufeff %PDF-1.7", "PK\x03\x04 word"])
def test_documents_of_word_processors_are_refused(stage: TextStage, beginning: str) -> None:
    with pytest.raises(TextError, match="not plain text; save it as text in UTF-8"):
        list(stage.phrases(beginning))


@pytest.mark.parametrize("arguments", [("-o", "x.wav"), ("--lines", "-o", "x-{n}.wav")])
def test_the_commands_refuse_them_too(
    tiny_voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    document = b"{\\rtf1\\ansi Maakye}"
    runs = [(synthesize, ["--voice", str(tiny_voice), *arguments]), (normalize, []), (phonemize, [])]
    for command, given in runs:
        result = CliRunner().invoke(command, given, input=document)
        shown = f"{result.exception} {result.output}"
        assert "is RTF, not plain text; save it as text in UTF-8" in shown
