"""Arguments of the wrong type are errors of Kalakan's own, each with a way out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan import Config, ParallelSynthesizer, Synthesizer
from kalakan.audio.files import read_audio, write_audio
from kalakan.errors import AudioError, ConfigError
from kalakan.synthesis.timing import Segment, Sentence, Timing

TONE = np.zeros(100, np.float32)


@pytest.mark.parametrize("source", [5, [], b"a.yaml", ("a",)])
def test_what_is_no_configuration(source: Any) -> None:
    with pytest.raises(ConfigError, match="give a mapping or a YAML file"):
        Config(source)


@pytest.mark.parametrize("content", ["[" * 20_000, "a: " + "9" * 5000, "a: &b [*b]\n" * 3, "\x00"])
def test_a_file_that_is_no_configuration(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(ConfigError):
        Config(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 24_000.0}, "rate is 24000.0; it must be a whole number of Hz"),
        ({"rate": "24000"}, "rate is '24000'; it must be a whole number of Hz"),
        ({"rate": True}, "rate is True"),
        ({"sample_rate": 24_000.5}, "sample_rate is 24000.5; it must be a whole number of Hz"),
        ({"sample_rate": None}, "sample_rate"),
        ({"format": 5}, "5 is not an audio format"),
        ({"bits": [16]}, r"bits is \[16\]; wav takes 16, 24 or float"),
        ({"bits": "16"}, "bits is '16'"),
    ],
)
def test_how_audio_is_stored(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    sample_rate = options.pop("sample_rate", 24_000) if "sample_rate" in options else 24_000
    with pytest.raises(AudioError, match=message):
        write_audio(tmp_path / "a.wav", TONE, sample_rate, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (io.StringIO(), "the file takes text, and audio is bytes; open it in binary mode"),
        (5, "the file is a int; give a path or a binary file object"),
        (None, "the file is a NoneType"),
    ],
)
def test_where_audio_goes(file: Any, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        write_audio(file, TONE, 24_000)


@pytest.mark.parametrize("audio", [[[0.0], [0.0, 0.1]], ["a"], None, 5, b"abc", {}])
def test_what_is_no_audio(audio: Any) -> None:
    with pytest.raises(AudioError, match="audio"):
        write_audio(io.BytesIO(), audio, 24_000)


@pytest.mark.parametrize("kind", [np.float16, np.longdouble])
@pytest.mark.parametrize("format", ["wav", "flac", "ogg"])
def test_floats_of_any_width_are_written(kind: Any, format: str) -> None:
    buffer = io.BytesIO()
    tone = (0.5 * np.sin(np.arange(2400) * 0.05)).astype(kind)
    write_audio(buffer, tone, 24_000, format)
    buffer.seek(0)
    np.testing.assert_allclose(read_audio(buffer)[0][200:-200], tone[200:-200].astype(np.float32), atol=0.05)


def test_words_of_a_timing_are_a_sequence() -> None:
    word = Segment("word", "Yoo", (0, 3), 0, 100)
    timing = Timing(8000, (Sentence((0, 3), (word,)),))
    assert timing.words[0] == word
    assert len(timing.words) == 1


@pytest.mark.parametrize("name", ["acoustic_model", "vocoder"])
def test_what_is_no_model(tiny_voice: Path, name: str) -> None:
    other = Synthesizer(tiny_voice)
    for model, kind in ((other, "Synthesizer"), (3, "int"), (b"a.onnx", "bytes")):
        with pytest.raises(ConfigError, match=f"{name} is a {kind}; give a path, or a model that has"):
            Synthesizer(**{name: model})
    with pytest.raises(ConfigError, match=f"{name} is a Synthesizer"):
        ParallelSynthesizer(**{name: other})
