"""Pruned voices: channels that are gone, and weights that are zero."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from kalakan.cli.prune import command
from kalakan.errors import ExportError
from kalakan.export.prune import cut_channels
from kalakan.export.voice_prune import prune_voice
from kalakan.models import registry
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.voices.package import load_voice
from kalakan.voices.weights import LoadedModel, load_acoustic, load_vocoder


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("pruned") / "voice"
    changes = prune_voice(load_voice().path, target, amount=0.3)
    assert [change.part for change in changes] == ["acoustic", "vocoder"]
    for change in changes:
        assert change.parameters[1] < 0.9 * change.parameters[0]
        assert change.bytes[1] < 0.9 * change.bytes[0]
        assert change.zeros[1] < change.zeros[0] + 0.01  # a quantized voice has some
        assert all(value % 8 == 0 for value in change.settings.values())
    assert changes[0].settings.keys() == {"encoder_filter", "decoder_filter"}
    assert changes[1].settings.keys() == {"inner"}
    return target


def test_voice_with_fewer_channels_speaks_on_both_engines(pruned: Path) -> None:
    fast = Synthesizer(pruned, engine="onnx").synthesize("Akwaaba!")
    reference = np.asarray(Synthesizer(pruned, engine="torch").synthesize("Akwaaba!"))
    assert fast.shape == reference.shape
    assert np.isfinite(fast).all()
    assert np.abs(fast - reference).max() < 0.05


def test_cut_channels_are_those_that_count_least() -> None:
    torch.manual_seed(0)
    config = replace(registry.FASTSPEECH2_SMALL, encoder_filter=32, decoder_filter=32, encoder_layers=1)
    model = registry.create_acoustic("fastspeech2_small", config).eval()
    with torch.no_grad():
        for block in [*model.encoder, *model.decoder]:  # type: ignore[misc]
            entrance, leave = (
                (block.filter_in.conv, block.filter_out)
                if hasattr(block, "filter_in")
                else (block.expand, block.project)
            )
            leave.weight[:, ::2] = 0.0  # every other channel is heard by nobody
            entrance.weight[1::2] += 0.1
    voice = load_voice()
    record = replace(voice.manifest.acoustic, config={})
    smaller = cut_channels(LoadedModel(model, record, voice.manifest.audio), 0.5)
    ids = torch.tensor([[1, 29, 48, 32, 4, 69, 57, 33, 7]])
    whole, _ = model.inference(ids)  # type: ignore[operator]
    cut, _ = smaller.module.inference(ids)  # type: ignore[operator]
    torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-4)


def test_zeroed_weights_save_nothing(tmp_path: Path) -> None:
    (change,) = prune_voice(
        load_voice().path, tmp_path / "voice", amount=0.4, method="weights", part="vocoder"
    )
    assert change.parameters[0] == change.parameters[1]
    assert change.zeros[1] == pytest.approx(0.4, abs=0.01)
    assert change.settings == {}
    model = load_vocoder(load_voice(tmp_path / "voice"))
    assert float((model.project_out.weight == 0).float().mean()) == pytest.approx(0.4, abs=0.01)  # type: ignore[union-attr]


def test_command_says_what_it_saved_and_how_to_go_on(tmp_path: Path) -> None:
    target = str(tmp_path / "voice")
    voice = str(load_voice().path)
    result = CliRunner().invoke(command, [voice, "-o", target, "--amount", "0.5", "--part", "vocoder"])
    assert result.exit_code == 0, result.output
    assert "vocoder: parameters 1419824 to" in result.stderr
    assert f"--start-from {target} --set model.inner=192" in result.stderr
    assert load_acoustic(load_voice(target)).config == load_acoustic(load_voice()).config


@pytest.mark.parametrize("amount", [0.0, 1.0, -1.0])
def test_impossible_amounts_are_refused(amount: float, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="between 0 and 1"):
        prune_voice(load_voice().path, tmp_path / "voice", amount=amount)


def test_voices_without_weights_to_prune_are_named(tiny_voice: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="griffin_lim, which has no weights"):
        prune_voice(tiny_voice, tmp_path / "voice", amount=0.3, part="vocoder")
