"""Audio files: one writer, all or nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from kalakan.audio.files import read_audio, write_audio
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


def test_format_and_subtype_can_be_chosen(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.bin", TONE, 24_000, format="WAV", subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(tmp_path / "a.bin")[0], TONE)
    write_audio(tmp_path / "a.ogg", TONE, 24_000)
    assert soundfile.info(tmp_path / "a.ogg").subtype == "VORBIS"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_tensors_are_accepted(dtype: torch.dtype) -> None:
    buffer, tensor = io.BytesIO(), torch.tensor([0.5, -0.25, 0.0], dtype=dtype, requires_grad=True)
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
        ("a.wav", {"format": "XYZ"}, "not an audio format"),
        ("a.wav", {"subtype": "VORBIS"}, "WAV cannot hold VORBIS; it can hold"),
    ],
)
def test_bad_format_is_refused(tmp_path: Path, name: str, options: dict[str, str], message: str) -> None:
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


def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(AudioError, match="No space left on device"):
        write_audio(path, TONE, 24_000)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.wav"]


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
