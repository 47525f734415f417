"""Writes the page of a listening test, a single file that contains the audio, and the key that identifies the clips."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.files import write_audio
from kalakan.errors import DataError
from kalakan.evaluation.listening.items import KINDS, SENTENCES, TONE_WORDS, Item, items
from kalakan.storage import replacing, way_out
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.text.twi_g2p import TwiG2P

PAGE, KEY = "index.html", "key.json"
MOST_BYTES = 10_000_000
"""Maximum size of a page, which a phone can load over a slow network."""
MOST_ITEMS = 400
"""Maximum number of questions."""
FORMAT = "kalakan-listening-1"
LEVEL, PEAK = 10 ** (-23 / 20), 0.95
"""RMS level of every clip relative to full scale, and its maximum peak; louder voices seem better."""
_TEMPLATE = Path(__file__).with_name("page.html")
_MARK = "/*TEST*/null"
"""Placeholder for the data in the template."""


@dataclass(frozen=True)
class Written:
    """What was written."""

    page: Path
    items: int
    bytes: int
    format: str
    """"flac", or "mp3" if the page would have been too large."""


def write_page(
    voices: Sequence[str | Path | None],
    folder: str | Path,
    speakers: Sequence[str] = (),
    sentences: Sequence[str] = SENTENCES,
    seed: int = 0,
    progress: Callable[[int, int], Any] | None = None,
) -> Written:
    """Synthesizes the clips of all voices, by `speakers` (default: all of each voice), and writes `PAGE` and `KEY`.

    The page names no voice: `KEY` is for whoever evaluates. `seed` chooses the identifiers of the items. Raises
    `DataError` for more items than `MOST_ITEMS` or a page above `MOST_BYTES`, and the errors of `Synthesizer`.
    """
    synthesizers: list[Synthesizer] = []
    found: list[tuple[int, Item]] = []
    for number, source in enumerate(voices):
        synthesizer = Synthesizer(source)
        synthesizers.append(synthesizer)
        found += [
            (number, item)
            for item in _items_of(synthesizer, _name(synthesizer, voices, number), speakers, sentences)
        ]
    if len(found) > MOST_ITEMS:
        raise DataError(
            f"there would be {len(found)} questions; at most {MOST_ITEMS} can be asked: give fewer voices, speakers or "
            "sentences"
        )
    names = _identifiers(len(found), seed)
    sounds, rates = [], []
    for done, (number, item) in enumerate(found, 1):
        synthesizer = synthesizers[number]
        sounds.append(
            {
                name: levelled(synthesizer.synthesize(clip.text, clip.options))
                for name, clip in item.clips.items()
            }
        )
        rates.append(synthesizer.sample_rate)
        if progress:
            progress(done, len(found))
    asked = [item for _, item in found]
    for kind in ("flac", "mp3"):
        content = _page(names, asked, sounds, rates, kind)
        if len(content) <= MOST_BYTES:
            break
    else:
        raise DataError(
            f"the page would have {len(content) / 1e6:.1f} MB; it may have {MOST_BYTES / 1e6:.0f}: give fewer voices, "
            "speakers or sentences"
        )
    _write(Path(folder), content, _key(names, asked))
    return Written(Path(folder) / PAGE, len(found), len(content), kind)


def levelled(audio: Any) -> NDArray[np.float32]:
    """Audio [S] at `LEVEL`, or lower so as not to exceed `PEAK`."""
    samples = np.asarray(audio, np.float32)
    root = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    peak = float(np.abs(samples).max())
    if peak == 0:
        return samples
    return samples * np.float32(min(LEVEL / root, PEAK / peak))


def _items_of(
    synthesizer: Synthesizer, name: str, speakers: Sequence[str], sentences: Sequence[str]
) -> list[Item]:
    reader = synthesizer.g2p
    assert isinstance(reader, TwiG2P)
    predicts = synthesizer.voice is not None and synthesizer.voice.tones == "predicted"
    return list(items(name, list(speakers) or list(synthesizer.speakers), sentences, reader, predicts))


def _name(synthesizer: Synthesizer, voices: Sequence[str | Path | None], number: int) -> str:
    """Name and version of a voice, and its number if several are tested, because two may have the same name."""
    manifest = synthesizer.voice
    assert manifest is not None
    name = f"{manifest.name} {manifest.version}"
    return name if len(voices) == 1 else f"{number + 1}: {name}"


def _identifiers(count: int, seed: int) -> list[str]:
    """Names that reveal nothing about the clips."""
    draw = random.Random(f"kalakan listening {seed}")
    return [f"{number:06x}" for number in draw.sample(range(1 << 24), count)]


def _page(
    names: Sequence[str],
    asked: Sequence[Item],
    sounds: Sequence[dict[str, NDArray[np.float32]]],
    rates: Sequence[int],
    kind: str,
) -> bytes:
    questions = [
        {
            "id": name,
            "kind": item.kind,
            "prompt": item.prompt,
            "clips": {part: _embedded(audio, rate, kind) for part, audio in clips.items()},
            **({"choices": TONE_WORDS} if item.kind == "words" else {}),
        }
        for name, item, clips, rate in zip(names, asked, sounds, rates, strict=True)
    ]
    test = {"format": FORMAT, "test": test_identity(names, asked), "kinds": list(KINDS), "items": questions}
    data = json.dumps(test, ensure_ascii=False).replace(
        "<", "\\u003c"
    )  # no </script> in a text ends the script
    return _TEMPLATE.read_text(encoding="utf-8").replace(_MARK, data).encode()


def test_identity(names: Sequence[str], asked: Sequence[Item]) -> str:
    """Identifies the test, so that answers to another one are rejected."""
    return hashlib.sha256(json.dumps(_entries(names, asked), sort_keys=True).encode()).hexdigest()[:16]


def _embedded(audio: NDArray[np.float32], rate: int, kind: str) -> str:
    buffer = io.BytesIO()
    write_audio(buffer, audio, rate, kind)
    media = {"flac": "audio/flac", "mp3": "audio/mpeg"}[kind]
    return f"data:{media};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _entries(names: Sequence[str], asked: Sequence[Item]) -> dict[str, Any]:
    return {
        name: {
            "kind": item.kind,
            "voice": item.voice,
            "speaker": item.speaker,
            "prompt": item.prompt,
            "choices": _choices(item),
            "answer": item.answer,
        }
        for name, item in zip(names, asked, strict=True)
    }


def _choices(item: Item) -> list[Any]:
    if item.kind == "mos":
        return [1, 2, 3, 4, 5]
    if item.kind == "words":
        return list(TONE_WORDS)
    return [*item.clips, "same"]


def _key(names: Sequence[str], asked: Sequence[Item]) -> str:
    record = {"format": FORMAT, "test": test_identity(names, asked), "items": _entries(names, asked)}
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def _write(folder: Path, page: bytes, key: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / PAGE) as partial:
            partial.write_bytes(page)
        with replacing(folder / KEY) as partial:
            partial.write_text(key, encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: cannot be written ({error.strerror}); {way_out(error)}"
        ) from error
