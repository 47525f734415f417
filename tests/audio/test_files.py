"""Audio files: one writer, all or nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from kalakan.audio.files import read_audio, write_audio
from kalakan.audio.formats import Bits
from kalakan.errors import AudioError, KalakanWarning

TONE = (0.5 * np.sin(np.arange(2400) * 0.05)).astype(np.float32)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("name", ["a.wav", "a.WAV", "a.flac"])
def test_written_audio_reads_back(tmp_path: Path, name: str) -> None:
    write_audio(tmp_path / name, TONE, 24_000)
    again, sample_rate = read_audio(tmp_path / name)
    assert sample_rate == 24_000
    assert again.dtype == np.float32
    np.testing.assert_allclose(again, TONE, atol=1.0 / 32768)
    assert soundfile.info(tmp_path / name).subtype == "PCM_16"
    assert names(tmp_path) == [name]


def test_file_object_and_path_get_the_same_bytes(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    write_audio(buffer, TONE, 24_000)
    write_audio(str(tmp_path / "a.wav"), TONE, 24_000)
    assert buffer.getvalue() == (tmp_path / "a.wav").read_bytes()
    buffer.seek(0)
    assert read_audio(buffer)[0].shape == TONE.shape


KINDS = [
    ("wav", None, "WAV", "PCM_16"),
    ("wav", 24, "WAV", "PCM_24"),
    ("wav", "float", "WAV", "FLOAT"),
    ("flac", None, "FLAC", "PCM_16"),
    ("flac", 24, "FLAC", "PCM_24"),
    ("ogg", None, "OGG", "VORBIS"),
    ("opus", None, "OGG", "OPUS"),
    ("mp3", None, "MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize(("format", "bits", "container", "subtype"), KINDS)
@pytest.mark.parametrize("named", [True, False])
def test_every_format_reads_back(
    tmp_path: Path, format: str, bits: Bits | None, container: str, subtype: str, named: bool
) -> None:
    path = tmp_path / (f"a.{format}" if named else "a.bin")
    write_audio(path, TONE, 24_000, None if named else format.upper(), bits=bits)
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.samplerate, info.channels) == (container, subtype, 24_000, 1)
    again, _ = read_audio(path)
    assert len(again) == len(TONE)
    tolerance = {"PCM_16": 2**-15, "PCM_24": 2**-23, "FLOAT": 0.0}.get(subtype, 0.05)
    middle = slice(200, -200)  # a codec without the neighbors is off at the ends
    np.testing.assert_allclose(again[middle], TONE[middle], atol=tolerance)


@pytest.mark.parametrize(("bits", "dtype", "scale"), [(16, "<i2", 2**15), ("float", "<f4", 1)])
def test_pcm_is_bare_little_endian_samples(tmp_path: Path, bits: Bits, dtype: str, scale: int) -> None:
    write_audio(tmp_path / "a.pcm", TONE, 24_000, bits=bits)
    found = np.frombuffer((tmp_path / "a.pcm").read_bytes(), dtype)
    np.testing.assert_allclose(found, TONE * scale, atol=1 if scale > 1 else 0)


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("format", ["wav", "flac", "mp3"])
def test_another_rate_keeps_the_tone(tmp_path: Path, rate: int, format: str) -> None:
    time = np.arange(12_000) / 24_000
    write_audio(tmp_path / f"a.{format}", 0.5 * np.sin(2 * np.pi * 440 * time), 24_000, rate=rate)
    found, sample_rate = read_audio(tmp_path / f"a.{format}")
    assert sample_rate == rate
    assert len(found) == round(len(time) * rate / 24_000)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(found)) / rate)
    middle = slice(len(found) // 4, -len(found) // 4)
    assert np.abs(found - expected)[middle].max() < (0.06 if format == "mp3" else 1e-3)


def test_opus_takes_the_next_rate_that_it_holds(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.opus", TONE, 22_050)
    assert soundfile.info(tmp_path / "a.opus").samplerate == 24_000


def test_long_vorbis_does_not_crash(tmp_path: Path) -> None:
    """libsndfile's encoder puts a block on the stack: ten minutes in one block ended the process."""
    write_audio(tmp_path / "a.ogg", np.full(4_000_000, 0.1, np.float32), 48_000)
    assert soundfile.info(tmp_path / "a.ogg").frames == 4_000_000


