"""Audio and video that soundfile does not read: by ffmpeg or PyAV, and without them one problem of one item."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

import recordings as sources
from kalakan.data.preparation import foreign_audio
from kalakan.data.preparation.foreign_audio import decode
from kalakan.data.preparation.items import Item, Preparer
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.prepare import prepare
from kalakan.data.preparation.recording import Recording
from kalakan.errors import AudioError

FFMPEG = shutil.which("ffmpeg")
DECODERS = [
    pytest.param("ffmpeg", marks=pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")),
    pytest.param(
        "av",
        marks=pytest.mark.skipif(
            find_spec("av") is None or FFMPEG is None, reason="PyAV, or ffmpeg to write its input, is missing"
        ),
    ),
]
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")


def only(monkeypatch: pytest.MonkeyPatch, decoder: str) -> None:
    """Leaves one decoder, or none."""
    which, spec = shutil.which, find_spec
    monkeypatch.setattr(
        foreign_audio.shutil, "which", lambda name: which(name) if decoder == "ffmpeg" else None
    )
    monkeypatch.setattr(foreign_audio, "find_spec", lambda name: spec(name) if decoder == "av" else None)


def encoded(path: Path, audio: np.ndarray, *options: str, channels: int = 1) -> Path:
    """A file that ffmpeg writes of audio [S] at 24 kHz."""
    assert FFMPEG is not None
    wav = path.with_suffix(".source.wav")
    soundfile.write(wav, np.repeat(audio[:, None], channels, axis=1), 24_000)
    made = subprocess.run(
        [FFMPEG, "-v", "error", "-y", "-i", wav, *options, path], capture_output=True, check=False
    )
    wav.unlink()
    if made.returncode:
        pytest.skip(f"this ffmpeg cannot write {path.suffix}: {made.stderr.decode()[:100]}")
    return path


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(
    ("name", "options", "channels"),
    [
        ("a.m4a", (), 2),
        ("a.wma", (), 1),
        ("a.mka", ("-c:a", "pcm_s16le"), 2),
        ("a.webm", (), 1),
        ("a.mp4", ("-f", "lavfi", "-i", "color=black:s=16x16", "-shortest"), 1),
    ],
)
def test_phones_and_films_are_decoded(
    decoder: str,
    name: str,
    options: tuple[str, ...],
    channels: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    audio = sources.tone(rate=24_000)
    path = encoded(tmp_path / name, audio, *options, channels=channels)
    only(monkeypatch, decoder)
    found, rate = decode(path, 60.0)
    assert found.dtype == np.float32
    assert abs(len(found) / rate - len(audio) / 24_000) < 0.15
    assert abs(np.sqrt(np.mean(found**2)) / np.sqrt(np.mean(audio**2)) - 1) < 0.1
    assert len(decode(path, 1.0)[0]) <= rate * 1.05


@pytest.mark.parametrize("decoder", DECODERS)
def test_what_cannot_be_decoded_is_one_line(
    decoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "film.mp4"
    assert FFMPEG is not None
    command = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "color=black:s=16x16", "-t", "1", silent]
    subprocess.run(command, check=True)
    (tmp_path / "broken.m4a").write_bytes(b"ftyp" * 50)
    only(monkeypatch, decoder)
    for path in (silent, tmp_path / "broken.m4a"):
        with pytest.raises(AudioError) as caught:
            decode(path, 60.0)
        assert "\n" not in str(caught.value)


def item_of(recording: Recording, folder: Path) -> Item:
    for name in ("items", "audio"):
        (folder / name).mkdir(exist_ok=True)
    return Preparer(folder, PrepareOptions())(recording)[0]


def test_without_a_decoder_the_item_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "none")
    path = tmp_path / "phone.m4a"
    path.write_bytes(b"ftyp")
    (problem,) = item_of(Recording("a", "s", path, "Mekɔ fie."), tmp_path).problems
    assert problem.kind == "unreadable_audio"
    assert problem.detail == (
        ".m4a needs ffmpeg or PyAV and neither is installed; install one (apt install ffmpeg, pip install av) or "
        "convert it elsewhere: ffmpeg -i 'phone.m4a' 'phone.wav'"
    )


@needs_ffmpeg
def test_a_stretch_of_a_film_and_its_rate(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.m4a", sources.tone(3.0, 24_000, silence=0.0), "-ar", "16000")
    item = item_of(Recording("a", "s", path, "Mekɔ fie.", stretch=(1.0, 2.5)), tmp_path)
    assert abs(item.source_seconds - 1.5) < 0.01
    assert [problem.kind for problem in item.problems] == ["coarse"]
    late = item_of(Recording("b", "s", path, "Mekɔ fie.", stretch=(1.0, 9.0)), tmp_path)
    assert "its stretch ends at 9 s and the file at 3" in late.problems[0].detail


@needs_ffmpeg
def test_a_folder_of_a_phone_becomes_a_corpus(tmp_path: Path) -> None:
    for number, (name, text) in enumerate(sources.TEXTS.items()):
        (tmp_path / "source").mkdir(exist_ok=True)
        encoded(tmp_path / "source" / f"{name}.m4a", sources.tone(rate=24_000, seed=number))
        (tmp_path / "source" / f"{name}.txt").write_text(text, encoding="utf-8")
    assert len(prepare(tmp_path / "source", tmp_path / "corpus").kept) == len(sources.TEXTS)
