"""Fuzz target: every text is a script of SSML, or a `KalakanError` of one line."""

from __future__ import annotations

import warnings

from kalakan.errors import KalakanError, KalakanWarning
from kalakan.synthesis.markup.ssml import read_ssml
from kalakan.synthesis.script import Text

TEXTS = (
    "<speak>Maakye <break time='300ms'/> Kofi.</speak>",
    "<speak xml:lang='tw'><p><s>Akwaaba</s><s>Wo ho te sɛn?</s></p></speak>",
    "<speak><prosody rate='90%' pitch='+1st' volume='-3dB'>Yɛda mo ase</prosody></speak>",
    "<speak><say-as interpret-as='date' format='dmy'>12/06/2024</say-as></speak>",
    "<speak><say-as interpret-as='characters'>GTV</say-as> <sub alias='Dɔkota'>Dr</sub></speak>",
    "<speak><phoneme alphabet='ipa' ph='a.kwaa.ba'>x</phoneme><emphasis level='strong'>Bra</emphasis></speak>",
    "<?xml version='1.0'?><speak version='1.1'><lang xml:lang='en'>school</lang><mark name='a'/></speak>",
    "<speak><voice name='kwame'>Bra &amp; kɔ &#x25b;</voice><!-- x --><![CDATA[<a>]]></speak>",
    "<speak><audio src='x.wav'><desc>dwom</desc>Kofi</audio><lexicon uri='x' xml:id='y'/></speak>",
)
SEEDS = tuple(b"\0" + text.encode("utf-8") for text in TEXTS)


def check(data: bytes) -> None:
    """Raises `AssertionError`, or what `read_ssml` must not raise, for a text that breaks the law."""
    if not data:
        return
    text = data[1:].decode("utf-8", "surrogateescape" if data[0] & 2 else "replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KalakanWarning)
        try:
            parts = read_ssml(text, strict=bool(data[0] & 1))
        except KalakanError as error:
            assert str(error)
            assert "\n" not in str(error)
            return
    at = 0
    for part in parts:
        for place in [*part.places] if isinstance(part, Text) else [part.start]:
            assert at <= place <= len(text)
            at = place
        assert at <= part.end <= len(text)
