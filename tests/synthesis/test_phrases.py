"""Scripts to phrases: what is read together, where it comes from, with which prosody."""

from __future__ import annotations

from typing import Any

import pytest

from kalakan.synthesis.markup import read_markup, read_ssml
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import Phrase, TextStage
from kalakan.synthesis.script import Part, Pause, Prosody, Text, Units
from kalakan.text.framing import FULL_STOP, PHRASE_BREAK
from kalakan.text.phonemes import BOS, format_units, parse_units, symbol_to_id
from kalakan.text.twi_g2p import TwiG2P

SLOW = Prosody(speed=0.5)


@pytest.fixture(scope="module")
def stage() -> TextStage:
    return TextStage(TwiG2P(), 300)


def stretch(raw: str, start: int, end: int, prosody: Prosody | None = None) -> Text:
    return Text(raw[start:end], range(start, end), end, prosody or Prosody())


def read(stage: TextStage, raw: str, script: list[Part], **options: Any) -> list[Phrase]:
    return list(stage.read_script(raw, script, SpeakOptions(**options)))


def test_parts_of_a_sentence_are_read_in_one_phrase(stage: TextStage) -> None:
    raw = "Me ne wo bɛkɔ fie."
    (plain,) = stage.phrases(raw)
    (parts,) = read(stage, raw, [stretch(raw, 0, 6), stretch(raw, 6, 9, SLOW), stretch(raw, 9, 18)])
    assert parts.ids == plain.ids
    assert [word.source for word in parts.words] == [word.source for word in plain.words]
    slow = {raw[slice(*word.source)] for word in parts.words if parts.prosody[word.first] is SLOW}
    assert slow == {"wo"}


def test_marks_after_a_part_belong_to_the_word_before(stage: TextStage) -> None:
    raw = "Kofi? Ama."
    script: list[Part] = [Units(tuple(parse_units("k o f i")), 0, 4), stretch(raw, 4, 10)]
    first, second = read(stage, raw, script)
    assert format_units(first.ids) == "<bos> k o f i ?"
    assert first.words[0].source == (0, 4)
    assert second.ids[-1] == FULL_STOP


def test_parts_without_space_between_them_are_one_word(stage: TextStage) -> None:
    raw = "bɛkɔ"
    (phrase,) = read(stage, raw, [stretch(raw, 0, 2), stretch(raw, 2, 4, SLOW)])
    assert symbol_to_id("_") not in phrase.ids


@pytest.mark.parametrize(
    ("start", "inside", "end"),
    [
        ("Ɔtuaa GHS ", "50", ""),
        ("Ɔredu simma ", "5", " mu"),
        ("Nnipa ", "3", " aba"),
        ("Ak", "waa", "ba"),
        ("Me ", "nua", " aba, na ɔbɛkɔ."),
    ],
)
def test_a_tag_parts_no_token(stage: TextStage, start: str, inside: str, end: str) -> None:
    (plain,) = stage.phrases(f"{start}{inside}{end}")
    opening = "<speak>" + start
    raw = f"{opening}<emphasis>{inside}</emphasis>{end}</speak>"
    (phrase,) = read(stage, raw, read_ssml(raw))
    assert phrase.ids == plain.ids
    place = len(opening + "<emphasis>")
    (word,) = (
        word for word in phrase.words if word.source[0] < place + len(inside) and place < word.source[1]
    )
    stressed = {index for index, prosody in enumerate(phrase.prosody) if prosody.volume > 0}
    assert set(range(word.first, word.last)) <= stressed
    assert len(stressed) < len(phrase.ids) or len(phrase.words) == 1


def test_a_pause_ends_the_flow_without_ending_the_sentence(stage: TextStage) -> None:
    raw = "Kofi bɛkɔ. Yoo"
    pause = Pause(0.5, 4, 5)
    first, second, third = read(
        stage, raw, [stretch(raw, 0, 4), pause, stretch(raw, 5, 14)], sentence_pause=1.0
    )
    assert first.ids[-1] == PHRASE_BREAK
    assert first.after == (pause,)
    assert second.after == (Pause(1.0, second.source[1], second.source[1]),)
    assert third.after == ()


