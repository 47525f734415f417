"""The text stage: framed id sequences, long sentences in pieces, padded batches with controls."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalakan.errors import TextError
from kalakan.synthesis.engines.stages import acoustic_batch, controls
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import TextStage, cut_ranges
from kalakan.synthesis.reading.sentences import READ_AT_ONCE
from kalakan.text.framing import FULL_STOP, PHRASE_BREAK, frame
from kalakan.text.phonemes import BOS, PAUSE_IDS, SOUND_IDS, TABLE_SIZE, TONE_IDS, WORD_BOUNDARY
from kalakan.text.twi_g2p import Reading, TwiG2P

UNITS = st.lists(st.sampled_from([4, 4, 6, 7, 12, 16, 18, 24, 29, 48, 62, 68]), min_size=1, max_size=400)


@pytest.fixture(scope="module")
def stage() -> TextStage:
    return TextStage(TwiG2P(), 300)


def sequences(stage: TextStage, text: str) -> list[list[int]]:
    return [phrase.ids for phrase in stage.phrases(text)]


def test_sequences_are_framed_as_in_training(stage: TextStage) -> None:
    first, second, third = sequences(stage, "Akwaaba! Wo ho te sɛn? Yoo")
    assert [ids[0] for ids in (first, second, third)] == [BOS] * 3
    assert [ids[-1] for ids in (first, second, third)] == [9, 8, FULL_STOP]


@pytest.mark.parametrize("text", ["", "  \n\t", "😀", "😀 🎉", "...", "!?", "\u200b"])
def test_a_text_without_sounds_is_an_error(stage: TextStage, text: str) -> None:
    with pytest.raises(TextError, match=r"empty|nothing pronounceable"):
        list(sequences(stage, text))


def test_silent_sentences_between_others_are_left_out(stage: TextStage) -> None:
    assert len(list(sequences(stage, "Akwaaba! 😀. Yoo."))) == 2


def test_ids_outside_the_table_never_reach_a_model() -> None:
    class Reader:
        def text_to_phoneme_sequence(self, text: str) -> list[int]:
            return [29, TABLE_SIZE]

    with pytest.raises(TextError, match="phoneme id 96"):
        list(sequences(TextStage(Reader(), 300), "a"))


@given(UNITS, st.integers(7, 60))
def test_cutting_keeps_every_sound_and_the_limit(units: list[int], limit: int) -> None:
    ranges = list(cut_ranges(units, limit))
    assert all(0 < last - first <= limit for first, last in ranges)
    edges = [0, *(place for pair in ranges for place in pair), len(units)]
    assert edges == sorted(edges)
    left_out = [unit for a, b in zip(edges[::2], edges[1::2], strict=True) for unit in units[a:b]]
    assert set(left_out) <= {WORD_BOUNDARY}


def test_cutting_prefers_pauses_then_words_and_keeps_tones() -> None:
    word = [29, 48, 24]
    assert next(cut_ranges([*word, 6, *word, WORD_BOUNDARY, *word], 9)) == (0, 4)
    assert next(cut_ranges([*word, WORD_BOUNDARY, *word], 5)) == (0, 3)
    tones = [29, 16] * 30
    assert all(tones[first] not in TONE_IDS for first, _ in cut_ranges(tones, 7))


def test_long_sentences_end_their_pieces_with_a_mark() -> None:
    pieces = list(sequences(TextStage(TwiG2P(), 40), "me ne wo bɛkɔ fie " * 40))
    assert len(pieces) > 5
    assert all(piece[-1] in PAUSE_IDS for piece in pieces)
    assert all(len(piece) <= 43 and not SOUND_IDS.isdisjoint(piece) for piece in pieces)


def test_a_word_without_end_is_spoken_in_pieces() -> None:
    assert len(list(sequences(TextStage(TwiG2P(), 50), "ba" * 1000))) >= 20


@pytest.mark.filterwarnings("ignore::kalakan.errors.UnreadableWarning")
@given(st.text(max_size=200))
def test_any_text_is_sequences_or_a_text_error(text: str) -> None:
    try:
        found = sequences(TextStage(TwiG2P(), 40), text)
    except TextError:
        return
    assert found
    assert all(0 < unit < TABLE_SIZE for ids in found for unit in ids)


def test_a_batch_is_padded_and_has_the_controls_that_differ(stage: TextStage) -> None:
    phrases = [next(stage.phrases(text)) for text in ("Yoo, yoo.", "Yoo.")]
    batch = acoustic_batch(phrases, SpeakOptions(), ("akosua", "kwame"))
    assert batch.ids.dtype == np.int64
    assert batch.lengths.tolist() == [len(phrase.ids) for phrase in phrases]
    for row, phrase in zip(batch.ids.tolist(), phrases, strict=True):
        assert row == [*phrase.ids, *[0] * (len(row) - len(phrase.ids))]
    assert controls(batch) == {}
    batch = acoustic_batch(phrases, SpeakOptions(speaker="kwame", speed=1.5), ("akosua", "kwame"))
    assert {name: value.tolist() for name, value in controls(batch).items()} == {
        "speaker": [1, 1],
        "speed": [[1.5], [1.5]],
    }


def test_markup_and_request_stay_within_the_limits_together(stage: TextStage) -> None:
    document = "<speak>Yoo <prosody rate='200%' pitch='+8st' range='150%'>yoo</prosody></speak>"
    (phrase,) = stage.phrases(document, SpeakOptions(ssml=True))
    batch = acoustic_batch([phrase], SpeakOptions(speed=1.5, pitch=6.0, pitch_range=1.5), ("akosua",))
    assert set(batch.speed[0].tolist()) == {1.5, 2.0}
    assert set(batch.pitch[0].tolist()) == {6.0, 12.0}
    assert set(batch.pitch_range[0].tolist()) == {1.5, 2.0}
    assert batch.speed.shape == batch.pitch.shape == batch.ids.shape


def test_frame_keeps_a_mark_that_is_there() -> None:
    assert frame([29, 8]) == [BOS, 29, 8]
    assert frame([29]) == [BOS, 29, FULL_STOP]
    assert frame([29], PHRASE_BREAK) == [BOS, 29, PHRASE_BREAK]


class Counting:
    """A reader that notes the length of each text it is given."""

    variety = "asante"

    def __init__(self) -> None:
        self.reader = TwiG2P()
        self.read_texts: list[str] = []

    def text_to_phoneme_sequence(self, text: str) -> list[int]:
        return self.read(text).ids

    def read(self, text: str, language: str | None = None, tones: str | None = None) -> Reading:
        self.read_texts.append(text)
        return self.reader.read(text, language, tones)


@pytest.mark.parametrize(
    "text",
    ["me kɔɔ sukuu na 1 200 mebaa fie " * 1000, "kɔ, " * 10_000, "kɔba" * 12_500, "ke\u0301\u0301" * 6_000],
    ids=["words", "commas", "one word", "marks"],
)
def test_a_line_without_end_is_read_in_bounded_pieces(text: str) -> None:
    reader = Counting()
    phrases = list(TextStage(reader, 300).phrases(text, SpeakOptions(sentence_pause=1.0)))
    assert max(map(len, reader.read_texts)) <= READ_AT_ONCE
    assert "".join(reader.read_texts) == text.strip()
    assert [phrase.is_sentence_end for phrase in phrases] == [False] * (len(phrases) - 1) + [True]
    assert not any(phrase.after for phrase in phrases)
    assert all(a.source <= b.source for a, b in pairwise(phrases))


def test_the_first_phrase_of_an_endless_line_needs_only_its_beginning() -> None:
    reader = Counting()
    next(TextStage(reader, 300).phrases("me kɔɔ sukuu na mebaa fie " * 100_000))
    assert len(reader.read_texts) <= 2


def test_pieces_end_between_words_and_outside_numbers() -> None:
    reader = Counting()
    list(TextStage(reader, 300).phrases("GHS 1 200 000 na " * 1000))
    for before, after in pairwise(reader.read_texts):
        assert before[-1] == " "
        assert not (before[-2].isdigit() and after[0].isdigit())
