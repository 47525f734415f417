"""English inside Twi: which words are English, and how they are read with and without the lexicon."""

from __future__ import annotations

import gzip
import importlib.util
import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalakan.errors import ConfigError, MissingDependencyError
from kalakan.text import english
from kalakan.text.normalizer import normalize_text
from kalakan.text.phonemes import SYMBOLS
from kalakan.text.twi_g2p import TwiG2P
from reference.english import COMMON
from reference.g2p import ReferenceG2P, read_lexicon

LINES = {
    "adoption": "a d ɔ p ʃ ə n",
    "bank": "b æ ŋ k",
    "bus": "b ʌ s",
    "five": "f a ɪ v",
    "is": "ɪ z",
    "kwame": "k w ɑ m i",
    "kotage": "k ɔ t ɪ dʒ",
    "late": "l e ɪ t",
    "manhean": "m æ n h iː n",
    "meeba": "m iː b a",
    "meeyɛ": "m iː j ɛ",
    "mensah": "m ɛ n s æ",
    "nkrumah": "ɛ n k r uː m ə",
    "phone": "f o ʊ n",
    "point": "p ɔ ɪ n t",
    "school": "s k uː l",
    "the": "ð ə",
    "time": "t a ɪ m",
    "to": "t uː",
    "twenty": "t w ɛ n t i",
    "two": "t uː",
    "were": "w ɜː",
    "zither": "z ɪ ð ə",
}
PLAIN = TwiG2P(english=False)
LEXICON = read_lexicon(Path(__file__).parents[2] / "rust/kalakan-text/data/lexicon.tsv")
COMMON_SAMPLE = sorted(COMMON)[::40]


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small lexicon in the shape of ghana-english-g2p; returns its data file."""
    data = folder / "ghana_english_g2p" / "data" / "lexicon.tsv.gz"
    data.parent.mkdir(parents=True)
    (data.parents[1] / "__init__.py").write_text("", encoding="utf-8")
    data.write_bytes(gzip.compress("".join(f"{word}\t{ipa}\n" for word, ipa in LINES.items()).encode()))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "ghana_english_g2p", raising=False)
    return data


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Path]:
    english._load.cache_clear()
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield install(tmp_path, monkeypatch)
        sys.modules.pop("ghana_english_g2p", None)
    english._load.cache_clear()


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TwiG2P, TwiG2P]]:
    """With a small cache and without; both have loaded the lexicon."""
    english._load.cache_clear()
    with pytest.MonkeyPatch.context() as monkeypatch:
        install(tmp_path_factory.mktemp("package"), monkeypatch)
        found = TwiG2P(cache_size=4, english=True), TwiG2P(cache_size=0, english=True)
        assert [read(g2p, "zither") for g2p in found] == ["z i d a"] * 2
        sys.modules.pop("ghana_english_g2p", None)
    english._load.cache_clear()
    yield found


def read(g2p: TwiG2P, text: str, language: str | None = None) -> str:
    return " ".join(g2p.text_to_phonemes(text, language))


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("school no", "s k u u l _ n ʊ"),
        ("me phone", "m ɪ _ f o o n̩"),
        ("time no aso", "t a i m̩ _ n ʊ _ a s ʊ"),
        ("Mensah bae", "m ɛ n̩ s a _ b a ɪ"),  # a name of Akan people, written the English way
        ("Nkrumah to phone", "ŋ̩ k ɾ u m a _ t ʊ _ f o o n̩"),
        ("meeyɛ, meeba", "m ɪ ɪ j ɛ , m ɪ ɪ b a"),  # the lexicon has both as if they were English
        ("me were afi", "m ɪ _ ɥ ɪ ɾ ɪ _ æ f i"),
        ("school to phone", "s k u u l _ t u u _ f o o n̩"),
        ("school to dua", "s k u u l _ t ʊ _ d u a"),
        ("school, to phone", "s k u u l , t ʊ _ f o o n̩"),
        ("school to", "s k u u l _ t ʊ"),
        ("to phone", "t ʊ _ f o o n̩"),
        ("the school's bus", "d a _ s k u u l z _ b a s"),
        ("Kwame bae", "kʷ a m ɪ _ b a ɪ"),  # its spelling is Twi
        ("bank", "b a ŋ̩ k"),  # the built-in lexicon stands before the English one
        ("zither's", "z i d a z"),  # not among the common words
        ("adoption no", "a d ɔ p ɕ a n̩ _ n ʊ"),  # could be Twi, is long, and ends as no word of Twi does
        ("kotage", "k ʊ t a ɡ ɪ"),
        ("schoool", "s k ʊ ʊ ʊ l"),  # what no lexicon has is read by letter rules
    ],
)
def test_english_words_are_read_from_the_lexicon(package: Path, text: str, units: str) -> None:
    assert read(TwiG2P(), text) == units
    assert read(TwiG2P(english=True, cache_size=0), text) == units


def test_a_stretch_in_a_language_is_read_in_it(package: Path) -> None:
    g2p = TwiG2P()
    assert read(g2p, "Kwame to", "en") == "kʷ a m i _ t u u"
    assert read(g2p, "Kwame to") == "kʷ a m ɪ _ t ʊ"
    assert read(g2p, "school time", "tw") == read(PLAIN, "school time", "tw") == "s tɕ ʊ ʊ l _ t i m e"
    assert read(g2p, "25 school", "en") == "t w ɛ n̩ t i _ f a i v _ s k u u l"
    assert read(g2p, "2.5", "en") == "t u u _ p ɔ i n̩ t _ f a i v"
    reading = g2p.read("School 2.5, time!", "en")
    assert reading.ids == g2p.text_to_phoneme_sequence("School 2.5, time!", "en")
    assert [(word.start, word.end) for word in reading.words] == [(0, 6), (7, 11), (12, 17)]


def test_a_language_that_does_not_exist_is_refused() -> None:
    for call in (PLAIN.read, PLAIN.text_to_phonemes, PLAIN.text_to_phoneme_sequence):
        with pytest.raises(ConfigError, match=r"^language is 'fr'; it must be 'tw' or 'en'"):
            call("bra", "fr")


def test_the_users_lexicon_stands_first(package: Path) -> None:
    assert read(TwiG2P(lexicon={"school": "s u k u u"}), "school phone") == "s u k u u _ f o o n̩"


def test_written_tones_go_on_the_reading_of_the_lexicon(package: Path) -> None:
    assert read(TwiG2P(), "bús") == "b a ˥ s"


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("the school no", "d a _ s k u u l _ n ʊ"),
        ("zither", "z i t e ɾ"),
        ("kɔ school ansa na", "k ɔ _ s k u u l _ a n̩ s a _ n a"),
        ("Nigeria operation", "n a i dʑ i ɾ i a _ ɔ p a ɾ e e ɕ a n̩"),
        ("football team no", "f u t b ɔ ɔ l _ t i i m̩ _ n ʊ"),  # beside English
        ("team school", "t i i m̩ _ s k u u l"),
        ("wo team no", "w ʊ _ t ɪ a m̩ _ n ʊ"),  # Twi has it too: shout
        ("school, team", "s k u u l , t ɪ a m̩"),
        ("fire fire school ago aba", "f a i a _ f a i a _ s k u u l _ a ɡ o _ a b a"),
        ("school a team school", "s k u u l _ a _ t i i m̩ _ s k u u l"),
        ("school a fire fire school", "s k u u l _ a _ f i ɾ e _ f a i a _ s k u u l"),
        ("Fante sor, kor ber", "f a n̩ t ɪ _ s ʊ ɾ , k ʊ ɾ _ b ɪ ɾ"),
        ("I'm late, we're here too late", "a i m̩ _ l e e t , w i a _ h i a _ t u u _ l e e t"),
    ],
)
def test_common_english_needs_no_lexicon(text: str, units: str) -> None:
    assert read(PLAIN, text) == units
    assert ReferenceG2P(LEXICON).text(normalize_text(text)) == units.split()


@given(
    words=st.lists(
        st.sampled_from(
            [
                *COMMON_SAMPLE,
                "a",
                "to",
                "fire",
                "team",
                "ago",
                "dua",
                "kɔ",
                "city's",
                "team's",
                ",",
                ".",
                "zither",
            ]
        ),
        max_size=16,
    )
)
def test_mixed_texts_agree_with_the_reference(words: list[str]) -> None:
    text = " ".join(words)
    assert PLAIN.text_to_phonemes(text) == ReferenceG2P(LEXICON).text(normalize_text(text))


def test_common_english_agrees_with_the_reference() -> None:
    reader, twin = TwiG2P(english=False, normalize=False), ReferenceG2P(LEXICON)
    assert [word for word in COMMON if reader.word_to_phonemes(word) != twin.word(word)] == []


def test_without_the_extra_its_words_are_read_by_letter_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert read(TwiG2P(), "zither") == read(PLAIN, "zither") == "z i t e ɾ"
    with pytest.raises(MissingDependencyError, match=r"\[english\]"):
        TwiG2P(english=True)


def test_a_wrong_choice_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^english is 'yes'; it must be 'auto', True or False"):
        TwiG2P(english="yes")


def test_a_broken_lexicon_raises_when_it_is_needed_and_every_time(package: Path) -> None:
    package.write_bytes(b"no gzip")
    g2p = TwiG2P()
    assert read(g2p, "me ma wo school") == read(PLAIN, "me ma wo school")
    for _ in range(2):
        with pytest.raises(MissingDependencyError, match="cannot be read"):
            g2p.text_to_phonemes("zither")


def test_the_lexicon_is_loaded_with_the_first_word_that_common_english_lacks(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    load = english._load
    monkeypatch.setattr(english, "_load", lambda: (calls.append("load"), load())[1])
    g2p = TwiG2P()
    g2p.text_to_phonemes("me ma wo akye, school phone")
    assert not calls
    g2p.text_to_phonemes("zither phone")
    g2p.text_to_phonemes("zither's")
    assert calls == ["load"]


def test_pickles_and_threads_read_alike(package: Path) -> None:
    g2p = TwiG2P(cache_size=8)
    texts = ["school to phone", "to", "time to", "the bus", "bra to"] * 40
    expected = [read(TwiG2P(cache_size=0), text) for text in texts[:5]] * 40
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: read(g2p, text), texts)) == expected
    assert read(pickle.loads(pickle.dumps(g2p)), texts[0]) == expected[0]


@given(
    text=st.lists(
        st.sampled_from([*LINES, "me", "dua", "to", "a", "be", "no", ",", ".", "20%", "É›", "😀", "Kofi's"]),
        max_size=12,
    ).map(" ".join),
    language=st.sampled_from([None, "tw", "en"]),
)
def test_the_cache_and_the_spans_change_nothing(
    readers: tuple[TwiG2P, TwiG2P], text: str, language: str | None
) -> None:
    cached, uncached = readers
    ids = uncached.text_to_phoneme_sequence(text, language)
    assert cached.text_to_phoneme_sequence(text, language) == ids
    reading = cached.read(text, language)
    assert reading.ids == ids
    written = "".join(text[word.start : word.end] for word in reading.words)
    assert written.replace(" ", "") == text.replace(" ", "")
    if language == "tw":
        assert ids == PLAIN.text_to_phoneme_sequence(text, "tw")


@pytest.mark.skipif(not english.is_installed(), reason="needs ghana-english-g2p (kalakan[english])")
def test_every_entry_of_the_real_lexicon_folds_to_speech() -> None:
    data = (resources.files("ghana_english_g2p") / "data" / "lexicon.tsv.gz").read_bytes()
    words = {line.split("\t")[0] for line in gzip.decompress(data).decode().splitlines()}
    g2p, rules = TwiG2P(english=True, cache_size=0), TwiG2P(english=False, cache_size=0)
    sample = sorted(words)[::20]
    readings = [g2p.text_to_phonemes(word, "en") for word in sample]
    assert all(set(units) <= set(SYMBOLS) for units in readings)
    by_rule = [rules.text_to_phonemes(word, "en") for word in sample]
    assert sum(a != b for a, b in zip(readings, by_rule, strict=True)) > len(sample) / 2
