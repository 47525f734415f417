"""HiFi-GAN and MelGAN in ONNX: equal to torch, alone and in a voice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from kalakan.config.schema import AudioConfig, HifiGanConfig, MelGanConfig
from kalakan.errors import ExportError
from kalakan.export.onnx.vocoder import check_vocoder, export_vocoder
from kalakan.export.voice import add_vocoder
from kalakan.models.registry import create_vocoder
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.voices.save import save_vocoder_product

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0)
CONFIGS = {
    "hifigan": HifiGanConfig(channels=16, upsample_rates=(8, 4, 2)),
    "melgan": MelGanConfig(channels=16, upsample_rates=(8, 4, 2)),
}


def loud(name: str, seed: int = 1) -> nn.Module:
    """An untrained vocoder that is well heard."""
    torch.manual_seed(seed)
    model = create_vocoder(name, AUDIO, config=CONFIGS[name])
    for part in model.modules():
        if isinstance(part, (nn.Conv1d, nn.ConvTranspose1d)):
            nn.init.normal_(part.weight, std=0.1)
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_torch_and_onnx_agree(name: str) -> None:
    model = loud(name)
    session = onnxruntime.InferenceSession(export_vocoder(model), providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_inputs()] == ["mel_input"]
    for batch, frames in ((1, 1), (1, 2), (2, 63), (1, 129)):
        mel = np.random.default_rng(frames).normal(-3, 2, (batch, 20, frames)).astype(np.float32)
        (audio,) = session.run(["audio_output"], {"mel_input": mel})
        wanted = model.inference(torch.from_numpy(mel)).numpy()
        np.testing.assert_allclose(audio, wanted, atol=2e-5)
        assert audio.shape == (batch, frames * 64) and np.abs(audio).max() > 1e-3


def test_wrong_file_is_refused() -> None:
    with pytest.raises(ExportError, match="differs from torch"):
        check_vocoder(loud("hifigan", 2), export_vocoder(loud("hifigan")), 1e-4)


@pytest.mark.parametrize("name", sorted(CONFIGS))
@pytest.mark.parametrize("half", [False, True])
def test_voice_speaks_alike_on_both_engines(tiny_voice: Path, tmp_path: Path, name: str, half: bool) -> None:
    weights = save_vocoder_product(tmp_path, name, loud(name), AUDIO)
    voice = add_vocoder(tiny_voice, weights, tmp_path / "voice", half_weights=half)
    assert voice.manifest.vocoder.type == name
    onnx = Synthesizer(voice=voice.path, engine="onnx").synthesize("Akwaaba")
    audio = Synthesizer(voice=voice.path, engine="torch").synthesize("Akwaaba")
    np.testing.assert_allclose(onnx, audio.numpy(), atol=2e-3)
    single = Synthesizer(tiny_voice, vocoder=weights, engine="torch").synthesize("Akwaaba")
    np.testing.assert_allclose(single.numpy(), audio.numpy(), atol=0.02 if half else 1e-6)
    assert np.abs(onnx).max() > 1e-3


def test_command_puts_a_hifigan_into_a_voice(tiny_voice: Path, tmp_path: Path, kalakan: Any) -> None:
    weights = str(save_vocoder_product(tmp_path, "hifigan", loud("hifigan"), AUDIO))
    target = str(tmp_path / "voice")
    done = kalakan("export", str(tiny_voice), "--vocoder", weights, "--output-dir", target)
    assert done.returncode == 0, done.stderr
    spoken = kalakan("synthesize", "Yoo", "--voice", target, "--output", str(tmp_path / "a.wav"))
    assert spoken.returncode == 0, spoken.stderr
