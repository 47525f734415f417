"""Arguments of the wrong type are errors of Kalakan's own, each with a way out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kalakan
from kalakan import Config, ParallelSynthesizer, Synthesizer
from kalakan.audio.files import read_audio, write_audio, write_audio_blocks
from kalakan.errors import AudioError, ConfigError, SynthesisError, TextError
from kalakan.synthesis.timing import Segment, Sentence, Timing

TONE = np.zeros(100, np.float32)


def _closed() -> io.BytesIO:
    file = io.BytesIO()
    file.close()
    return file


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
        (io.StringIO(), "the file is one of text, and audio is bytes; open it with 'wb'"),
        (5, "the file is a int; give a path or a binary file object"),
        (None, "the file is a NoneType"),
        ("a\0b.wav", r"the file is 'a\\x00b.wav'; a path has no null character"),
        (Path("a\0b.wav"), "a path has no null character"),
        (io.BufferedReader(io.BytesIO()), "the file is open for reading alone; open it with 'wb'"),
        (io.RawIOBase(), "the file is open for reading alone"),
        (_closed(), "the file is closed; give an open one, or its path"),
    ],
)
def test_where_audio_goes(file: Any, message: str) -> None:
    for write in (write_audio, lambda *given: write_audio_blocks(given[0], [given[1]], given[2])):
        with pytest.raises(AudioError, match=message):
            write(file, TONE, 24_000)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (None, "the file is a NoneType; give a path or a binary file object"),
        (5, "the file is a int"),
        ([], "the file is a list"),
        (io.StringIO("RIFF"), "the file is one of text, and audio is bytes; open it with 'rb'"),
        (io.BytesIO(), "cannot be read as audio"),
        (_closed(), "the file is closed"),
        ("a\0b.wav", "is not a file"),
    ],
)
def test_where_audio_comes_from(file: Any, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        read_audio(file)


@pytest.mark.parametrize("value", [5, True, 3.5, b"voice", [], {}, ("a",), np.int32(3), io.BytesIO()])
def test_what_is_no_voice(value: Any) -> None:
    with pytest.raises(ConfigError, match=f"voice is a {type(value).__name__}; give the path of a voice"):
        Synthesizer(voice=value)


@pytest.mark.parametrize("name", ["voice", "acoustic_model", "vocoder"])
def test_a_null_in_the_path_of_a_model(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is 'a.x00b'; a path has no null character"):
        Synthesizer(**{name: "a\0b"})


@pytest.mark.parametrize("speaker", [5, 3.5, b"akosua", [], {"akosua": 1}])
def test_what_is_no_speaker(tiny_voice: Path, speaker: Any) -> None:
    with pytest.raises(SynthesisError, match=r"speaker is .*; give a name, or a mix as in"):
        Synthesizer(tiny_voice, speaker=speaker)


@pytest.mark.parametrize("lexicon", [5, [], b"a", 3.5, "a\0b", {1: 2}, io.StringIO("a\tb")])
def test_what_is_no_lexicon(tiny_voice: Path, lexicon: Any) -> None:
    with pytest.raises(TextError, match="lexicon"):
        Synthesizer(tiny_voice, lexicon=lexicon)


def test_the_package_shows_its_own_names() -> None:
    assert dir(kalakan) == sorted(kalakan.__all__)


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
