"""Every sign and code of the one table for money is money wherever it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from kalakan.synthesis.markup.ssml import read_ssml
from kalakan.synthesis.script import Text
from kalakan.text.normalizer import normalize_text
from kalakan.text.twi_g2p import TwiG2P

TABLE = Path(__file__).parents[2] / "rust" / "kalakan-text" / "data" / "currencies.tsv"
ROWS = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]]
G2P = TwiG2P(english=False)


def amounts(sign: str, place: str, figure: str) -> list[str]:
    """The ways in which money is written."""
    touching = [f"{figure}{sign}"] if sign not in ("GP", "P") else []
    before = (
        [f"{sign}{figure}", f"{sign.lower()}{figure}"] if place == "both" else [f"{figure}{sign.lower()}"]
    )
    return before + (touching if place == "both" else [])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_sign_is_money_everywhere(row: list[str]) -> None:
    sign, place, noun, _, english, _, typed = row
    written = [sign] + [sign.replace(sign[-1], other) for other in typed.split()]
    if sign.startswith("GH") and sign.endswith("₵"):
        written += ["GHȼ", "GH₡", "Gh₵"]
    for form in written:
        for text in amounts(form, place, "25"):
            assert normalize_text(text) == f"{noun} aduonu num", text
            assert G2P.text_to_phonemes(text, "en") == G2P.text_to_phonemes(f"twenty five {english}", "en"), (
                text
            )
        for text in amounts(form, place, "3"):
            # A 3 beside a sign of money is no ɛ.
            assert normalize_text(text) == f"{noun} mmiɛnsa", text
            assert normalize_text(text, chat="wide") == f"{noun} mmiɛnsa", text
        spellings = [f"25 {form}", f"25{form}"] + ([f"{form} 25", f"{form}25"] if place == "both" else [])
        for content in spellings:
            (part,) = read_ssml(f'<speak><say-as interpret-as="currency">{content}</say-as></speak>')
            assert isinstance(part, Text)
            assert normalize_text(part.text) == f"{noun} aduonu num", content


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$7667.47", "dɔla mpem nson ahansia ne aduosia nson ne sɛnt aduanan nson"),
        ("€3.20", "yuro mmiɛnsa ne sɛnt aduonu"),
        ("£0.50", "pɛns aduonum"),
        ("₦5.20", "naira num ne kobo aduonu"),
        ("$2.5m", "dɔla ɔpepem mmienu akyiri pɔ num"),
        ("$1.5", "dɔla baako akyiri pɔ num"),
        ("JPY 5.20", "yɛn num akyiri pɔ aduonu"),
    ],
)
def test_hundredths_of_every_currency_that_has_them(text: str, expected: str) -> None:
    assert normalize_text(text) == expected
