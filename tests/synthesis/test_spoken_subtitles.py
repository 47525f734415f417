"""From SSML to subtitles through a voice: every word of the text at its time, and no markup."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest

from kalakan.synthesis.subtitles import write_subtitles
from kalakan.synthesis.synthesizer import Synthesizer

SSML = """<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="tw">
  <p>Akwaaba! Wo ho te <emphasis>sɛn</emphasis>?</p>
  <s>Frɛ <say-as interpret-as="telephone">0244123456</say-as>.</s><break time="500ms"/>
  <prosody rate="slow" pitch="+2st">Ɛbo yɛ GHS 25.50 &amp; <sub alias="Ghana TV">GTV</sub>,
  <phoneme ph="kofi">Kofi</phoneme>.</prosody>
</speak>"""
SHOWN = "Akwaaba! Wo ho te sɛn? Frɛ 0244123456. Ɛbo yɛ GHS 25.50 & GTV, Kofi."


@pytest.mark.parametrize("name", ["out.srt", "out.vtt"])
@pytest.mark.parametrize(
    ("text", "ssml"), [(SSML, True), ("Akwaaba!\n\nMe [tw]din[/tw] de 25 --> Kofi.", False)]
)
def test_subtitles_show_what_is_spoken(
    tiny_voice: Path, tmp_path: Path, name: str, text: str, ssml: bool
) -> None:
    speech = Synthesizer(tiny_voice).speak(text, ssml=ssml)
    write_subtitles(speech.timing, text, tmp_path / name)
    cues = list(pysubs2.load(str(tmp_path / name)))
    shown = " ".join(cue.plaintext.replace("\n", " ") for cue in cues).replace("\u2060", "")
    expected = SHOWN if ssml else "Akwaaba! Me din de 25 --> Kofi."
    assert shown.replace("&amp;", "&").replace("--&gt;", "-->") == expected
    assert all(before.end <= after.start for before, after in pairwise(cues))
    assert cues[-1].end <= 1000 * speech.timing.samples / speech.sample_rate
