"""The word cache: bounded, counted, and without any effect on a result."""

from __future__ import annotations

from kalakan.text.twi_g2p import TwiG2P


def test_hits_and_misses_are_counted() -> None:
    g2p = TwiG2P(normalize=False)
    g2p.text_to_phonemes("kwan no kwan")
    info = g2p.cache_info()
    assert (info.hits, info.misses, info.size) == (1, 2, 2)


def test_clear_empties_it() -> None:
    g2p = TwiG2P(normalize=False)
    g2p.text_to_phonemes("kwan no kwan")
    g2p.clear()
    info = g2p.cache_info()
    assert (info.hits, info.misses, info.size) == (0, 0, 0)


def test_it_never_holds_more_than_its_capacity() -> None:
    g2p = TwiG2P(normalize=False, cache_size=10)
    plain = TwiG2P(normalize=False, cache_size=0)
    words = [a + b + c for a in "bdfkst" for b in "aeiou" for c in "mnw"]
    for word in words * 2:
        assert g2p.word_to_phonemes(word) == plain.word_to_phonemes(word)
    assert g2p.cache_info().size <= 10
    assert g2p.cache_info().capacity == 10


def test_off_it_holds_nothing() -> None:
    g2p = TwiG2P(normalize=False, cache_size=0)
    g2p.text_to_phonemes("kwan kwan")
    info = g2p.cache_info()
    assert (info.hits, info.misses, info.size, info.capacity) == (0, 2, 0, 0)


def test_very_long_words_are_not_stored() -> None:
    g2p = TwiG2P(normalize=False)
    g2p.text_to_phonemes("ba" * 1000)
    assert g2p.cache_info().size == 0
