"""What is wrong with single recordings and texts: named with what it is, and never the end of the run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import recordings as sources
from kalakan.data.preparation.items import Preparer
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.recording import Recording
from kalakan.data.preparation.transcripts import read_transcript
from kalakan.text.twi_g2p import TwiG2P

TEXT = "Mekɔ sukuu anɔpa biara."


def found(path: Path, text: str = TEXT) -> dict[str, str]:
    """Kind and detail of every problem of one recording."""
    out = path.parent / "out"
    for name in ("audio", "items"):
        (out / name).mkdir(parents=True, exist_ok=True)
    item, _ = Preparer(out, PrepareOptions())(Recording("x", "speaker", path, text))
    return {problem.kind: problem.detail for problem in item.problems}


def written(path: Path, audio: np.ndarray, rate: int = 16_000, subtype: str | None = None) -> Path:
    soundfile.write(path, audio, rate, subtype=subtype)
    return path


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_24", "PCM_32"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_wavs_of_every_kind_are_read(subtype: str, channels: int, tmp_path: Path) -> None:
    audio = np.repeat(sources.tone()[:, None], channels, axis=1)
    assert found(written(tmp_path / "a.wav", audio, subtype=subtype)) == {"coarse": found_rate(16_000)}


def found_rate(rate: int) -> str:
    return f"{rate} Hz; the corpus has 24000 Hz (`--sample-rate`)"


@pytest.mark.parametrize("rate", [8000, 96_000, 192_000])
def test_rates(rate: int, tmp_path: Path) -> None:
    problems = found(written(tmp_path / "a.wav", sources.tone(rate=rate), rate))
    assert problems == ({} if rate > 24_000 else {"coarse": found_rate(rate)})


def test_eight_bits_are_named(tmp_path: Path) -> None:
    problems = found(written(tmp_path / "a.wav", sources.tone(rate=24_000), 24_000, "PCM_U8"))
    assert problems == {"coarse": "the samples have 8 bits or fewer (PCM_U8)"}


def test_a_constant_offset_is_taken_away(tmp_path: Path) -> None:
    audio = sources.tone(rate=24_000)
    plain = found(written(tmp_path / "a.wav", audio, 24_000))
    assert plain == found(written(tmp_path / "b.wav", audio * 0.5 + 0.4, 24_000)) == {}


def test_a_few_words_in_a_minute_of_silence_are_found(tmp_path: Path) -> None:
    quiet = np.zeros(30 * 24_000, np.float32)
    audio = np.concatenate([quiet, sources.tone(rate=24_000), quiet])
    assert found(written(tmp_path / "a.wav", audio, 24_000)) == {}


@pytest.mark.parametrize(
    ("audio", "kind", "detail"),
    [
        (np.zeros(24_000), "silent", "its loud parts reach -120 dB of full scale; speech lies above -60"),
        (np.zeros(1), "silent", "its loud parts reach -120 dB of full scale"),
        (np.zeros(0), "unreadable_audio", "it holds no samples"),
        (np.full(24_000, np.nan), "unreadable_audio", "it has NaN or infinity"),
        (sources.tone(0.05, 24_000), "too_short", "0.05 s of speech; at least 0.5"),
        (np.zeros(24_000 * 700), "too_long", "700 s; at most 20"),
    ],
)
def test_what_cannot_be_used(audio: np.ndarray, kind: str, detail: str, tmp_path: Path) -> None:
    problems = found(written(tmp_path / "a.wav", audio.astype(np.float32), 24_000, "FLOAT"))
    assert problems[kind].startswith(detail)


def test_files_that_are_no_recordings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, content, detail in (
        ("empty.wav", b"", "the file is empty"),
        ("text.wav", b"hello" * 99, "no audio, or damaged in its first bytes"),
        ("page.mp3", b"<!DOCTYPE html><html>404</html>" * 9, "no audio, or damaged in its first bytes"),
    ):
        (tmp_path / name).write_bytes(content)
        assert found(tmp_path / name)["unreadable_audio"].startswith(detail)
    assert found(tmp_path / "none.wav") == {"missing_audio": "none.wav"}
    assert capfd.readouterr().err == ""


def test_a_copy_that_ends_too_soon_is_named(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.wav", sources.tone(rate=24_000), 24_000).read_bytes()
    (tmp_path / "b.wav").write_bytes(whole[:-10_000])
    assert found(tmp_path / "b.wav")["cut_short"] == "10000 bytes are missing"
    size = whole.index(b"data") + 4
    (tmp_path / "c.wav").write_bytes(whole[:size] + b"\xff\xff\xff\xff" + whole[size + 4 :])  # from a pipe
    assert "cut_short" not in found(tmp_path / "c.wav")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are UTF-8 there")
def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    written(tmp_path / "a.wav", sources.tone())
    path = tmp_path / os.fsdecode(b"\xff.wav")
    (tmp_path / "a.wav").rename(path)
    assert found(path)["unreadable_audio"] == "its name is not UTF-8; rename it"


def test_texts_of_windows_and_of_nobody(tmp_path: Path) -> None:
    audio = written(tmp_path / "a.wav", sources.tone(rate=24_000), 24_000)
    reader = Preparer(tmp_path, PrepareOptions())
    (tmp_path / "items").mkdir()
    (tmp_path / "audio").mkdir()
    for number, (content, text, problem) in enumerate(
        (
            (TEXT.encode("utf-16"), TEXT, None),
            (TEXT.encode("utf-8-sig"), TEXT, None),
            (b"Mek\xe9", "", "t.txt: is not UTF-8 (byte 0xe9 at offset 3); save it as UTF-8"),
            (b" \n", "", "the transcript is empty"),
        )
    ):
        (tmp_path / "t.txt").write_bytes(content)
        item, _ = reader(Recording(f"x{number}", "speaker", audio, None, tmp_path / "t.txt"))
        assert item.text == text
        assert [entry.detail for entry in item.problems] == ([problem] if problem else [])


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        ("Mek\ufffd fie", "mojibake", "'\ufffd' cannot be read back"),
        ("sÃn na ɛyɛ", "mojibake", "'Ã' cannot be read back"),
        ("Mekɔ ʘ fie", "foreign_letters", "ʘ"),
        ("λόγος", "foreign_letters", "γ λ ς"),
        ("Me wɔ 1,200", "digits", "1,200"),
        ("Me kɔ the shop", "foreign_words", "the shop"),
        ("Wo ho te sen? " * 7, "lost_letters", "no ɛ or ɔ in 63 letters"),
        ("...", "empty_text", "nothing in it can be spoken"),
    ],
)
def test_texts_are_judged(text: str, kind: str, detail: str) -> None:
    problems = {problem.kind: problem.detail for problem in read_transcript(text, TwiG2P()).problems}
    assert problems[kind] == detail


@pytest.mark.parametrize("text", ["Sɛ́ ná ɛ̀", "Ofie no fã", "Atõtõ", "M'ani gye ho — paa", "ɛno · ʹa"])
def test_good_twi_has_no_problem(text: str) -> None:
    assert not read_transcript(text, TwiG2P()).problems


@pytest.mark.parametrize("gain", [1.0, 0.5, 0.2])
def test_clipping_is_named_however_loud_it_is_now(gain: float, tmp_path: Path) -> None:
    loud = np.clip(5.0 * sources.tone(), -0.99, 0.99)
    assert "clipping" in found(written(tmp_path / "a.wav", gain * loud))
    assert "clipping" not in found(written(tmp_path / "b.wav", gain * sources.tone()))


@pytest.mark.parametrize("level", [0.3, 0.02])
def test_noise_is_no_speech(level: float, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    noise = level * random.standard_normal(24_000)
    assert "noise" in found(written(tmp_path / "a.wav", noise))
    mixed = sources.tone()
    mixed[: len(noise)] += 0.05 * noise[: len(mixed)].astype(np.float32)
    assert "noise" not in found(written(tmp_path / "b.wav", mixed))