def test_a_resampler_that_overshoots_does_not_wrap(tmp_path: Path) -> None:
    square = np.sign(np.sin(np.arange(24_000) / 40)).astype(np.float32)
    write_audio(tmp_path / "a.wav", square, 24_000, rate=48_000)
    found, _ = read_audio(tmp_path / "a.wav")
    assert np.abs(np.diff(found)).max() < 1.5


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_tensors_are_accepted(dtype: str) -> None:
    import torch

    buffer = io.BytesIO()
    tensor = torch.tensor([0.5, -0.25, 0.0], dtype=getattr(torch, dtype), requires_grad=True)
    write_audio(buffer, tensor, 24_000)
    buffer.seek(0)
    np.testing.assert_allclose(read_audio(buffer)[0], [0.5, -0.25, 0.0], atol=1e-4)


def test_clipping_is_told() -> None:
    buffer = io.BytesIO()
    with pytest.warns(KalakanWarning, match=r"peaks at 2 and is clipped"):
        write_audio(buffer, np.array([0.5, -2.0]), 24_000)
    buffer.seek(0)
    np.testing.assert_allclose(read_audio(buffer)[0], [0.5, -1.0], atol=1e-4)


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(0), "shape"),
        (np.zeros((2, 10)), "shape"),
        (np.zeros(10, np.int16), "int16"),
        (np.array([0.0, np.nan]), "NaN"),
        (np.array([0.0, np.inf]), "infinity"),
    ],
)
def test_bad_audio_leaves_the_old_file(tmp_path: Path, audio: np.ndarray, message: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with pytest.raises(AudioError, match=message):
        write_audio(path, audio, 24_000)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.wav"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.xyz", {}, "no known audio suffix"),
        ("a", {}, "no known audio suffix"),
        ("a.wav", {"format": "XYZ"}, "XYZ is not an audio format; use wav, flac, ogg, opus, mp3 or pcm"),
        ("a.flac", {"bits": "float"}, "bits is 'float'; flac takes 16 or 24"),
        ("a.wav", {"bits": 8}, "bits is 8; wav takes 16, 24 or float"),
        ("a.mp3", {"bits": 16}, "mp3 has no sample size, and bits is 16; leave it out, or write wav"),
        ("a.wav", {"rate": 24_001}, r"sample rate is 24001 Hz; wav takes 8000, .* or 48000 Hz"),
        ("a.opus", {"rate": 44_100}, "opus takes 8000, 12000, 16000, 24000 or 48000 Hz"),
    ],
)
def test_bad_format_is_refused(tmp_path: Path, name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        write_audio(tmp_path / name, TONE, 24_000, **options)
    assert not names(tmp_path)


def test_bad_sample_rate_is_refused() -> None:
    with pytest.raises(AudioError, match="sample_rate is 0"):
        write_audio(io.BytesIO(), TONE, 0)


def test_missing_folder_and_folder_as_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"no/a\.wav.*make its folder first"):
        write_audio(tmp_path / "no" / "a.wav", TONE, 24_000)
    (tmp_path / "b.wav").mkdir()
    with pytest.raises(AudioError, match="add a file name"):
        write_audio(tmp_path / "b.wav", TONE, 24_000)
    assert names(tmp_path) == ["b.wav"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(AudioError, match=r"Permission denied; choose a place"):
        write_audio(tmp_path / "a.wav", TONE, 24_000)


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on file sizes")
@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "opus", "mp3", "pcm"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    path.write_bytes(b"old")
    code = (
        "import resource, sys, numpy\n"
        "from kalakan.audio.files import write_audio\n"
        "from kalakan.errors import AudioError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))\n"
        "try: write_audio(sys.argv[1], numpy.random.default_rng(0).uniform(-1, 1, 99_999), 24_000)\n"
        "except AudioError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", code, path],  # -B: no module's bytecode is cut off by the limit
        capture_output=True,
        text=True,
        check=True,
    )
    assert (
        done.stdout
        == f"cannot write {path}: File too large; choose a place you may write to, with room left\n"
    )
    assert done.stderr == ""
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == [path.name]


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links and /dev/null")
def test_links_stay_links_and_devices_stay_devices(tmp_path: Path) -> None:
    link = tmp_path / "link.wav"
    link.symlink_to(tmp_path / "real.wav")
    write_audio(link, TONE, 24_000)
    assert link.is_symlink()
    assert read_audio(tmp_path / "real.wav")[1] == 24_000
    write_audio("/dev/null", TONE, 24_000, format="WAV")
    assert Path("/dev/null").is_char_device()


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is not a file"):
        read_audio(tmp_path / "no.wav")
    (tmp_path / "text.wav").write_text("not audio")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        read_audio(tmp_path / "text.wav")


def test_channels_are_averaged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([TONE, -TONE], axis=1), 24_000, subtype="FLOAT")
    assert not read_audio(tmp_path / "a.wav")[0].any()


def test_the_audio_modules_for_arrays_import_no_torch() -> None:
    code = "import sys, kalakan.audio.files, kalakan.audio.mel, kalakan.audio.stft; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
