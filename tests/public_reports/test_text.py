"""Public reports of other programs' faults in reading text, as trials of the front-end. The ids name the reports."""

from __future__ import annotations

import re
import unicodedata

import pytest

from kalakan.text.normalizer import normalize_text
from kalakan.text.sentences import split_sentences
from kalakan.text.twi_g2p import TwiG2P

READER = TwiG2P()
NUMBER = "ɔpepem mpem ahanu ne aduasa nan ahanum ne aduosia nson"
PHONE = "plɔs mmienu mmiɛnsa mmiɛnsa mmienu ɛnan ɛnan baako mmienu mmiɛnsa ɛnan enum nsia"
LETTER_NAMES = re.compile(r"\b(ɛm|bii|kee|ee|ɛɛkye)\b")

READINGS = {
    "pocket-tts-234": {
        "Ɛyɛ 10.000.000 GHS": "ɛyɛ sidi ɔpepem du",
        "1.234,56": "apem ahanu ne aduasa nan akyiri pɔ aduonum nsia",
        "1,234.56": "apem ahanu ne aduasa nan akyiri pɔ aduonum nsia",
        "1'234'567": NUMBER,
        "1’234’567": NUMBER,
        "1\u2009234\u2009567": NUMBER,
        "1\u202f234\u202f567": NUMBER,
        "1_000_000": "ɔpepem",
        "1e6": "ɔpepem",
    },
    "sherpa-onnx-1839": {
        "Kɔ kalakan.org": "kɔ kalakan dɔt org",
        "README.md": "readme dɔt ɛm dii",
        "a.b.c": "ee dɔt bii dɔt sii",
        "v1.2.3": "vii baako dɔt mmienu dɔt mmiɛnsa",
        "192.168.0.1": "ɔha ne aduɔkron mmienu dɔt ɔha ne aduosia nwɔtwe dɔt hwee dɔt baako",
        "https://kalakan.org/asɛm": "kalakan dɔt org slash asɛm",
        "kofi.mensah@mofa.gov.gh": "kofi dɔt mensah at mofa dɔt gov dɔt gyii ɛɛkye",
    },
    "kernel-ai-assistant-1486": {
        "Bra 3:45 anɔpa na fa 12,500 bra, 0244 123 456 frɛ me 7:00 anwummerɛ": (
            "bra nnɔn mmiɛnsa apa ho simma aduanan num anɔpa na fa mpem dummienu ahanum bra, hwee mmienu ɛnan ɛnan, "
            "baako mmienu mmiɛnsa, ɛnan enum nsia frɛ me nnɔn nson anwummerɛ"
        ),
    },
    "TTS.cpp-30": {
        "Maakye 你好 Kofi": "maakye kofi",
        "Kofi ∞ fie": "kofi nea ɛnni awieeɛ fie",
        "Me ₦500 ₵20": "me naira ahanum sidi aduonu",
        "5 < 7 > 3 = ok": "enum nnuru nson boro mmiɛnsa yɛ ok",
        "Kofi Привет Ama": "kofi ama",
        "Kofi مرحبا Ama": "kofi ama",
    },
    "epub2tts-kokoro-12": {
        "Meda wo ase PII": "meda wo ase pii",
        "Me din de KOFI": "me din de kofi",
        "KRISTO yɛ Awurade": "kristo yɛ awurade",
        "SIKA ne ASƐM": "sika ne asɛm",
        "DABI, menkɔ": "dabi, menkɔ",
        "Ɔse: TIE!": "ɔse: tie!",
        "KUMASI-ACCRA kwan": "kumasi accra kwan",
        "ACCRA": "accra",
        "SSCE": "ɛs ɛs sii ii",
        "MTN ne KNUST": "ɛm tii ɛn ne kee ɛn yuu ɛs tii",
    },
    "bookreader-179": {
        "ɔman-\nfoɔ": "ɔmanfoɔ",
        "ɔman\u00ad\nfoɔ": "ɔmanfoɔ",
        "ɔman\ufffefoɔ": "ɔmanfoɔ",
        "ankasa-\nankasa": "ankasa ankasa",
    },
    "guiguts-py-261": {
        "-1/2": "maenɔs fa",
        "-½": "maenɔs fa",
        "-2½": "maenɔs mmienu ne fa",
        "B1/2": "bii baako, mmienu",
        "Flat C-3/4": "flat sii mmiɛnsa, ɛnan",
    },
    "supertonic-10": {
        "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0": (
            "baako mmienu mmiɛnsa ɛnan enum nsia nson nwɔtwe nkron hwee "
            "baako mmienu mmiɛnsa ɛnan enum nsia nson nwɔtwe nkron hwee"
        ),
        "Twerɛ 4 0 0 4 9.": "twerɛ ɛnan hwee hwee ɛnan nkron.",
    },
    "nvda-17544": {
        "2020-12": "ɔpɛnimaa, afe mpem mmienu ne aduonu",
        "2024-06 mu": "ayɛwohomumɔ, afe mpem mmienu ne aduonu nan mu",
    },
    "NVDA-IBMTTS-Driver-109": {
        "250 250": "ahanu ne aduonum ahanu ne aduonum",
        "Nnwom 12 120 na 121.": "nnwom dummienu ɔha ne aduonu na ɔha ne aduonu baako.",
        "Ne nnuro yɛ 90 100 85": "ne nnuro yɛ aduɔkron ɔha aduɔwɔtwe num",
        "Room 101 102 103": "room ɔha ne baako ɔha ne mmienu ɔha ne mmiɛnsa",
    },
    "SpeakThat-147": {
        "Wo OTP ne 276983.": "wo oo tii pii ne mmienu nson nsia nkron nwɔtwe mmiɛnsa.",
        "Wo kɔd ne 4821.": "wo kɔd ne nan nwɔtwe mmienu baako.",
        "Account nɔma 1441000123456": (
            "account nɔma baako nan nan baako hwee hwee hwee baako mmienu mmiɛnsa nan num nsia"
        ),
        "G-482913": "gyii ɛnan nwɔtwe mmienu nkron baako mmiɛnsa",
        "PIN 1234": "pin baako mmienu mmiɛnsa ɛnan",
    },
    "AudioBooth-304": {
        "Ɛdi 1h 20m.": "ɛdi dɔnhwere baako simma aduonu.",
        "2h 5m 10s": "dɔnhwere mmienu simma num sɛkɛnd du",
        "5min 30s": "simma num sɛkɛnd aduasa",
        "2h": "dɔnhwere mmienu",
        "1h20": "dɔnhwere baako simma aduonu",
        "1h20m": "dɔnhwere baako simma aduonu",
        "2h05.": "dɔnhwere mmienu simma num.",
        "30 s": "sɛkɛnd aduasa",
        "45sec": "sɛkɛnd aduanan num",
        "20min": "simma aduonu",
    },
    "ucon-132": {"5 mcg": "mikrogram num", "5 mg": "miligram num"},
    "vernacula-216": {
        "Fa 5µg da biara.": "fa mikrogram num da biara.",
        "5 μg": "mikrogram num",
        "10 µm": "mikromita du",
        "16 → 28": "dunsia kɔsi aduonu nwɔtwe",
    },
    "tutorials-132": {
        "10p.m. na 11a.m.": "anadwo nnɔn du na anɔpa nnɔn dubaako.",
        "8p.m.-10p.m.": "anadwo nnɔn nwɔtwe kɔsi anadwo nnɔn du.",
        "7p.m": "anadwo nnɔn nson",
        "5.00a.m.": "anɔpa nnɔn num.",
        "8:30p.m.": "anadwo nnɔn nwɔtwe ne fa.",
        "8 p.m.": "anadwo nnɔn nwɔtwe.",
    },
    "kokoro-tts-33": {
        "09:08 AM": "anɔpa nnɔn nkron apa ho simma nwɔtwe",
        "GHS 7667.47": "sidi mpem nson ahansia ne aduosia nson ne pɛsewa aduanan nson",
    },
    "thorium-reader-3778": {
        "x²": "x mmienu",
        "v₁": "v baako",
        "SO₄²⁻": "so nan mmienu maenɔs",
        "Na⁺": "na plɔs",
        "π r²": "pai r mmienu",
    },
    "bookorbit-1486": {
        "m&#8217;ani": "m'ani",
        "&#x25b;y&#x25b;": "ɛyɛ",
        "Kofi &ldquo;bra&rdquo; &mdash; Ama": "kofi bra, ama",
        "5&deg;C": "digrii sɛlsiɔs num",
        "&euro;5": "yuro num",
        "m&#39;ani &amp; n&apos;ani": "m'ani ne n'ani",
    },
    "FBReaderJ-plugin-tts-3": {
        "<Akwaaba> ɔkaa sɛ bra": "akwaaba ɔkaa sɛ bra",
        "Me din de <din>, me firi <kuro>.": "me din de din, me firi kuro.",
        "Kofi <<Ama>> Yaw": "kofi ama yaw",
        "<Kofi kɔɔ fie>": "kofi kɔɔ fie",
        "5 < 7 na 9 > 3": "enum nnuru nson na nkron boro mmiɛnsa",
    },
    "hermes-agent-89367": {
        "<!-- hyɛ --> Akwaaba": "akwaaba",
        "<!DOCTYPE html>Akwaaba": "akwaaba",
        "<style>p{color:red}</style>Akwaaba": "akwaaba",
        "<script>var x=1;</script>Akwaaba": "akwaaba",
    },
    "obsidian-edge-tts-38": {
        "==Akwaaba== paa": "akwaaba paa",
        "[[Fie]]": "fie",
        "[[Fie|efie]]": "efie",
        "> [!note] Akwaaba": "! note, akwaaba",
    },
    "edge-tts-universal-7": {
        "kofi+twi@example.com": "kofi plɔs twi at example dɔt com",
        "example.com/?q=twi+akan&p=1#ti": (
            "example dɔt com slash question mark kuu equals twi plɔs akan ampersand pii equals baako hash tii ai"
        ),
        "kofi-mensah@example.com": "kofi dash mensah at example dɔt com",
        "kofi_mensah@example.com": "kofi ɔnda mensah at example dɔt com",
        "mailto:kofi@example.com": "kofi at example dɔt com",
    },
}
"""Of each report, what is written and the words that are read."""


