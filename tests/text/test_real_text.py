"""Text as it is really written: what no line of the golden tables can hold."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from kalakan.cli.normalize import command
from kalakan.errors import KalakanError
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import TextStage
from kalakan.text.normalizer import normalize_text
from kalakan.text.sentences import split_sentences
from kalakan.text.twi_g2p import TwiG2P


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asɛm-\npa", "asɛmpa"),
        ("asɛm\u00ad\npa", "asɛmpa"),
        ("asɛm-\r\n  pa", "asɛmpa"),
        ("ntɛm-\nntɛm", "ntɛm ntɛm"),
        ("Kofi-\nAma", "kofi ama"),
        ("asɛm\ufffepa", "asɛmpa"),
        ("Ɛyɛ\\nKofi", "ɛyɛ kofi"),
    ],
)
def test_broken_lines_are_joined(text: str, expected: str) -> None:
    assert normalize_text(text) == expected


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (
            "Ɔhene no ka kyerɛɛ nkurɔfoɔ no sɛ wɔmmra\nahemfie ɔkyena anɔpa na wɔmmɛhyia mpaninfoɔ\nno nyinaa.",
            1,
        ),
        ("Ɔhene no ka kyerɛɛ nkurɔfoɔ no sɛ wɔmmra ahem-\nfie.", 1),
        ("me kɔ fie\nna meba\nna medi", 3),  # verse
        ("Ɔhene no ka kyerɛɛ nkurɔfoɔ no sɛ wɔmmra.\nahemfie ɔkyena anɔpa na wɔmmɛhyia mpaninfoɔ", 2),
        ("Ɔhene no ka kyerɛɛ nkurɔfoɔ no sɛ wɔmmra\n\nahemfie ɔkyena anɔpa na wɔmmɛhyia mpaninfoɔ", 2),
        ("Ɔhene no ka kyerɛɛ nkurɔfoɔ no sɛ wɔmmra\nb) ahemfie ɔkyena anɔpa na wɔmmɛhyia", 2),
        ("<p>Kofi aba.</p><p>Ama nso aba</p>", 2),
        ("Kofi aba<br>Ama nso aba<br/>Yaw", 3),
        ("II. Ɔkɔ sukuu.", 1),
        ("ii. Ɔkɔ sukuu. Ɔba.", 2),
        ("Lt. Gen. Kofi Boateng ne Insp. Mensah awu.", 1),
        ("Ring Rd. East ne Oxford St. wɔ Osu.", 1),
        ("House No. 23. Ɛyɛ.", 2),
        ("Ɔkaa sɛ fa no. Ɛyɛ.", 2),
        ("Hwɛ report.pdf. Afei kɔ.", 2),
        ("Me din de Kofi。 Yoo！ Ama ba？ Aane", 4),
        ("Hwɛ Fig. 3 ne Ch. 4. Afei kɔ.", 2),
    ],
)
def test_sentences_of_real_text(text: str, count: int) -> None:
    assert len(split_sentences(text)) == count


@pytest.mark.parametrize("sign", "/\\|¦‖│║•‣·–—…\"“”„‚«»‹›'’()[]{}〈〉《》「」『』【】⟨⟩❝❞*_~‗¡¿†‡※¶‼⁇⁈⁉‽․")
@pytest.mark.parametrize("text", ["ɔbaa{}ɔbarima", "ɔbaa {} ɔbarima", "{} ɔbaa", "{}ɔbaa{}", "1 {} ɔbaa"])
def test_separators_need_no_reading(sign: str, text: str) -> None:
    report: dict[str, int] = {}
    normalize_text(text.replace("{}", sign), report=report)
    assert report == {}


def test_strict_speaks_separators_and_refuses_signs() -> None:
    reader = TextStage(TwiG2P(english=False), 1000)
    plain = [phrase.ids for phrase in reader.phrases("Ɔbaa/ɔbarima 『aba』.", SpeakOptions(strict=True))]
    assert plain == [phrase.ids for phrase in reader.phrases("Ɔbaa ɔbarima aba.", SpeakOptions())]
    with pytest.raises(KalakanError, match="← in"):
        list(reader.phrases("Ɔbaa ← ɔbarima.", SpeakOptions(strict=True)))


def test_characters_without_a_reading_are_counted() -> None:
    report: Counter[str] = Counter()
    assert normalize_text("Kofi 漢字 漢 (Ama) 🤣 “x” \u200b*y*", report=report) == "kofi, ama, x y"
    assert report == {"漢": 2, "字": 1, "🤣": 1}
    normalize_text("字", report=report)
    assert report["字"] == 2
    normalize_text("n = 11, 5 ≥ 3 → 2, ∞", report=report)
    assert sum(report.values()) == 5


@given(st.text())
@example("\u00e2\u00ac\u0080")
def test_a_report_changes_no_reading(text: str) -> None:
    report: dict[str, int] = {}
    assert normalize_text(text, report=report) == normalize_text(text)
    # Look-alikes are counted as the one character that they are folded to.
    folded = text + unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text)) + "/→⊃"
    for character, count in report.items():
        # UTF-8 that was read as Latin-1 or Windows-1252 is counted as the character that it is repaired to.
        utf8 = [bytes([byte]) for byte in character.encode()]
        latin = "".join(byte.decode("latin-1") for byte in utf8)
        windows = "".join(byte.decode("cp1252", errors="ignore") or byte.decode("latin-1") for byte in utf8)
        assert character in folded or latin in text or windows in text
        assert count > 0


def test_the_command_names_what_has_no_reading() -> None:
    shown = CliRunner().invoke(command, ["--report", "Kofi 漢"])
    assert "kofi" in shown.stdout
    assert "漢 (U+6F22 CJK UNIFIED IDEOGRAPH-6F22) x1" in shown.stderr
    refused = CliRunner().invoke(command, ["--strict", "Kofi 漢"])
    assert refused.exception is not None
    assert "line 1 has 漢 (U+6F22" in str(refused.exception)
    assert CliRunner().invoke(command, ["--strict", "Kofi (20) “aba”"]).exit_code == 0
