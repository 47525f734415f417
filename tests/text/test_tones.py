"""Predicted tones from Python: the golden table, the choice, and what must not change."""

from __future__ import annotations

import pickle
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kalakan.errors import ConfigError, KalakanError
from kalakan.text.phonemes import TONE_IDS, format_units
from kalakan.text.twi_g2p import TwiG2P

GOLDEN = Path(__file__).parents[1] / "golden/tone.tsv"
LINES = [line.split("\t") for line in GOLDEN.read_text(encoding="utf-8").splitlines()[1:]]
PREDICTED = TwiG2P(tones="predicted", english=False)
WRITTEN = TwiG2P(tones="written", english=False)


@pytest.mark.parametrize("line", LINES, ids=[line[0] for line in LINES])
def test_golden(line: list[str]) -> None:
    _, sentence, marked, rules, confidence, _ = line
    assert WRITTEN.write_tones(sentence) == marked
    decisions = PREDICTED.explain_tones(sentence)
    assert " ".join(decision.rule or "-" for decision in decisions) == rules
    assert " ".join(decision.confidence or "-" for decision in decisions) == confidence
    assert WRITTEN.text_to_phoneme_sequence(marked) == PREDICTED.text_to_phoneme_sequence(sentence)


def test_each_call_can_say_where_tones_come_from() -> None:
    text = "Ɔbaa no resere."
    without, given = WRITTEN.read(text), WRITTEN.read(text, tones="predicted")
    assert not set(without.ids) & set(TONE_IDS)
    assert given == PREDICTED.read(text)
    assert PREDICTED.read(text, tones="written") == without
    assert PREDICTED.texts_to_phoneme_sequences([text, text], tones="written") == [without.ids] * 2
    assert format_units(given.ids) == " ".join(WRITTEN.text_to_phonemes(text, tones="predicted"))
    assert [unit for unit in given.ids if unit not in TONE_IDS] == without.ids


def test_a_word_of_the_cache_takes_the_tones_of_its_sentence() -> None:
    g2p = TwiG2P(tones="predicted", english=False)
    forms = {text: g2p.write_tones(text).split()[-1] for text in ("ɔhu no", "ɔbaa no", "ɔhu no")}
    assert forms == {"ɔhu no": "nò", "ɔbaa no": "nó"}


def test_english_and_letters_without_a_reading_get_no_tones() -> None:
    g2p = TwiG2P(tones="predicted")
    assert g2p.write_tones("the school computer") == "the school computer"
    assert not set(g2p.text_to_phoneme_sequence("Good morning", "en")) & set(TONE_IDS)
    assert g2p.explain_tones("") == []


def test_a_lexicon_with_marks_is_obeyed() -> None:
    g2p = TwiG2P(tones="predicted", lexicon={"abena": "=àbénà", "nsuo": "n̩ ˥ s u o ˩"}, english=False)
    assert format_units(g2p.text_to_phoneme_sequence("Abena nsuo")) == "a ˩ b ɪ ˥ n a ˩ _ n̩ ˥ s u o ˩"
    assert [decision.rule for decision in g2p.explain_tones("Abena nsuo")] == ["written", "written"]


def test_akuapem_differs_where_the_sources_say_so() -> None:
    akuapem = TwiG2P("akuapem", english=False)
    assert (WRITTEN.write_tones("wɔhuu no"), akuapem.write_tones("wɔhuu no")) == ("wɔ̀hùù nò", "wɔ̀húù nò")
    # A form that the table has is Asante's; longer verbs are alike.
    assert (WRITTEN.write_tones("Kofi dii"), akuapem.write_tones("Kofi dii")) == ("kòfí dìì", "kòfí díì")
    assert WRITTEN.write_tones("ɔbisaa") == akuapem.write_tones("ɔbisaa")


def test_corrected_tones_go_straight_into_a_lexicon() -> None:
    marked = {"kɔ": "kɔ̀", "Kumasi": "kùmásì", "ɔ": "ɔ\u0301"}
    reader = TwiG2P(tones="predicted", english=False, lexicon=marked)
    equals = TwiG2P(
        tones="predicted", english=False, lexicon={word: f"={form}" for word, form in marked.items()}
    )
    text = "Kofi kɔ Kumasi."
    assert reader.text_to_phonemes(text) == equals.text_to_phonemes(text)
    assert reader.text_to_phonemes(text) != PREDICTED.text_to_phonemes(text)
    assert reader.write_tones(text) == "kòfí kɔ̀ kùmásì."
    for word, form in (("kɔ", "kò"), ("kɔ", "kɔ"), ("Kofi", "kò fí")):  # other letters, no mark, two words
        with pytest.raises(KalakanError):
            TwiG2P(lexicon={word: form})


def test_marks_are_composed_and_readers_can_be_pickled_and_shared() -> None:
    marked = WRITTEN.write_tones("Abofra no kɔ sukuu")
    assert marked == unicodedata.normalize("NFC", marked)
    copy = pickle.loads(pickle.dumps(PREDICTED))
    texts = [line[1] for line in LINES] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(copy.text_to_phoneme_sequence, texts)) == [
            PREDICTED.text_to_phoneme_sequence(text) for text in texts
        ]


@pytest.mark.parametrize("value", ["yes", None, True])
def test_an_unknown_choice_is_named(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"tones is .*; it must be 'predicted' or 'written'"):
        TwiG2P(tones=value)
    if value is not None:
        with pytest.raises(ConfigError, match="tones is "):
            WRITTEN.read("no", tones=value)


@pytest.mark.parametrize("text", ["JP", "OTP", "J. B. no"])
def test_letters_with_their_tones_written_stay_letters(text: str) -> None:
    reader = TwiG2P(tones="predicted", english=False)
    assert reader.text_to_phonemes(reader.write_tones(text), tones="written") == reader.text_to_phonemes(text)


def test_words_of_the_users_lexicon_are_shown_as_they_are() -> None:
    g2p = TwiG2P(lexicon={"Dr": "d o k ɪ t a", "COVID-19": "k o v i d"})
    assert g2p.write_tones("Dr. Ama ne COVID-19.").split()[0] == "dr"
    words = [decision.word for decision in g2p.explain_tones("Dr. Ama ne COVID-19.")]
    assert words[0] == "dr"
    assert not [word for word in words if word.startswith("zj")]
