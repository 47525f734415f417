"""HiFi-GAN and MelGAN: sizes of the papers, shapes, scripting, folding."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from kalakan.config.schema import AudioConfig, HifiGanConfig, MelGanConfig
from kalakan.errors import AudioError, ConfigError
from kalakan.models import registry
from kalakan.models.interfaces import Vocoder
from kalakan.models.layers.weight_norm import fold_into, unfolded, with_weight_norm

torch.set_num_threads(1)
PAPER_AUDIO = AudioConfig(
    sample_rate=22_050, n_fft=1024, win_length=1024, hop_length=256, n_mels=80, mel_fmax=8000.0
)
TINY_AUDIO = AudioConfig(
    sample_rate=8000, n_fft=256, win_length=256, hop_length=60, n_mels=20, mel_fmax=4000.0
)
TYPES = ("hifigan", "hifigan_v3", "melgan")


def tiny(name: str) -> nn.Module:
    """A vocoder of 60 samples a frame whose output is not near silence."""
    torch.manual_seed(1)
    preset = registry.entry(name).preset
    shared = {"channels": 16, "upsample_rates": (5, 4, 3)}
    if isinstance(preset, HifiGanConfig):
        dilations = tuple(part[:2] for part in preset.residual_dilations)
        config: HifiGanConfig | MelGanConfig = HifiGanConfig(
            **shared, residual_dilations=dilations, residual_pairs=preset.residual_pairs
        )
    else:
        config = MelGanConfig(**shared)
    model = registry.create_vocoder(name, TINY_AUDIO, config=config)
    for part in model.modules():
        if isinstance(part, (nn.Conv1d, nn.ConvTranspose1d)):
            nn.init.normal_(part.weight, std=0.2 if isinstance(config, HifiGanConfig) else 0.4)
    return model.eval().requires_grad_(False)


def count(model: nn.Module) -> int:
    return sum(value.numel() for value in model.parameters())


@pytest.mark.parametrize(
    ("name", "rates", "exact", "millions"),
    [
        ("hifigan", (8, 8, 2, 2), 13_926_017, 13.92),
        ("hifigan_v2", (8, 8, 2, 2), 925_985, 0.92),
        ("hifigan_v3", (8, 8, 4), 1_462_273, 1.46),
        ("melgan", (8, 8, 2, 2), 4_260_257, 4.26),
    ],
)
def test_sizes_are_the_papers_at_the_papers_hop(
    name: str, rates: tuple[int, ...], exact: int, millions: float
) -> None:
    """Kong et al. 2020, table 1; Kumar et al. 2019, table 1."""
    config = replace(registry.entry(name).preset, upsample_rates=rates)
    model = registry.create_vocoder(name, PAPER_AUDIO, config=config)
    assert count(model) == exact
    assert exact / 1e6 == pytest.approx(millions, abs=0.01)
    ours = count(registry.create_vocoder(name, AudioConfig()))
    assert ours == pytest.approx(exact, rel=0.09)


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("frames", [1, 2, 63, 129])
def test_audio_has_hop_length_samples_a_frame_and_stays_in_range(name: str, frames: int) -> None:
    model = tiny(name)
    audio = model.inference(torch.randn(2, 20, frames) * 3)
    assert audio.shape == (2, frames * 60)
    assert 0.01 < float(audio.abs().max()) <= 1
    assert isinstance(model, Vocoder)
    assert (model.sample_rate, model.hop_length) == (8000, 60)


@pytest.mark.parametrize("name", TYPES)
def test_batch_equals_singles(name: str) -> None:
    model = tiny(name)
    mel = torch.randn(3, 20, 7)
    together = model.inference(mel)
    for row in range(3):
        torch.testing.assert_close(together[row], model.inference(mel[row : row + 1])[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["hifigan", "hifigan_v2", "hifigan_v3", "melgan"])
def test_presets_fit_the_default_audio(name: str) -> None:
    model = registry.create_vocoder(name, AudioConfig()).eval()
    with torch.no_grad():
        assert model.inference(torch.zeros(1, 80, 2)).shape == (1, 600)


def test_rates_that_miss_the_hop_length_are_refused() -> None:
    with pytest.raises(
        ConfigError,
        match=r"audio.hop_length is 60 and model.upsample_rates, .*, multiply to 300; the two must agree",
    ):
        registry.create_vocoder("hifigan", TINY_AUDIO)
    with pytest.raises(ConfigError, match="must be a multiple of 16"):
        HifiGanConfig(channels=24)
    with pytest.raises(ConfigError, match="one list for each of the 3 residual_kernels"):
        HifiGanConfig(residual_dilations=((1, 3),))
    with pytest.raises(ConfigError, match="takes a HifiGanConfig, not a MelGanConfig"):
        registry.create_vocoder("hifigan", AudioConfig(), config=MelGanConfig())


def test_wrong_shapes_are_refused() -> None:
    for name in TYPES:
        for mel in (torch.zeros(20, 5), torch.zeros(1, 19, 5), torch.zeros(1, 20, 0)):
            with pytest.raises(AudioError, match="mel has shape"):
                tiny(name).inference(mel)


WITHOUT_KALAKAN = (
    "import sys, torch\n"
    "model = torch.jit.load(sys.argv[1])\n"
    "mel, wanted = torch.load(sys.argv[2], weights_only=True)\n"
    "torch.testing.assert_close(model.inference(mel), wanted, atol=1e-5, rtol=0)\n"
    "assert not any(name.startswith('kalakan') for name in sys.modules)\n"
)


def test_scripted_models_run_in_a_process_without_kalakan(tmp_path: Path) -> None:
    code = "".join(
        f"sys.argv[1:] = [{str(tmp_path / name)!r} + end for end in ('.pt', '.mel')]\n"
        + WITHOUT_KALAKAN.split("\n", 1)[1]
        for name in TYPES
    )
    for name in TYPES:
        model, mel = tiny(name), torch.randn(2, 20, 5)
        torch.jit.save(torch.jit.script(model), str(tmp_path / f"{name}.pt"))
        torch.save((mel, model.inference(mel)), tmp_path / f"{name}.mel")
    result = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", "import sys, torch\n" + code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", TYPES)
def test_folding_weight_norm_changes_nothing(name: str) -> None:
    plain = tiny(name)
    mel = torch.randn(1, 20, 9)
    expected = plain.inference(mel)
    model = with_weight_norm(tiny(name).requires_grad_(True))
    torch.testing.assert_close(model(mel).detach(), expected, atol=1e-5, rtol=0)
    for context in (torch.enable_grad(), torch.no_grad()):
        twin = tiny(name).requires_grad_(True)
        for value in twin.parameters():
            value.data.zero_()
        with context:
            made = fold_into(twin, model)
        assert all(isinstance(value, nn.Parameter) and value.requires_grad for value in made.parameters())
        torch.testing.assert_close(made(mel).detach(), expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(mel).detach(), expected, atol=1e-5, rtol=0)


def test_folded_weights_are_taken_up_again() -> None:
    plain = tiny("hifigan")
    model = with_weight_norm(tiny("hifigan"))
    for value in model.parameters():
        value.data.normal_()
    state = unfolded(plain.state_dict(), model.state_dict())
    model.load_state_dict(state)
    mel = torch.randn(1, 20, 3)
    torch.testing.assert_close(model(mel), plain(mel), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", TYPES)
def test_windows_equal_the_whole(name: str) -> None:
    model = tiny(name)
    mel = torch.randn(1, 20, 90)
    whole, context = model.inference(mel), model.context_frames
    start, first, last = 30 - context, 30, 55
    window = model.render(mel[:, :, start : last + context], None, start, 0)
    inner = window[:, context * 60 : (context + last - first) * 60]
    torch.testing.assert_close(inner, whole[:, first * 60 : last * 60], atol=1e-5, rtol=0)
    short = model.render(mel[:, :, first - 2 : last + 2], None, first - 2, 0)[:, 120:-120]
    assert not torch.allclose(short, whole[:, first * 60 : last * 60], atol=1e-5), "the context is needed"
