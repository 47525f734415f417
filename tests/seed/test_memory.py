"""Blocks of the guide's chapter Memory Optimization."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn
from torch.utils.checkpoint import checkpoint

from kalakan.cli.export import command as kalakan_export
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig
from kalakan.models.registry import create_acoustic, create_vocoder
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.voices.save import save_acoustic_product, save_vocoder_product

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0)


@pytest.fixture
def synthesizer(models: Any, device: str) -> Synthesizer:
    return Synthesizer(acoustic_model=models.acoustic, vocoder=models.vocoder, device=device)


@pytest.fixture
def wide_models(tmp_path: Path) -> dict[str, str]:
    """Models with matrices that are worth quantizing."""
    torch.manual_seed(1)
    acoustic = create_acoustic(
        "fastspeech2_small",
        encoder_width=64,
        encoder_filter=64,
        encoder_layers=1,
        decoder_layers=1,
        decoder_filter=64,
        n_mels=20,
    )
    config = HarmonicNoiseConfig(width=64, layers=2, inner=64, kernel=3, n_fft=128, f0_width=8)
    vocoder = create_vocoder("harmonic_noise", AUDIO, config=config)
    save_acoustic_product(tmp_path, "fastspeech2_small", acoustic.eval(), AUDIO, {"steps": 0})
    path = save_vocoder_product(tmp_path, "harmonic_noise", vocoder.eval(), AUDIO)
    return {"acoustic_model": str(tmp_path / "acoustic_model.pt"), "vocoder": str(path)}


def test_quantized_export_and_its_use(wide_models: dict[str, str], tmp_path: Path, text: str) -> None:
    """Two blocks: the command, and the exported files in the synthesizer."""
    arguments = ["--acoustic-model", wide_models["acoustic_model"], "--vocoder", wide_models["vocoder"]]
    arguments += ["--output-dir", str(tmp_path / "exported"), "--quantize"]
    result = CliRunner().invoke(kalakan_export, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 2
    full = Synthesizer(**wide_models, device="cpu")
    synthesizer = Synthesizer(
        acoustic_model=str(tmp_path / "exported" / "acoustic_model_quantized.pt"),
        vocoder=str(tmp_path / "exported" / "vocoder_quantized.pt"),
        device="cpu",
    )
    expected = full.synthesize(text).numpy()
    audio = synthesizer.synthesize(text).numpy()
    assert abs(len(audio) - len(expected)) <= 0.1 * len(expected)
    assert abs(audio).max() > 0


def test_dynamic_memory_management(synthesizer: Synthesizer, device: str, text: str) -> None:
    def synthesize_with_memory_management(text: str) -> torch.Tensor:
        # Clear CUDA cache before inference
        torch.cuda.empty_cache()
        gc.collect()

        # Process text to phonemes
        phoneme_sequence = synthesizer.g2p.text_to_phoneme_sequence(text)
        phonemes = torch.tensor(phoneme_sequence, dtype=torch.long).unsqueeze(0).to(device)

        # Generate mel spectrogram
        with torch.no_grad():
            mel, _ = synthesizer.acoustic_model.inference(phonemes)

        # Move acoustic model to CPU to free GPU memory
        synthesizer.acoustic_model.to("cpu")
        torch.cuda.empty_cache()

        # Generate audio
        synthesizer.vocoder.to(device)
        with torch.no_grad():
            audio = synthesizer.vocoder.inference(mel)

        # Move vocoder to CPU
        synthesizer.vocoder.to("cpu")
        torch.cuda.empty_cache()

        return audio.squeeze(0).cpu()

    first = synthesize_with_memory_management(text)
    assert first.dim() == 1 and len(first) > 0
    synthesizer.acoustic_model.to(device)
    torch.testing.assert_close(synthesize_with_memory_management(text), first)


class MemoryEfficientModel(nn.Module):
    """The guide's, with an encoder and a decoder."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.use_checkpointing = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.use_checkpointing and self.training:
            encoder_output = checkpoint(self.encoder, x, use_reentrant=False)
            output = checkpoint(self.decoder, encoder_output, use_reentrant=False)
        else:
            encoder_output = self.encoder(x)
            output = self.decoder(encoder_output)
        return output


def test_gradient_checkpointing(device: str) -> None:
    torch.manual_seed(3)
    parts = (nn.Sequential(nn.Linear(8, 16), nn.Tanh()), nn.Linear(16, 4))
    model = MemoryEfficientModel(*parts).to(device)
    x = torch.randn(5, 8, device=device)
    gradients = []
    for uses in (True, False):
        model.use_checkpointing = uses
        model.zero_grad()
        model(x).square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


SNAPSHOT = {
    "segments": [
        {
            "device": 0,
            "blocks": [
                {"size": 2_000_000, "address": 4096, "state": "active_allocated", "frames": ["a frame"]},
                {"size": 10, "address": 8192, "state": "active_allocated", "frames": []},
            ],
        }
    ]
}


def test_memory_profiling(
    synthesizer: Synthesizer, device: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    if device == "cpu":  # a dry run: torch records the memory of CUDA devices alone
        memory = torch.cuda.memory
        monkeypatch.setattr(memory, "_record_memory_history", lambda enabled, **_: calls.append(enabled))
        monkeypatch.setattr(memory, "_snapshot", lambda: SNAPSHOT)
    printed: list[str] = []

    # Track tensor allocations
    torch.cuda.memory._record_memory_history(enabled="all", max_entries=100000)

    # Run inference
    audio = synthesizer.synthesize(text)

    # Get memory snapshot
    snapshot = torch.cuda.memory._snapshot()

    # Print memory stats
    printed.append(f"Current memory allocated: {torch.cuda.memory_allocated() / 1e6:.2f} MB")
    printed.append(f"Maximum memory allocated: {torch.cuda.max_memory_allocated() / 1e6:.2f} MB")

    # Analyze snapshot
    for segment in snapshot["segments"]:
        for entry in segment["blocks"]:
            if entry["size"] > 1e6:  # Only show allocations > 1MB
                printed.append(
                    f"Size: {entry['size'] / 1e6:.2f} MB, Address: {entry['address']}, Device: {segment['device']}"
                )
                if "frames" in entry:
                    for frame in entry["frames"]:
                        printed.append(f"  {frame}")

    # Disable tracking
    torch.cuda.memory._record_memory_history(enabled=None)

    assert len(audio) > 0
    if device == "cpu":
        assert calls == ["all", None]
        assert printed[2:] == ["Size: 2.00 MB, Address: 4096, Device: 0", "  a frame"]
    else:
        assert torch.cuda.max_memory_allocated() > 0
