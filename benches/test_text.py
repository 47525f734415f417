"""Text stages one by one. Run with `pytest benches/test_text.py --benchmark-only`; the comparison is `text.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from kalakan.text.cleaner import clean_text
from kalakan.text.normalizer import normalize_text
from kalakan.text.sentences import split_sentences
from kalakan.text.twi_g2p import TwiG2P

SENTENCES = (Path(__file__).parent / "data/sentences.txt").read_text(encoding="utf-8").splitlines()
NORMALIZED = [normalize_text(sentence) for sentence in SENTENCES]

pytestmark = pytest.mark.benchmark(group="text")


def test_clean(benchmark: BenchmarkFixture) -> None:
    benchmark(lambda: [clean_text(sentence) for sentence in SENTENCES])


def test_normalize(benchmark: BenchmarkFixture) -> None:
    assert benchmark(lambda: [normalize_text(sentence) for sentence in SENTENCES]) == NORMALIZED


def test_split_sentences(benchmark: BenchmarkFixture) -> None:
    text = " ".join(SENTENCES)
    assert benchmark(split_sentences, text)


@pytest.mark.parametrize("cache_size", [0, 8192], ids=["no cache", "warm cache"])
def test_g2p(benchmark: BenchmarkFixture, cache_size: int) -> None:
    g2p = TwiG2P(normalize=False, cache_size=cache_size)
    expected = [g2p.text_to_phoneme_sequence(text) for text in NORMALIZED]
    assert benchmark(lambda: [g2p.text_to_phoneme_sequence(text) for text in NORMALIZED]) == expected


def test_read_with_spans(benchmark: BenchmarkFixture) -> None:
    g2p = TwiG2P()
    expected = [g2p.text_to_phoneme_sequence(text) for text in SENTENCES]
    readings = benchmark(lambda: [g2p.read(text) for text in SENTENCES])
    assert [reading.ids for reading in readings] == expected


def test_whole_front_end_in_one_batch(benchmark: BenchmarkFixture) -> None:
    g2p = TwiG2P()
    expected = [g2p.text_to_phoneme_sequence(text) for text in SENTENCES]
    assert benchmark(g2p.texts_to_phoneme_sequences, SENTENCES) == expected
