from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from kalakan.audio.harmonic_noise import context_frames, filters_to_audio
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig, HifiGanConfig
from kalakan.errors import AudioError, ExportError, VoiceError
from kalakan.export.onnx.graphs import all_nodes
from kalakan.export.onnx.vocoder import (
    check_filters,
    check_vocoder,
    export_vocoder,
    filters_graph,
    trace_vocoder,
)
from kalakan.export.voice import add_vocoder
from kalakan.models.registry import create_vocoder
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.voices.files import FILTERS, VOCODER
from kalakan.voices.package import load_voice, save_voice
from kalakan.voices.save import save_vocoder_product

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0)
SMALL = HarmonicNoiseConfig(width=16, layers=2, inner=24, kernel=3, n_fft=128, f0_width=8)
HIFIGAN = HifiGanConfig(
    channels=16, upsample_rates=(8, 8), residual_kernels=(3,), residual_dilations=((1, 3),)
)


@pytest.fixture(scope="module")
def model() -> HarmonicNoise:
    torch.manual_seed(3)
    made = HarmonicNoise(SMALL, AUDIO).eval().requires_grad_(False)
    made.project_out.weight.normal_(0.0, 0.3)
    made.f0_head.project_out.weight.normal_(0.0, 0.5)
    return made


@pytest.fixture(scope="module")
def session(model: HarmonicNoise) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(export_vocoder(model), providers=["CPUExecutionProvider"])


def _inputs(frames: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(frames)
    mel = random.normal(-5, 2, (1, 20, frames)).astype(np.float32)
    f0 = random.uniform(60, 400, (1, frames)).astype(np.float32)
    f0[:, frames // 4 : frames // 3] = 0
    return mel, f0


@pytest.mark.parametrize("frames", [1, 2, 63, 129])
def test_torch_onnx_and_rust_agree(
    model: HarmonicNoise, session: onnxruntime.InferenceSession, frames: int
) -> None:
    mel, f0 = _inputs(frames)
    wanted = model.inference(torch.from_numpy(mel), torch.from_numpy(f0)).numpy()[0]
    audio, filters, used = session.run(["audio_output", "filters", "f0_output"], {"mel_input": mel, "f0": f0})
    np.testing.assert_allclose(audio[0], wanted, atol=2e-5)
    np.testing.assert_array_equal(used, f0)
    fast = filters_to_audio(filters[0], used[0], AUDIO, SMALL)
    np.testing.assert_allclose(fast.clip(-1, 1), wanted, atol=5e-5)
    assert fast.dtype == np.float32


def test_f0_is_heard_where_it_is_not_given(
    model: HarmonicNoise, session: onnxruntime.InferenceSession
) -> None:
    mel, _ = _inputs(63)
    audio, used = session.run(["audio_output", "f0_output"], {"mel_input": mel})
    heard = model.heard_f0(torch.from_numpy(mel), torch.ones(1, 63, 1)).numpy()
    np.testing.assert_allclose(used, heard, rtol=1e-4)
    np.testing.assert_allclose(audio, model.inference(torch.from_numpy(mel)).numpy(), atol=1e-3)


@pytest.mark.parametrize("seed", [0, 7])
def test_windows_equal_the_whole(session: onnxruntime.InferenceSession, seed: int) -> None:
    mel, f0 = _inputs(63)
    filters = session.run(["filters"], {"mel_input": mel, "f0": f0})[0][0]
    whole = filters_to_audio(filters, f0[0], AUDIO, SMALL, seed=seed)
    edge = context_frames(AUDIO, SMALL)
    assert edge == 1
    pieces = []
    for first in range(0, 63, 10):
        start, end = max(0, first - edge), min(63, first + 10 + edge)
        part = filters_to_audio(filters[start:end], f0[0], AUDIO, SMALL, first_frame=start, seed=seed)
        pieces.append(part[(first - start) * 64 :][: min(10, 63 - first) * 64])
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=2e-5)


@pytest.mark.parametrize("seed", [0, 7])
def test_torch_windows_equal_its_whole_and_rust(model: HarmonicNoise, seed: int) -> None:
    mel, f0 = (torch.from_numpy(value) for value in _inputs(63))
    whole = model.render(mel, f0, 0, seed)[0].numpy()
    filters = model.raw_filters(mel, f0, torch.ones(1, 63, 1))[0].numpy()
    fast = filters_to_audio(filters, f0[0].numpy(), AUDIO, SMALL, seed=seed)
    np.testing.assert_allclose(whole, fast, atol=1e-3)
    edge = model.context_frames
    pieces = []
    for first in range(0, 63, 20):
        start, end = max(0, first - edge), min(63, first + 20 + edge)
        part = model.render(mel[:, :, start:end], f0, start, seed)[0].numpy()
        pieces.append(part[(first - start) * 64 :][: min(20, 63 - first) * 64])
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=2e-5)


