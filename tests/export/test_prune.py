"""Pruned voices: channels that are gone, and weights that are zero."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from kalakan.cli.prune import command
from kalakan.config.resolve import to_dict
from kalakan.errors import ExportError
from kalakan.export.channels import correlations, cut_inputs
from kalakan.export.prune import cut_channels
from kalakan.export.training_texts import own_texts
from kalakan.export.voice import with_acoustic
from kalakan.export.voice_prune import Change, Tuning, prune_voice
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
        assert all(value % 16 == 0 for value in change.settings.values())
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
    loaded = LoadedModel(model, record, voice.manifest.audio)
    ids = torch.tensor([[1, 29, 48, 32, 4, 69, 57, 33, 7]])
    whole, _ = model.inference(ids)  # type: ignore[operator]
    for run in (None, lambda: model.inference(ids)):  # type: ignore[operator]
        smaller = cut_channels(loaded, 0.5, ["encoder", "decoder"], run)
        cut, _ = smaller.module.inference(ids)  # type: ignore[operator]
        torch.testing.assert_close(cut, whole, rtol=1e-3, atol=1e-3)


def test_what_is_left_makes_up_for_what_is_cut() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(24, 5)
    known = torch.randn(400, 16)
    mixed = known @ torch.randn(16, 8) + 0.7  # eight channels that the others and a constant know
    rows = torch.cat([known, mixed], dim=1)
    with torch.no_grad():
        wanted = layer(rows)
        (matrix,) = correlations([layer], lambda: layer(rows))
        cut = cut_inputs(layer, matrix, 16)
        found = rows[:, cut.kept] @ cut.weight.t() + cut.bias
        plain = rows[:, :16] @ layer.weight[:, :16].t() + layer.bias
    assert cut.kept.tolist() == sorted(cut.kept.tolist())
    assert float((found - wanted).square().mean()) < 1e-3 * float((plain - wanted).square().mean())


def test_channels_are_chosen_by_what_is_heard_not_by_their_weights() -> None:
    layer = torch.nn.Linear(4, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[9.0, 1.0, 9.0, 1.0]]))
        rows = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
        rows[:, 0] = 0.01 * rows[:, 0] + 3.0  # large, and always the same: the bias can say it
        (matrix,) = correlations([layer], lambda: layer(rows))
        cut = cut_inputs(layer, matrix, 3)
    assert cut.kept.tolist() == [1, 2, 3]
    assert float(cut.bias) == pytest.approx(float(layer.bias.detach()) + 27.0, abs=0.1)


@pytest.fixture(scope="module")
def wide_voice(streaming_voice: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`streaming_voice` with channels to lose."""
    source = load_voice(streaming_voice)
    config: Any = load_acoustic(source).config
    torch.manual_seed(0)
    sizes = replace(config, encoder_filter=48, decoder_filter=48, predictor_width=32, predictor_layers=2)
    model = registry.create_acoustic("fastspeech2_small", sizes).eval().requires_grad_(False)
    model.load_state_dict(
        {name: value for name, value in load_acoustic(source).state_dict().items() if name.endswith("_mean")},
        strict=False,
    )
    record = replace(source.manifest.acoustic, config=to_dict(sizes))
    target = tmp_path_factory.mktemp("wide") / "voice"
    return with_acoustic(source, LoadedModel(model, record, source.manifest.audio), target).path


@pytest.fixture(scope="module")
def tuned(wide_voice: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Change]]:
    target = tmp_path_factory.mktemp("tuned") / "voice"
    tuning = Tuning(60, texts=own_texts()[::8])
    return target, prune_voice(wide_voice, target, amount=0.4, tuning=tuning)


def test_a_pruned_voice_learns_from_the_whole_one(wide_voice: Path, tuned: tuple[Path, list[Change]]) -> None:
    target, changes = tuned
    assert [list(change.distances) for change in changes] == [["encoder", "decoder"], ["vocoder"]]
    kinds = {"encoder": "mel_db", "decoder": "mel_db", "vocoder": "noise_db"}
    for change in changes:
        for group, found in change.distances.items():
            before, after = found[kinds[group]]
            assert 0 < after < before, (group, found)
            assert f"{before:.2f} to {after:.2f} dB" in change.told(group)
    voice, source = load_voice(target), load_voice(wide_voice)
    assert voice.manifest.training["pruning"] == [{"part": "both", "amount": 0.4, "steps": 60}]
    again = replace(
        voice.manifest,
        training=source.manifest.training,
        files=source.manifest.files,
        acoustic=source.manifest.acoustic,
        vocoder=source.manifest.vocoder,
    )
    assert again == source.manifest
    untouched = ("embedding.", "pitch_", "energy_", "duration_", "local_voicing.", "position_in.")
    before, after = (load_acoustic(item).state_dict() for item in (source, voice))
    assert any(name.startswith(untouched) for name in before)
    for name in before:
        if name.startswith(untouched):
            torch.testing.assert_close(after[name], before[name], rtol=1e-3, atol=1e-4, msg=name)
    sounds = [
        np.asarray(Synthesizer(target, engine=engine).synthesize("Kofi.")) for engine in ("onnx", "torch")
    ]
    np.testing.assert_allclose(*sounds, atol=5e-3)


