"""Text to framed id sequences and padded batches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalakan.errors import TextError
from kalakan.synthesis.cutting import cut_ranges
from kalakan.synthesis.frontend import Frontend, pad
from kalakan.text.framing import FULL_STOP, PHRASE_BREAK, frame
from kalakan.text.phonemes import BOS, PAUSE_IDS, SOUND_IDS, TABLE_SIZE, TONE_IDS, WORD_BOUNDARY
from kalakan.text.twi_g2p import TwiG2P

UNITS = st.lists(st.sampled_from([4, 4, 6, 7, 12, 16, 18, 24, 29, 48, 62, 68]), min_size=1, max_size=400)


@pytest.fixture(scope="module")
def frontend() -> Frontend:
    return Frontend(TwiG2P(), 300)


def test_sequences_are_framed_as_in_training(frontend: Frontend) -> None:
    first, second, third = frontend.sequences("Akwaaba! Wo ho te sɛn? Yoo")
    assert [ids[0] for ids in (first, second, third)] == [BOS] * 3
    assert [ids[-1] for ids in (first, second, third)] == [9, 8, FULL_STOP]


@pytest.mark.parametrize("text", ["", "  \n\t", "😀", "😀 🎉", "...", "!?", "\u200b"])
def test_a_text_without_sounds_is_an_error(frontend: Frontend, text: str) -> None:
    with pytest.raises(TextError, match=r"empty|nothing pronounceable"):
        list(frontend.sequences(text))


def test_silent_sentences_between_others_are_left_out(frontend: Frontend) -> None:
    assert len(list(frontend.sequences("Akwaaba! 😀. Yoo."))) == 2


def test_ids_outside_the_table_never_reach_a_model() -> None:
    class Reader:
        def text_to_phoneme_sequence(self, text: str) -> list[int]:
            return [29, TABLE_SIZE]

    with pytest.raises(TextError, match="phoneme id 96"):
        list(Frontend(Reader(), 300).sequences("a"))


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
    pieces = list(Frontend(TwiG2P(), 40).sequences("me ne wo bɛkɔ fie " * 40))
    assert len(pieces) > 5
    assert all(piece[-1] in PAUSE_IDS for piece in pieces)
    assert all(len(piece) <= 43 and not SOUND_IDS.isdisjoint(piece) for piece in pieces)


def test_a_word_without_end_is_spoken_in_pieces() -> None:
    assert len(list(Frontend(TwiG2P(), 50).sequences("ba" * 1000))) >= 20


@given(st.text(max_size=200))
def test_any_text_is_sequences_or_a_text_error(text: str) -> None:
    try:
        sequences = list(Frontend(TwiG2P(), 40).sequences(text))
    except TextError:
        return
    assert sequences
    assert all(0 < unit < TABLE_SIZE for ids in sequences for unit in ids)


def test_pad() -> None:
    batch = pad([[1, 29, 7], [1, 7]])
    assert batch.ids.dtype == np.int64
    assert batch.ids.tolist() == [[1, 29, 7], [1, 7, 0]]
    assert batch.lengths.tolist() == [3, 2]


def test_frame_keeps_a_mark_that_is_there() -> None:
    assert frame([29, 8]) == [BOS, 29, 8]
    assert frame([29]) == [BOS, 29, FULL_STOP]
    assert frame([29], PHRASE_BREAK) == [BOS, 29, PHRASE_BREAK]