def test_seeds_are_heard_and_kept(model: HarmonicNoise) -> None:
    mel, f0 = (torch.from_numpy(value) for value in _inputs(63))
    one, other = (model.render(mel, f0, 0, seed) for seed in (0, 1))
    assert torch.equal(one, model.render(mel, f0, 0, 0))
    assert not torch.equal(one, other)


def test_fast_path_refuses_what_does_not_fit() -> None:
    filters, f0 = np.zeros((4, 2 * 3 * 65), np.float32), np.full(4, 100, np.float32)
    with pytest.raises(AudioError, match="filters has 389 columns"):
        filters_to_audio(filters[:, 1:], f0, AUDIO, SMALL)
    with pytest.raises(AudioError, match="f0 has 4 frames"):
        filters_to_audio(filters, f0, AUDIO, SMALL, first_frame=1)
    with pytest.raises(AudioError, match="finite"):
        filters_to_audio(filters * np.nan, f0, AUDIO, SMALL)
    with pytest.raises(AudioError, match="floating point"):
        filters_to_audio(filters.astype(np.int32), f0, AUDIO, SMALL)


def test_one_f0_for_all_frames_is_spread_over_them(session: onnxruntime.InferenceSession) -> None:
    mel, _ = _inputs(63)
    feeds = {"mel_input": np.concatenate([mel, mel + 0.1])}
    spread = session.run(["filters", "f0_output"], feeds | {"f0": np.full((2, 63), 130.0, np.float32)})
    for f0 in (np.full((1, 1), 130.0, np.float32), np.full((2, 1), 130.0, np.float32)):
        for one, other in zip(session.run(["filters", "f0_output"], feeds | {"f0": f0}), spread, strict=True):
            np.testing.assert_array_equal(one, other)


def test_f0_is_heard_only_where_it_is_negative(session: onnxruntime.InferenceSession) -> None:
    mel, f0 = _inputs(63)
    heard = session.run(["f0_output"], {"mel_input": mel})[0]
    f0[0, 40:50] = -1.0
    used = session.run(["f0_output"], {"mel_input": mel, "f0": f0})[0]
    np.testing.assert_array_equal(used, np.where(f0 < 0, heard, f0))


def test_a_voice_runs_the_part_of_the_graph_that_it_needs(
    model: HarmonicNoise, tiny_voice: Path, tmp_path: Path
) -> None:
    weights = save_vocoder_product(tmp_path, "harmonic_noise", model, AUDIO)
    voice = add_vocoder(tiny_voice, weights, tmp_path / "voice")
    part, whole = (onnx.load(voice.file(name), load_external_data=False) for name in (FILTERS, VOCODER))
    assert [item.name for item in part.graph.output] == ["filters", "f0_output"]
    assert len(list(all_nodes(part.graph))) < 0.5 * len(list(all_nodes(whole.graph)))
    loud = Synthesizer(voice=voice.path).synthesize("Akwaaba")
    kept = {name: voice.file(name) for name in voice.manifest.files if name != FILTERS}
    without = save_voice(tmp_path / "without", voice.manifest, kept)
    assert not without.has(FILTERS)
    np.testing.assert_array_equal(Synthesizer(voice=without.path).synthesize("Akwaaba"), loud)
    torch.manual_seed(5)
    other = save_vocoder_product(tmp_path, "hifigan", create_vocoder("hifigan", AUDIO, config=HIFIGAN), AUDIO)
    assert not add_vocoder(voice.path, other, tmp_path / "other").has(FILTERS)