@pytest.mark.parametrize(
    ("written", "words"),
    [
        pytest.param(*reading, id=f"{report}-{number}")
        for report, readings in READINGS.items()
        for number, reading in enumerate(readings.items())
    ],
)
def test_what_others_lost_or_misread_is_read(written: str, words: str) -> None:
    assert normalize_text(written) == words


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(
            [f"M{mark}adamfo n{mark}ani agye" for mark in "'’ʼ‘`´＇"], id="misaki-100-sherpa-onnx-1981"
        ),
        pytest.param(
            [f"Bra 3:45{space}pm" for space in (" ", "\u202f", "\u00a0", "\u2009", "")], id="TGSpeechBox-76"
        ),
        pytest.param(
            [
                unicodedata.normalize(form, "Ɔ́dɔ̀ né ɛ́yɛ̀ ãnkasa ñ ŋ ê")
                for form in ("NFC", "NFD", "NFKC", "NFKD")
            ],
            id="espeak-ng-1933",
        ),
    ],
)
def test_another_way_of_writing_it_changes_no_sound(texts: list[str]) -> None:
    assert len({tuple(READER.text_to_phoneme_sequence(text)) for text in texts}) == 1


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("yq dqn", "yɛ dɛn"),
        ("wo ho te sqn", "wo ho te sɛn"),
        ("Yqfrq me", "yɛfrɛ me"),
        ("wcn yq", "wɔn yɛ"),
        ("QYQ", "ɛyɛ"),
        ("Iraq, Aqua, queen, 5 sq", "iraq, aqua, queen, enum sq"),
    ],
)
def test_the_keys_of_keyboards_for_akan_are_letters_in_wide_spelling(written: str, words: str) -> None:
    """keymanapp/keyboards#3526: there q and c are ɛ and ɔ; on X11's layout for Akan q is ɛ too."""
    assert normalize_text(written, chat="wide") == words