def test_sentences_before_a_pause_end_as_sentences(stage: TextStage) -> None:
    raw = "Kofi\n\nAma\n\nYoo"
    script: list[Part] = [stretch(raw, 0, 9), Pause(0.2, 9, 9), stretch(raw, 9, 14)]
    phrases = read(stage, raw, script)
    assert [phrase.ids[-1] for phrase in phrases][-1] == FULL_STOP
    assert phrases[-2].ids[-1] == PHRASE_BREAK


def test_pauses_around_a_text_stay(stage: TextStage) -> None:
    opening, closing = Pause(0.1, 0, 0), Pause(0.2, 3, 3)
    (phrase,) = read(stage, "Yoo", [opening, stretch("Yoo", 0, 3), closing])
    assert (phrase.before, phrase.after) == ((opening,), (closing,))
    assert phrase.ids[-1] == FULL_STOP


def test_a_speaker_begins_a_phrase(stage: TextStage) -> None:
    raw = "Ama ne Kofi."
    first, second = read(stage, raw, [stretch(raw, 0, 4), stretch(raw, 4, 12, Prosody(speaker="kwame"))])
    assert (first.speaker, second.speaker) == (None, "kwame")


def test_what_stands_for_others_is_one_word(stage: TextStage) -> None:
    raw = "WHO bae."
    alias = Text("wiase nyinaa apomuden", [0] * 21, 3)
    (phrase,) = read(stage, raw, [alias, stretch(raw, 3, 8)])
    assert phrase.words[0].source == (0, 3)
    assert [raw[slice(*word.source)].strip(".") for word in phrase.words] == ["WHO", "bae"]
    assert phrase.words[0].last - phrase.words[0].first > 10


@pytest.mark.parametrize("limit", [20, 40])
def test_cut_sentences_keep_words_and_prosody(limit: int) -> None:
    raw = "me ne wo bɛkɔ fie na yɛakɔ sukuu na yɛaba bio ntɛm " * 6
    phrases = list(TextStage(TwiG2P(), limit).phrases(raw))
    assert len(phrases) > 3
    words = [word.source for phrase in phrases for word in phrase.words]
    assert words == sorted(set(words))
    assert [raw[slice(*source)] for source in words] == raw.split()
    for phrase in phrases:
        assert phrase.ids[0] == BOS
        assert len(phrase.prosody) == len(phrase.ids)
        assert phrase.words[0].first == 1
        assert phrase.words[-1].last == len(phrase.ids) - 1
    assert [phrase.is_sentence_end for phrase in phrases] == [False] * (len(phrases) - 1) + [True]


def test_a_word_longer_than_a_phrase_is_in_both(stage: TextStage) -> None:
    phrases = list(TextStage(TwiG2P(), 30).phrases("ba" * 100))
    assert {word.source for phrase in phrases for word in phrase.words} == {(0, 200)}


def test_a_reader_that_only_gives_ids_makes_a_sentence_one_word() -> None:
    class Plain:
        def text_to_phoneme_sequence(self, text: str) -> list[int]:
            return parse_units("j ʊ ʊ .")

    first, second = TextStage(Plain(), 300).phrases("Yoo. Kofi bae.")
    assert [word.source for word in (*first.words, *second.words)] == [(0, 4), (5, 14)]


def test_inline_tags_and_ssml_have_places_in_the_raw_text(stage: TextStage) -> None:
    raw = "Me [tw]sukuu[/tw] wɔ Kumasi."
    (phrase,) = read(stage, raw, read_markup(raw))
    assert [raw[slice(*word.source)].strip(".") for word in phrase.words] == ["Me", "sukuu", "wɔ", "Kumasi"]
    raw = "<speak>Me din de <emphasis>Kofi</emphasis> &amp; Ama.</speak>"
    phrases = read(stage, raw, read_ssml(raw))
    found = [raw[slice(*word.source)].strip(".") for phrase in phrases for word in phrase.words]
    assert found[:4] == ["Me", "din", "de", "Kofi"]
    assert found[-1] == "Ama"


def test_reading_is_one_phrase_ahead() -> None:
    asked = []

    class Counting(TwiG2P):
        def read(self, text: str, language: str | None = None, tones: str | None = None) -> Any:
            asked.append(text)
            return super().read(text, language, tones)

    phrases = TextStage(Counting(), 300).phrases("Yoo. " * 1000)
    next(phrases)
    assert len(asked) <= 4
