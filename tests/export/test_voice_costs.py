"""`kalakan export VOICE` tells what the voice costs before and after, and keeps nothing that is not worth it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from kalakan.config.schema import AudioConfig, FastSpeech2Config
from kalakan.errors import ExportError, VoiceError
from kalakan.export import voice_costs
from kalakan.export.exporter import ExportOptions
from kalakan.export.files import REPORT, Cost, FileReport
from kalakan.export.parity import Arrays, Parity
from kalakan.export.trial import Trial
from kalakan.export.voice_costs import export_voice
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.voices.package import load_voice, save_voice
from kalakan.voices.save import save_acoustic_product

CONFIG = FastSpeech2Config(
    speakers=("ama", "kofi"),
    encoder_layers=1,
    encoder_width=32,
    encoder_filter=32,
    encoder_kernel=3,
    decoder_block="convnext",
    decoder_layers=1,
    decoder_filter=32,
    decoder_kernel=3,
    predictor_layers=1,
    predictor_width=16,
    voicing_width=8,
)
LARGE, SMALL = Cost(3_000_000, 0.02, 600.0), Cost(1_000_000, 0.02, 100.0)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_acoustic_product(tmp_path, "fastspeech2_small", FastSpeech2(CONFIG).eval(), AudioConfig(), {})
    return tmp_path / "voice"


def test_costs_are_told_and_kept_beside_the_voice(voice: Path, tmp_path: Path) -> None:
    told: list[str] = []
    made = export_voice(voice, None, tmp_path / "out", ExportOptions(), told.append)
    assert made == tmp_path / "out"
    assert load_voice(made).has("acoustic.onnx")
    assert not (voice / REPORT).exists()
    report = json.loads((made / REPORT).read_text(encoding="utf-8"))["out"]
    assert report["parity"]["cases"] == voice_costs.SENTENCES
    assert report["parity"]["lengths_equal"]
    assert report["parity"]["mcd_db"] < 0.01
    files = [path for path in made.iterdir() if path.name not in (REPORT, "voice.json")]
    assert report["after"]["bytes"] == sum(path.stat().st_size for path in files)
    for cost in (report["before"], report["after"]):
        assert cost["rtf"] > 0
        assert cost["peak_memory_mb"] > 10
    (line,) = told
    assert line.startswith("out: ")
    assert "RTF" in line
    assert "peak memory" in line
    assert "SNR" in line
    assert "MCD" in line


def pretended(monkeypatch: pytest.MonkeyPatch, before: Cost, after: Cost, mcd: float) -> None:
    """An export that copies the voice, with these figures."""

    def copied(source: Path, vocoder: Path | None, target: Path, options: ExportOptions) -> Path:
        found = load_voice(source)
        files: dict[str, Any] = {name: found.file(name) for name in found.manifest.files}
        return save_voice(target, found.manifest, files).path

    report = FileReport("voice", Parity(6, 0.1, 11.0, 40.0, mcd, True), before, after)
    monkeypatch.setattr(voice_costs, "complete_voice", copied)
    monkeypatch.setattr(voice_costs, "_report", lambda *arguments: report)


@pytest.mark.parametrize(
    ("options", "after", "mcd", "message"),
    [
        (ExportOptions(quantize="dynamic"), LARGE, 0.1, "8 bits are worth it from 1.5 or 1.1 on"),
        (ExportOptions(quantize="dynamic"), SMALL, 0.6, "0.60 dB of MCD .* out, or add --force$"),
        (ExportOptions("fp16"), SMALL, 0.6, "0.60 dB of MCD .* out$"),
        (ExportOptions(compact=True), SMALL, 0.6, "0.60 dB of MCD .* out, or add --force$"),
    ],
)
def test_what_is_not_worth_it_changes_nothing(
    voice: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: ExportOptions,
    after: Cost,
    mcd: float,
    message: str,
) -> None:
    pretended(monkeypatch, LARGE, after, mcd)
    before = {path.name: path.read_bytes() for path in voice.iterdir()}
    with pytest.raises(ExportError, match=message):
        export_voice(voice, None, None, options)
    assert {path.name: path.read_bytes() for path in voice.iterdir()} == before


def test_force_keeps_it(voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretended(monkeypatch, LARGE, LARGE, 0.6)
    export_voice(voice, None, None, ExportOptions(quantize="dynamic", force=True))
    assert json.loads((voice / REPORT).read_text(encoding="utf-8"))["voice"]["after"]["bytes"] == LARGE.bytes
    assert load_voice(voice).manifest.files


def test_the_voice_of_the_package_is_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VoiceError, match="comes with kalakan, which is not changed"):
        export_voice(Path("default"), None, None, ExportOptions())
    assert not list(tmp_path.iterdir())


def test_a_voice_that_is_not_there_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="there is no such voice folder"):
        export_voice(tmp_path / "none" / "voice", None, None, ExportOptions())
    assert not list(tmp_path.iterdir())


def test_frames_that_another_duration_shifted_are_no_distortion(
    voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy whose sounds last another frame is near, one that says another thing is not, and both differ in length."""
    manifest = load_voice(voice).manifest
    frames = manifest.audio.hop_length
    speech = np.random.default_rng(0).normal(0.0, 0.1, 60 * frames).astype(np.float32)
    speech *= np.repeat(np.random.default_rng(1).uniform(0.01, 1.0, 12), 5 * frames).astype(np.float32)
    longer = np.concatenate([speech[: 30 * frames], speech[29 * frames : 30 * frames], speech[30 * frames :]])
    other = np.cumsum(longer) / 10.0

    def spoken(found: Path, cases: Sequence[Arrays], engine: str) -> Trial:
        audio = {"audio_output": speech if engine == "torch" else changed}
        return Trial([audio] * len(cases), 0.1, 100.0)

    monkeypatch.setattr(voice_costs, "_speak", spoken)
    changed: NDArray[Any] = longer
    told: list[str] = []
    export_voice(voice, None, tmp_path / "out", ExportOptions("fp16"), told.append)
    assert "lengths differ" in told[0]
    assert (tmp_path / "out" / REPORT).exists()
    changed = other
    with pytest.raises(ExportError, match="dB of MCD"):
        export_voice(voice, None, tmp_path / "other", ExportOptions("fp16"))
    assert not (tmp_path / "other").exists()


def test_force_without_8_bits_is_refused(voice: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="--force keeps an 8-bit voice"):
        export_voice(voice, None, tmp_path / "out", ExportOptions(force=True))
    assert not (tmp_path / "out").exists()


def test_a_report_of_before_does_not_stay(voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretended(monkeypatch, LARGE, SMALL, 0.1)
    export_voice(voice, None, None, ExportOptions())
    shutil.copy(voice / REPORT, voice / "other.json")
    export_voice(voice, None, None, ExportOptions())
    assert (voice / REPORT).exists()
    assert not (voice / "other.json").exists(), "a voice folder is replaced whole"