def test_predictors_lose_channels_where_they_are_named(wide_voice: Path, tmp_path: Path) -> None:
    tuning = Tuning(60, texts=own_texts()[::8], mixed_precision=True)
    (change,) = prune_voice(wide_voice, tmp_path / "new", amount=0.5, part="predictors", tuning=tuning)
    assert change.settings == {"predictor_width": 16}
    assert list(change.distances) == ["predictors"]
    before, after = change.distances["predictors"]["pitch_semitones"]
    assert after < before


def test_an_interrupted_training_goes_on_where_it_stopped(streaming_voice: Path, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(group: str, step: int, loss: float) -> None:
        seen.append(step)
        if len(seen) == 130:
            raise Stopped

    texts = own_texts()[::12]
    whole = tmp_path / "whole"
    prune_voice(streaming_voice, whole, amount=0.4, part="vocoder", tuning=Tuning(140, texts=texts))
    seen: list[int] = []
    tuning = Tuning(140, texts=texts, checkpoints=tmp_path / "kept", on_step=stop)
    with pytest.raises(Stopped):
        prune_voice(streaming_voice, tmp_path / "new", amount=0.4, part="vocoder", tuning=tuning)
    assert not (tmp_path / "new").exists()
    prune_voice(streaming_voice, tmp_path / "new", amount=0.4, part="vocoder", tuning=tuning)
    assert seen == [*range(1, 131), *range(101, 141)]
    name = "vocoder.safetensors"
    assert (tmp_path / "new" / name).read_bytes() == (whole / name).read_bytes()
    other = replace(tuning, seed=1)
    with pytest.raises(
        ExportError, match=r"vocoder\.pt: is a checkpoint of another training, with seed 0 instead of 1"
    ):
        prune_voice(streaming_voice, tmp_path / "third", amount=0.4, part="vocoder", tuning=other)
    (tmp_path / "kept" / "vocoder.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ExportError, match=r"vocoder\.pt: is damaged or no checkpoint of this command"):
        prune_voice(streaming_voice, tmp_path / "third", amount=0.4, part="vocoder", tuning=tuning)


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        ({"tuning": Tuning(-1)}, "steps is -1; it must lie between 0 and 1000000"),
        ({"tuning": Tuning(1_000_001)}, "steps is 1000001; it must lie between 0 and 1000000"),
        (
            {"tuning": Tuning(5, texts=["Kofi."])},
            "the texts hold 1 sentences of at most 300 units; give at least 20",
        ),
        (
            {"part": "embedding"},
            "part is 'embedding'; choose one of acoustic, vocoder, both, encoder, decoder",
        ),
        ({"method": "weights", "tuning": Tuning(5)}, "method weights is not trained on"),
        ({"method": "weights", "part": "decoder"}, "part decoder is none: name acoustic or vocoder"),
        ({"method": "luck"}, "method is 'luck'; choose one of channels, weights"),
    ],
)
def test_what_cannot_be_done_is_refused_before_training(
    streaming_voice: Path, tmp_path: Path, given_values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        prune_voice(streaming_voice, tmp_path / "new", amount=0.3, **given_values)
    assert not (tmp_path / "new").exists()


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
    whole = load_vocoder(load_voice())
    assert (
        f"vocoder: parameters {sum(value.numel() for value in whole.state_dict().values())} to"
        in result.stderr
    )
    inner = load_voice(target).manifest.vocoder.config["inner"]
    assert inner == round(whole.config.inner * 0.5 / 16) * 16  # type: ignore[union-attr, operator]
    assert f"--start-from {target} --set model.inner={inner}" in result.stderr
    assert load_acoustic(load_voice(target)).config == load_acoustic(load_voice()).config


@pytest.mark.parametrize("amount", [0.0, 1.0, -1.0])
def test_impossible_amounts_are_refused(amount: float, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="between 0 and 1"):
        prune_voice(load_voice().path, tmp_path / "voice", amount=amount)


def test_voices_without_weights_to_prune_are_named(tiny_voice: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="griffin_lim, which has no weights"):
        prune_voice(tiny_voice, tmp_path / "voice", amount=0.3, part="vocoder")
