"""Grapheme to phoneme: golden tables, laws, and agreement with the reference."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.errors import ConfigError, TextError, UnknownPhonemeError
from kalakan.text.normalizer import normalize_text
from kalakan.text.phonemes import PAUSE_IDS, SYMBOLS, format_units, parse_units
from kalakan.text.twi_g2p import TwiG2P, is_foreign
from reference.g2p import ReferenceG2P, read_lexicon, syllables

ROOT = Path(__file__).parents[2]
GOLDEN = [
    line.split("\t")
    for name in ("g2p.tsv", "g2p_more.tsv")
    for line in (ROOT / "tests/golden" / name).read_text(encoding="utf-8").splitlines()[1:]
]
LEXICON = read_lexicon(ROOT / "rust/kalakan-text/data/lexicon.tsv")

MODES = {
    "full": TwiG2P(normalize=False, english=False),
    "economic": TwiG2P(normalize=False, tone="economic", english=False),
}
UNCACHED = TwiG2P(normalize=False, cache_size=0, english=False)
RAW = TwiG2P(english=False)

letters = st.sampled_from(
    [*"aeɛioɔubdfghklmnprstwycjqvxz", "n", "m", "a", "ny", "nw", "hw", "ky", "re", "bɛ"]
)
marks = st.sampled_from(["", "", "", "", "", "\u0301", "\u0300", "\u0304", "\u0303", "'", "ꜜ"])
word = st.lists(st.tuples(letters, marks), min_size=1, max_size=10).map(
    lambda pairs: "".join(a + b for a, b in pairs).rstrip("'ꜜ")
)
clitic = st.tuples(st.sampled_from(["", "", "m'", "n'", "w'", "wɔ", "me", "n", "m"]), word).map("".join)
text = st.lists(st.tuples(clitic, st.sampled_from([" ", " ", ", ", ". ", "? ", "… "]))).map(
    lambda pairs: "".join(a + b for a, b in pairs)
)


@pytest.mark.parametrize(
    ("row", "written", "units"), [row[:3] for row in GOLDEN], ids=[row[0] for row in GOLDEN]
)
def test_golden_words(row: str, written: str, units: str) -> None:
    mode = "economic" if row.startswith("E") else "full"
    assert MODES[mode].word_to_phonemes(written) == units.split()


@pytest.mark.parametrize(
    ("row", "written", "units"), [row[:3] for row in GOLDEN], ids=[row[0] for row in GOLDEN]
)
def test_the_reference_reads_golden_words(row: str, written: str, units: str) -> None:
    mode = "economic" if row.startswith("E") else "full"
    folded = written.replace("ε", "ɛ").replace("’", "'")
    reference = ReferenceG2P(LEXICON, mode)
    read = reference.text if " " in folded else reference.word
    assert read(folded) == units.split()


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("k kofi", "k _ k o f i"),
        ("b b bra", "b _ b _ b ɾ a"),
        ("b b, na b b", "b i i _ b i i , n a _ b i i _ b i i"),
        ("ky kyerɛ", "k i _ tɕ ɪ ɾ ɛ"),
        ("k ama", "k e e _ a m a"),
        ("x na y", "ɛ k s _ n a _ w æ i"),
    ],
)
def test_a_consonant_that_begins_the_next_word_is_a_stammer(text: str, units: str) -> None:
    assert MODES["full"].text_to_phonemes(text) == units.split()
    assert ReferenceG2P(LEXICON, "full").text(text) == units.split()


@pytest.mark.parametrize("mode", MODES)
@given(word=clitic)
@settings(max_examples=examples(200), deadline=None)
def test_words_agree_with_the_reference(mode: str, word: str) -> None:
    assert MODES[mode]._core.text_to_units(word) == ReferenceG2P(LEXICON, mode).word(word)


@given(text=text)
@settings(max_examples=examples(200), deadline=None)
def test_texts_agree_with_the_reference(text: str) -> None:
    assert MODES["full"].text_to_phonemes(text) == ReferenceG2P(LEXICON).text(text)


def test_a_tilde_on_a_consonant_changes_no_vowel() -> None:
    assert MODES["full"].text_to_phonemes("k\u0303ɔbi") == MODES["full"].word_to_phonemes("k\u0303ɔbi")


@given(word=clitic)
@settings(max_examples=examples(200), deadline=None)
def test_syllables_agree_with_the_reference_and_lose_nothing(word: str) -> None:
    units = MODES["full"].word_to_phonemes(word)
    found = MODES["full"].syllables(word)
    assert [unit for syllable in found for unit in syllable] == [u for u in units if u not in "_,.?!;:…"]
    if "_" not in units and not set(units) & {",", ".", "?", "!"}:
        assert found == syllables(units)


@given(text=st.text(alphabet=st.characters(codec=None), max_size=60) | text)
@settings(max_examples=examples(200), deadline=None)
def test_every_text_has_a_reading_in_the_table(text: str) -> None:
    for g2p in (RAW, MODES["full"]):
        ids = g2p.text_to_phoneme_sequence(text)
        assert all(SYMBOLS[phoneme] for phoneme in ids)
        assert parse_units(format_units(ids)) == ids
        assert g2p.text_to_phonemes(text) == [SYMBOLS[phoneme] for phoneme in ids]
        assert not any(set(pair) <= PAUSE_IDS for pair in pairwise(ids))


@given(texts=st.lists(text, max_size=5))
@settings(max_examples=examples(200), deadline=None)
def test_batch_equals_map_and_the_cache_changes_nothing(texts: list[str]) -> None:
    singles = [MODES["full"].text_to_phoneme_sequence(text) for text in texts]
    assert MODES["full"].texts_to_phoneme_sequences(texts) == singles
    assert UNCACHED.texts_to_phoneme_sequences(texts) == singles


@given(text=st.text(max_size=60) | text)
@settings(max_examples=examples(200), deadline=None)
def test_normalizing_first_changes_nothing(text: str) -> None:
    normalized = normalize_text(text)
    expected = RAW.text_to_phoneme_sequence(text)
    assert RAW.text_to_phoneme_sequence(normalized) == expected
    assert MODES["full"].text_to_phoneme_sequence(normalized) == expected


def test_boundaries_and_pauses() -> None:
    assert format_units(RAW.text_to_phoneme_sequence("Me ma wo akye, ɔba!")) == (
        "m ɪ _ m a _ w ʊ _ a tɕ ɪ , ɔ b a !"
    )
    assert RAW.text_to_phoneme_sequence("") == []
    assert RAW.text_to_phoneme_sequence(" … ") == []


def test_a_lone_surrogate_is_read_as_nothing_speakable() -> None:
    assert RAW.text_to_phonemes("ba \ud800 ko") == RAW.text_to_phonemes("ba \ufffd ko")


def test_unknown_letters_are_counted_and_never_silent() -> None:
    g2p = TwiG2P(normalize=False, english=False)
    assert g2p.text_to_phonemes("baжa 7") == ["b", "a", "<unk>", "a", "_", "<unk>"]
    assert g2p.unknown == {"ж": 1, "7": 1}
    g2p.text_to_phonemes("baжa")
    assert g2p.unknown["ж"] == 2
    g2p.clear()
    assert g2p.unknown == {}


def test_a_user_lexicon_beats_everything(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text("word\tunits\n# names\nKojo\tk o dʑ o\nagya\ta dʑ a\npa\tp a ˥\n", encoding="utf-8")
    for lexicon in (path, str(path), {"KOJO": "k o dʑ o", "agya": "a dʑ a", "pa": "p a ˥"}):
        g2p = TwiG2P(lexicon=lexicon)
        assert g2p.word_to_phonemes("kojo") == ["k", "o", "dʑ", "o"]
        assert g2p.word_to_phonemes("m'agya") == ["m", "a", "dʑ", "a"]
        assert g2p.word_to_phonemes("pa") == ["p", "a", "˥"]
        # A written mark beats the entry's own tone.
        assert g2p.word_to_phonemes("pà") == ["p", "a", "˩"]
        assert pickle.loads(pickle.dumps(g2p)).word_to_phonemes("kojo") == ["k", "o", "dʑ", "o"]


def test_a_lexicon_entry_may_be_a_respelling(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text("wifi\t=waifai\ncoffee\t= kɔfí\nATM\t=ee tii ɛm\nnytt\t=ny3\n", encoding="utf-8")
    g2p = TwiG2P(lexicon=path)
    assert g2p.word_to_phonemes("WiFi") == g2p.word_to_phonemes("waifai")
    assert g2p.word_to_phonemes("coffee") == ["k", "o", "f", "i", "˥"]
    assert g2p.word_to_phonemes("atm") == [*"ee", "_", "t", "i", "i", "_", "ɛ", "m̩"]
    assert g2p.word_to_phonemes("nytt") == ["ɲ", "ɛ"]
    assert TwiG2P(lexicon={"wifi": "=waifai"}).word_to_phonemes("wifi") == g2p.word_to_phonemes("waifai")


def test_a_user_lexicon_beats_what_the_normalizer_says() -> None:
    entries = {
        "ECG": "e tɕ i",
        "COVID-19": "k o v i",
        "Dr": "d ɔ k",
        "5G": "f a i",
        "e.g.": "e ɡ",
        "Kofi": "k o f",
    }
    g2p = TwiG2P(lexicon=entries, english=False)

    def read(text: str, language: str | None = None) -> str:
        return format_units(g2p.text_to_phoneme_sequence(text, language))

    assert read("ECG ne 5G") == "e tɕ i _ n ɪ _ f a i"
    assert read("COVID-19, covid-19!") == "k o v i , k o v i !"
    assert read("Dr. Ama ne Dr Ama") == "d ɔ k _ a m a _ n ɪ _ d ɔ k _ a m a"
    assert read("ɔyɛ Dr.") == "ɔ j ɛ _ d ɔ k ."
    assert read("e.g. me") == "e ɡ _ m ɪ"
    assert read("ECG's fie, KOFI's fie") == "e tɕ i s _ f i e , k o f s _ f i e"
    assert read("ECG", "en") == read("ECG", "tw") == "e tɕ i"
    assert read("ECGs") == format_units(RAW.text_to_phoneme_sequence("ECGs"))
    text = "Dr. Mensah's ECG, COVID-19 ne GHS 5"
    reading = g2p.read(text)
    words = ["Dr.", "Mensah's", "ECG,", "COVID-19", "ne", "GHS 5"]
    assert [text[word.start : word.end] for word in reading.words] == words
    assert reading.ids == g2p.text_to_phoneme_sequence(text)


@pytest.mark.parametrize(
    ("lines", "error", "place"),
    [
        ("bra\t=\n", TextError, "line 1: the respelling after = is empty"),
        ("bra\tb ɾ a\nwo\t=жук\n", TextError, "line 2: the respelling"),
        ("bra\t=7\n", TextError, 'line 1: the respelling "7" is not a word of Twi letters'),
        ("bra\tb ɾ a\nbra b ɾ a\n", TextError, "line 2"),
        ("\n\ntwo words\tb ɾ a\n", TextError, "line 3"),
        ("bra\tb r a\n", UnknownPhonemeError, "line 1"),
        ("bra\t\n", TextError, "line 1"),
        ("bra\tb ɾ a .\n", TextError, "line 1"),
        ("bra\t<bos> b\n", TextError, "line 1"),
        ("123\tb\n456\tb\n...\tb\n", TextError, "line 3"),
    ],
)
def test_a_bad_lexicon_line_is_named(tmp_path: Path, lines: str, error: type[Exception], place: str) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(error, match=place):
        TwiG2P(lexicon=path)


def test_a_missing_lexicon_is_named(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"none\.tsv"):
        TwiG2P(lexicon=tmp_path / "none.tsv")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("variety", "fante"),
        ("tone", None),
        ("cache_size", -1),
        ("cache_size", "many"),
        ("chat", "all"),
        ("human", "no"),
    ],
)
def test_a_bad_option_is_named_with_its_value(option: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{option} is .*must be"):
        TwiG2P(**{option: value})  # type: ignore[arg-type]


def test_many_threads_share_one_reader() -> None:
    g2p = TwiG2P(cache_size=16, english=False)
    texts = [f"me{a}a wo{b}i n{a}ɔ" for a in "bdfkst" for b in "bdfkst"] * 20
    expected = [UNCACHED.text_to_phoneme_sequence(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(g2p.text_to_phoneme_sequence, texts)) == expected


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_read_as_the_parent(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on {sys.platform}")
    with multiprocessing.get_context(method).Pool(1) as pool:
        # A method of the package: a child that is spawned cannot import this test module.
        assert pool.apply(RAW.text_to_phonemes, ("kwan no",)) == RAW.text_to_phonemes("kwan no")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_starts_with_an_empty_cache() -> None:
    RAW.text_to_phonemes("kwan")
    child = os.fork()
    if child == 0:
        os._exit(0 if RAW.cache_info().size == 0 and RAW.text_to_phonemes("kwan") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


TWI = "me so no to do be a we he fa bra kwan mmra nkran kyɛw seesei nnwom m'adwuma meeba meekum peepee"
FOREIGN = "computer school bank thomas cheese pizza jesus text Ghana spain David south seen beer teepee"


def test_twi_spelling_is_not_foreign() -> None:
    assert [word for word in TWI.split() if is_foreign(word)] == []


def test_foreign_spelling_is_foreign() -> None:
    assert [word for word in FOREIGN.split() if not is_foreign(word)] == []
