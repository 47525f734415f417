"""Writes a page that plays recordings next to a voice that reads the same sentences."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.files import write_audio
from kalakan.evaluation.report import format_table
from kalakan.evaluation.samples import Sample, Samples
from kalakan.evaluation.voice_model import VoiceModel
from kalakan.storage import replacing
from kalakan.text.framing import frame
from kalakan.text.twi_g2p import TwiG2P
from kalakan.voices.package import Voice

PAGE = "index.html"
_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<style>body {{ font: 16px/1.5 sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border-bottom: 1px solid #ccc; padding: .4em; text-align: left }}
audio {{ width: 14em }} img {{ max-width: 100% }} pre {{ overflow: auto }}</style></head><body>
<h1>{name}</h1>
<p>Sentences of the test split, which the voice did not learn from. <b>Recording</b>: the speaker. <b>Copy</b>: the
recording's mel through the voice's vocoder, the best that it can sound. <b>Voice</b>: the sentence, read.</p>
<table><tr><th>sentence</th><th>speaker</th><th>recording</th><th>copy</th><th>voice</th></tr>
"""
_ROW = (
    '<tr><td lang="tw">{text}</td><td>{speaker}</td>'
    '<td><audio controls preload="none" src="audio/{id}.recording.wav"></audio></td>'
    '<td><audio controls preload="none" src="audio/{id}.copy.wav"></audio></td>'
    '<td><audio controls preload="none" src="audio/{id}.voice.wav"></audio></td></tr>\n'
)


def write_page(
    folder: str | Path, voice: Voice, data: str | Path, report: dict[str, Any], *, limit: int
) -> Path:
    """Writes `index.html` and `audio/` into `folder`; returns the page.

    It plays up to `limit` test sentences of each speaker in the corpus `data`: the recording, its copy through the
    vocoder, and the voice reading the text with its default tones; below are the scores of `report` and the plots in
    the folder. Raises the errors of `evaluate`.
    """
    place = Path(folder)
    (place / "audio").mkdir(parents=True, exist_ok=True)
    model = VoiceModel(voice)
    reader = TwiG2P(tones=voice.manifest.tones)
    rows = []
    with tempfile.TemporaryDirectory(prefix="kalakan-") as features:
        samples = Samples(data, model.audio, model.speakers, features, (), limit)
        for index in range(len(samples)):
            sample = samples[index]
            for kind, audio in _sounds(sample, model, reader):
                path = place / "audio" / f"{sample.utterance.id}.{kind}.wav"
                write_audio(path, np.clip(audio, -1.0, 1.0), model.audio.sample_rate)
            text, speaker = html.escape(sample.utterance.text), html.escape(sample.utterance.speaker)
            rows.append(_ROW.format(text=text, speaker=speaker, id=html.escape(sample.utterance.id)))
    pictures = "".join(
        f'<p><img src="{html.escape(path.name)}" alt=""></p>\n' for path in sorted(place.glob("*.png"))
    )
    with replacing(place / PAGE) as partial:
        partial.write_text(
            _HEAD.format(name=html.escape(voice.manifest.name))
            + "".join(rows)
            + f"</table>\n<h2>Scores</h2>\n<pre>{html.escape(format_table(report))}</pre>\n{pictures}</body></html>\n",
            encoding="utf-8",
        )
    return place / PAGE


def _sounds(sample: Sample, model: VoiceModel, reader: TwiG2P) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Recording, copy and reading of a sentence, audio [S] each."""
    yield "recording", sample.audio
    yield "copy", model.vocode(sample.mel, sample.f0)
    ids = np.asarray(frame(reader.text_to_phoneme_sequence(sample.utterance.text)), np.int64)
    yield "voice", model.speak(ids, sample.utterance.speaker).audio
