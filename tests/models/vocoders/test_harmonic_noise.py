from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig
from kalakan.errors import AudioError, ConfigError
from kalakan.models.registry import create_vocoder
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.models.vocoders.source_filter import (
    NOISE_SIZE,
    frame_signal,
    noise_table,
    overlap_add,
    pulse_train,
)

SMALL = HarmonicNoiseConfig(width=16, layers=2, inner=24, kernel=3, f0_width=8)


@pytest.fixture(scope="module")
def model() -> HarmonicNoise:
    torch.manual_seed(3)
    made = HarmonicNoise(SMALL, AudioConfig()).eval().requires_grad_(False)
    made.project_out.weight.normal_(0.0, 0.3)
    made.f0_head.project_out.weight.normal_(0.0, 0.5)
    return made


def _inputs(batch: int, frames: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(batch * 1000 + frames)
    mel = torch.randn(batch, 80, frames) * 2 - 5
    f0 = 90 + 200 * torch.rand(batch, frames)
    f0[:, frames // 4 : frames // 3] = 0
    return mel, f0


@pytest.mark.parametrize("frames", [1, 2, 63, 129])
def test_audio_has_hop_length_samples_a_frame_and_stays_in_range(model: HarmonicNoise, frames: int) -> None:
    mel, f0 = _inputs(2, frames)
    for audio in (model.inference(mel), model.inference(mel, f0), model(mel)):
        assert audio.shape == (2, frames * 300)
        assert audio.abs().max() <= 1
    assert (model.sample_rate, model.hop_length, model.takes_f0) == (24_000, 300, True)


def test_batch_equals_singles(model: HarmonicNoise) -> None:
    mel, f0 = _inputs(3, 129)
    lengths = torch.tensor([129, 63, 2])
    for row, count in enumerate(lengths.tolist()):
        mel[row, :, count:] = 7.0  # what lies behind the end must not matter
        f0[row, count:] = 333.0
    # Heard F0 differs in its last bits, and phase adds that up over the sentence.
    for pitch, tolerance in ((None, 2e-3), (f0, 2e-5)):
        together = model.inference(mel, pitch, lengths)
        for row, count in enumerate(lengths.tolist()):
            given = None if pitch is None else pitch[row : row + 1, :count]
            alone = model.inference(mel[row : row + 1, :, :count], given)
            torch.testing.assert_close(together[row, : count * 300], alone[0], atol=tolerance, rtol=0)
            assert not together[row, count * 300 :].any()


def test_same_input_gives_the_same_bytes(model: HarmonicNoise) -> None:
    mel, f0 = _inputs(1, 63)
    first = model.inference(mel, f0)
    torch.manual_seed(99)
    assert torch.equal(first, model.inference(mel, f0))


def test_scripted_equals_eager(model: HarmonicNoise) -> None:
    scripted = torch.jit.script(model)
    mel, f0 = _inputs(2, 63)
    torch.testing.assert_close(scripted.inference(mel, f0), model.inference(mel, f0), atol=1e-6, rtol=0)
    torch.testing.assert_close(scripted(mel), model(mel), atol=1e-6, rtol=0)
    lengths = torch.tensor([63, 20])
    expected = model.inference(mel, f0, lengths)
    torch.testing.assert_close(scripted.inference(mel, f0, lengths), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("f0", [0.0, -3.0, 1e-6, 20.0, 999.0, 1e9])
def test_extreme_f0_and_mel_stay_finite(model: HarmonicNoise, f0: float) -> None:
    for level in (-11.5, 0.0, 40.0):
        audio = model.inference(torch.full((1, 80, 5), level), torch.full((1, 5), f0))
        assert torch.isfinite(audio).all()


def test_wrong_shapes_are_refused(model: HarmonicNoise) -> None:
    for mel in (torch.zeros(80, 5), torch.zeros(1, 79, 5), torch.zeros(1, 80, 0)):
        with pytest.raises(AudioError, match="mel has shape"):
            model.inference(mel)
    with pytest.raises(AudioError, match=r"f0 has shape \[1, 4\]"):
        model.inference(torch.zeros(1, 80, 5), torch.zeros(1, 4))


@pytest.mark.parametrize(("name", "value"), [("subframes", 7), ("n_fft", 500), ("n_fft", 150)])
def test_sizes_that_do_not_fit_are_refused(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"audio\.hop_length is 300.* model\.{name} {value}; "):
        HarmonicNoise(HarmonicNoiseConfig(**{name: value}), AudioConfig())


@pytest.mark.parametrize(
    ("name", "value"),
    [("noise_cut", -1.0), ("noise_cut", 61.0), ("noise_cut_below", -1.0), ("noise_cut_from", 99.0)],
)
def test_noise_cuts_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        HarmonicNoiseConfig(**{name: value})


def test_voiced_frames_give_the_power_of_low_noise_to_the_pulses(model: HarmonicNoise) -> None:
    harmonic, breath = 0.1 * torch.randn(2, 1, 4, 301)  # 2 frames of 2 subframes
    harmonic += 1.0  # 8.7 dB
    f0 = torch.tensor([[0.0, 120.0]])
    voice, air = model.clear_voice(harmonic, breath, f0)
    torch.testing.assert_close(voice[:, :2], harmonic[:, :2])
    torch.testing.assert_close(air[:, :2], breath[:, :2])
    total = torch.exp(2 * harmonic) + torch.exp(2 * breath)
    torch.testing.assert_close(torch.exp(2 * voice) + torch.exp(2 * air), total)
    decibels = 20 * math.log10(math.e) * (breath - air)[:, 2:]
    hertz = torch.arange(301) * 40
    torch.testing.assert_close(decibels[:, :, hertz <= 3500], torch.full((1, 2, 88), 9.0))
    torch.testing.assert_close(decibels[:, :, hertz == 4000], torch.full((1, 2, 1), 4.5))
    torch.testing.assert_close(decibels[:, :, hertz >= 4500], torch.zeros(1, 2, 188))


def test_noise_stays_where_pulses_do_not_prevail(model: HarmonicNoise) -> None:
    breath = torch.zeros(1, 6, 301)
    decibels = torch.tensor([-20.0, 0.0, 2.9, 4.5, 6.0, 20.0])
    harmonic = (decibels / 20 * math.log(10.0))[None, :, None].expand(1, 6, 301)
    _, air = model.clear_voice(harmonic, breath, torch.full((1, 3), 120.0))
    lost = -20 * math.log10(math.e) * air[0, :, 0]
    torch.testing.assert_close(lost, torch.tensor([0.0, 0.0, 0.0, 4.5, 9.0, 9.0]), atol=1e-3, rtol=0)


def test_noise_cut_of_zero_changes_nothing() -> None:
    plain = HarmonicNoise(replace(SMALL, noise_cut=0.0), AudioConfig())
    harmonic, breath = torch.randn(2, 1, 4, 301)
    voice, air = plain.clear_voice(harmonic, breath, torch.full((1, 2), 120.0))
    torch.testing.assert_close(voice, harmonic)
    torch.testing.assert_close(air, breath)


def test_registry_builds_it_with_its_preset() -> None:
    model = create_vocoder("harmonic_noise", AudioConfig())
    assert isinstance(model, HarmonicNoise)
    assert model.config == HarmonicNoiseConfig()


def test_pulses_have_a_flat_spectrum_at_multiples_of_f0() -> None:
    train = pulse_train(torch.full((1, 80), 123.4), 24_000, 300, torch.zeros(1))[0]
    spectrum = torch.fft.rfft(train * torch.hann_window(24_000)).abs()
    levels = []
    for harmonic in range(1, 75):
        center = round(harmonic * 123.4)
        levels.append(float(spectrum[center - 2 : center + 3].max()))
        assert float(spectrum[center + 40 : center + 80].max()) < 0.01 * levels[-1]
    spread = 20 * math.log10(max(levels) / min(levels))
    assert spread < 2.0  # dB, up to 9.1 kHz; a sinusoid between two bins of the window shows up to 1.4 less


def test_pulse_phase_runs_on_from_where_it_was() -> None:
    flat = torch.full((1, 40), 163.7)
    whole = pulse_train(flat, 24_000, 300, torch.zeros(1))
    start = torch.tensor([20 * 300 * 163.7 / 24_000]).remainder(1.0)
    later = pulse_train(flat[:, 20:], 24_000, 300, start)
    torch.testing.assert_close(later[:, 8:], whole[:, 20 * 300 + 8 :], atol=1e-4, rtol=0)


def test_unvoiced_frames_have_no_pulses() -> None:
    f0 = torch.full((1, 30), 150.0)
    f0[:, 10:20] = 0
    train = pulse_train(f0, 24_000, 300, torch.zeros(1))[0]
    assert not train[10 * 300 + 8 : 20 * 300 - 8].any()
    assert train[: 10 * 300].any() and train[20 * 300 :].any()


def test_noise_is_white_of_unit_power_and_does_not_change() -> None:
    noise = noise_table()
    assert noise.shape == (NOISE_SIZE,)
    assert abs(float(noise.square().mean()) - 1) < 0.01
    power = torch.fft.rfft(noise).abs().square() / NOISE_SIZE
    bands = power[1:].reshape(32, -1).mean(dim=1)
    assert float(bands.min()) > 0.85 and float(bands.max()) < 1.15
    assert [round(float(value), 6) for value in noise[:3]] == FIRST_NOISE


FIRST_NOISE = [-0.317488, 1.097075, -0.596137]


@pytest.mark.parametrize(("n_fft", "hop"), [(600, 150), (64, 32), (12, 4)])
def test_frames_overlap_to_the_signal_again(n_fft: int, hop: int) -> None:
    signal = torch.randn(2, 9 * hop)
    frames = frame_signal(signal, n_fft, hop)
    assert frames.shape == (2, 9, n_fft)
    count = overlap_add(torch.ones_like(frames), hop)
    torch.testing.assert_close(overlap_add(frames, hop) / count, signal)