@pytest.mark.parametrize("letter", ["e", "É", "ɛ", "ɔ\u0301", "m", "ẽ"])
def test_a_drawn_letter_has_a_limit_and_what_is_beyond_is_counted(letter: str) -> None:
    """tgstation/tgstation#75556"""
    report: dict[str, int] = {}
    at_limit = normalize_text(f"Yi{letter * 20} paa", report=report)
    assert not report
    assert normalize_text(f"Yi{letter * 2000} paa", report=report) == at_limit
    assert sum(report.values()) == 1980


@pytest.mark.parametrize("end", ["", " ", ".", ",", ")", "anaa", " anaa", "；", "/0201234567"])
def test_a_telephone_number_is_one_whatever_follows(end: str) -> None:
    """wenet-e2e/WeTextProcessing#272"""
    assert normalize_text(f"+233244123456{end}").startswith(PHONE)


@pytest.mark.parametrize("text", ["M-m-me nnim.", "K-Kofi, bra!", "B-b-bra ha", "Ɛ-ɛ-ɛyɛ", "A-a-ane"])
def test_a_stammer_is_not_spelled(text: str) -> None:
    """karashiiro/TextToTalk#179"""
    words = normalize_text(text)
    assert LETTER_NAMES.search(words) is None
    assert words.replace(" ", "") == text.lower().replace("-", "").replace(" ", "")


@pytest.mark.parametrize("written", ["Kuukua aba", "KUUKUA ABA", "kuukua's", "Kuukua-Ama", "Me, KUUKUA."])
def test_a_lexicon_is_obeyed_in_every_form_of_a_name(written: str) -> None:
    """rhasspy/piper#711"""
    own = TwiG2P(lexicon={"kuukua": "k u u kʷ a"})
    assert "k u u kʷ a" in " ".join(own.text_to_phonemes(written))
    assert "k u u kʷ a" not in " ".join(READER.text_to_phonemes(written))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "Dr. K. A. Busia ne Prof. J. H. K. Nketia kɔɔ St. Peter's 9:30 a.m. no, na wɔbaa U.S.A. a.m. no. a.m.",
            id="KittenTTS-115",
        ),
        pytest.param("Ring Rd. East ne Oxford St. wɔ Osu.", id="cyclestreets-442"),
        pytest.param(
            "Ɔhene no ka kyerɛɛ nkurɔfoɔ no sɛ wɔmmra\nahemfie ɔkyena anɔpa na wɔmmɛhyia mpaninfoɔ\nno nyinaa.\n",
            id="audiobook.koplugin-21",
        ),
        pytest.param("Kɔ https://mofa.gov.gh/site/asɛm?x=1&y=2 na kenkan v1.2.3", id="sherpa-onnx-1839"),
    ],
)
def test_one_sentence_stays_one(text: str) -> None:
    assert len(split_sentences(text)) == 1


def test_lines_of_a_list_are_sentences() -> None:
    """kyutai-labs/pocket-tts#153"""
    assert len(split_sentences("Ankaa\nBorɔdeɛ\nNsuo\nNkatehono\n")) == 4