def test_parts_of_different_graphs_are_refused(
    model: HarmonicNoise, tiny_voice: Path, tmp_path: Path
) -> None:
    weights = save_vocoder_product(tmp_path, "harmonic_noise", model, AUDIO)
    voice = add_vocoder(tiny_voice, weights, tmp_path / "voice")
    check_filters(voice.path)
    torch.manual_seed(4)
    other = filters_graph(trace_vocoder(HarmonicNoise(SMALL, AUDIO).eval(), fold=True))
    voice.file(FILTERS).write_bytes(other.SerializeToString())
    with pytest.raises(ExportError, match=r"vocoder_filters\.onnx gives other filters than vocoder\.onnx"):
        check_filters(voice.path)


def test_wrong_file_is_refused(model: HarmonicNoise) -> None:
    torch.manual_seed(4)
    other = HarmonicNoise(SMALL, AUDIO).eval()
    with pytest.raises(ExportError, match="differs from torch"):
        check_vocoder(other, export_vocoder(model), 1e-4)


@pytest.mark.parametrize("half", [False, True])
def test_voice_speaks_alike_on_both_engines(
    model: HarmonicNoise, tiny_voice: Path, tmp_path: Path, half: bool
) -> None:
    weights = save_vocoder_product(tmp_path, "harmonic_noise", model, AUDIO)
    voice = add_vocoder(tiny_voice, weights, tmp_path / "voice", half_weights=half)
    assert load_voice(voice.path).manifest.vocoder.type == "harmonic_noise"
    exported = Synthesizer(voice=voice.path, engine="onnx").synthesize("Akwaaba")
    scripted = Synthesizer(voice=voice.path, engine="torch").synthesize("Akwaaba")
    np.testing.assert_allclose(exported, scripted.numpy(), atol=2e-3)
    assert np.abs(exported).max() > 1e-3


def test_vocoder_of_other_audio_settings_is_refused(tiny_voice: Path, tmp_path: Path) -> None:
    model = HarmonicNoise(
        HarmonicNoiseConfig(width=8, layers=1, inner=8, kernel=3, f0_width=8), AudioConfig()
    )
    weights = save_vocoder_product(tmp_path, "harmonic_noise", model, AudioConfig())
    with pytest.raises(VoiceError, match="other audio settings"):
        add_vocoder(tiny_voice, weights, tmp_path / "voice")
    with pytest.raises(VoiceError, match="no vocoder"):
        add_vocoder(tiny_voice, tiny_voice.parent / "acoustic_model.pt", tmp_path / "voice")


def test_command_exports_a_file_and_completes_a_voice(
    model: HarmonicNoise, tiny_voice: Path, tmp_path: Path, kalakan: Any
) -> None:
    weights = str(save_vocoder_product(tmp_path, "harmonic_noise", model, AUDIO))
    assert kalakan("export", "--vocoder", weights, "--output-dir", str(tmp_path / "out")).returncode == 0
    check_vocoder(model, str(tmp_path / "out" / "vocoder.onnx"), 2e-4)
    target = str(tmp_path / "voice")
    assert kalakan("export", str(tiny_voice), "--vocoder", weights, "--output-dir", target).returncode == 0
    assert load_voice(target).manifest.vocoder.type == "harmonic_noise"
    wrong = str(tiny_voice.parent / "acoustic_model.pt")
    refused = kalakan("export", "--vocoder", wrong, "--output-dir", target)
    assert refused.returncode != 0
    assert b"no vocoder" in refused.stderr
