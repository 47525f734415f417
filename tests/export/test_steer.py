"""Steering: a phoneme of some speakers becomes a mix of phonemes, the rest keeps its bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kalakan import Synthesizer
from kalakan.config.schema import FastSpeech2Config
from kalakan.errors import ExportError
from kalakan.export.voice_steer import Mix, parse_mix, steer, steer_voice
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.text.phonemes import symbol_to_id
from kalakan.training.warm_start import first_weights
from kalakan.voices.package import load_voice
from kalakan.voices.weights import load_acoustic

NEAR_U, CLOSE_O, OPEN_O, A = (symbol_to_id(symbol) for symbol in ("ʊ", "o", "ɔ", "a"))


@pytest.fixture
def model() -> FastSpeech2:
    torch.manual_seed(0)
    config = FastSpeech2Config(
        speakers=("ama", "kofi", "esi"), encoder_layers=1, encoder_width=8, encoder_filter=8, decoder_layers=1,
        decoder_filter=8, predictor_width=8, n_mels=4,
    )  # fmt: skip
    return FastSpeech2(config).eval()


def _row(model: FastSpeech2, speaker: int, unit: int) -> torch.Tensor:
    place = int(model.phoneme_rows[speaker, unit]) if model.steered_rows else unit
    return model.embedding.weight[place].detach()


def test_only_the_chosen_speakers_change_and_mixes_are_of_the_voice_as_it_was(model: FastSpeech2) -> None:
    old = model.embedding.weight.detach().clone()
    mixes = [parse_mix("ʊ = 0.75*o + 0.25*ʊ"), parse_mix("o=1*ʊ")]
    steered = steer(model, mixes, [1, 2])
    assert steered.steered_rows == 2  # one row a unit: the two speakers share them
    for speaker in (1, 2):
        torch.testing.assert_close(_row(steered, speaker, NEAR_U), 0.75 * old[CLOSE_O] + 0.25 * old[NEAR_U])
        assert torch.equal(_row(steered, speaker, CLOSE_O), old[NEAR_U])
    assert all(torch.equal(_row(steered, 0, unit), old[unit]) for unit in (NEAR_U, CLOSE_O, OPEN_O, A))
    ids = torch.tensor([[NEAR_U, A, CLOSE_O]])
    for speaker, same in ((0, True), (1, False)):
        hidden = [item.encode(ids, torch.tensor([speaker]))[0] for item in (model, steered)]
        assert torch.equal(*hidden) == same


def test_steering_everyone_adds_no_row_and_steering_back_takes_them_away(model: FastSpeech2) -> None:
    old = model.embedding.weight.detach().clone()
    everyone = steer(model, [parse_mix("ʊ=0.5*o+0.5*ʊ")], [0, 1, 2])
    assert everyone.steered_rows == 0
    torch.testing.assert_close(everyone.embedding.weight[NEAR_U], 0.5 * old[CLOSE_O] + 0.5 * old[NEAR_U])
    one = steer(model, [parse_mix("ʊ=1*o")], [0])
    assert one.steered_rows == 1
    again = steer(one, [parse_mix("ɔ=1*ʊ")], [0])  # ʊ as it is for her by now
    assert torch.equal(_row(again, 0, OPEN_O), old[CLOSE_O])
    assert torch.equal(_row(again, 1, OPEN_O), old[OPEN_O])
    others = steer(one, [parse_mix("ʊ=1*o")], [1, 2])
    assert others.steered_rows == 0
    assert torch.equal(others.embedding.weight[NEAR_U], old[CLOSE_O])


def test_a_steered_voice_speaks_the_same_by_both_engines(tiny_voice: Path, tmp_path: Path) -> None:
    steered = steer_voice(tiny_voice, tmp_path / "new", [Mix("a", {"ʊ": 0.5, "o": 0.5})], ["kwame"])
    manifest = load_voice(steered.path).manifest
    assert manifest.acoustic.config["steered_rows"] == 1
    assert manifest.training["steering"] == [{"speakers": ["kwame"], "mixes": ["a=0.5*ʊ+0.5*o"]}]
    before, after, torch_too = (
        Synthesizer(path, engine=engine)
        for path, engine in ((tiny_voice, "onnx"), (steered.path, "onnx"), (steered.path, "torch"))
    )
    text = "Ama kɔ fa."
    kwame = after.synthesize(text, speaker="kwame")
    assert not np.array_equal(before.synthesize(text, speaker="kwame"), kwame)
    np.testing.assert_allclose(torch_too.synthesize(text, speaker="kwame"), kwame, atol=1e-2)
    weights = [
        load_acoustic(load_voice(path)).state_dict()["embedding.weight"]
        for path in (tiny_voice, steered.path)
    ]
    rows = weights[0].shape[0]
    torch.testing.assert_close(weights[1][:rows], weights[0], rtol=1e-3, atol=1e-3)
    begun = first_weights(steered.path, ["acoustic"]).weights
    assert begun["acoustic.embedding.weight"].shape == weights[0].shape
    assert "acoustic.phoneme_rows" not in begun


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ʊ", "is no mix; write UNIT=WEIGHT"),
        ("ʊ=o", "is no mix"),
        ("ʊ=nan*o", "is no mix"),
        ("ʊ=0.5*o+0.5*o", "is no mix"),
        ("ʊ=0.5*o", "add up to 0.5; they must add up to 1"),
        ("q=1*o", "'q' is not a symbol"),
        ("ʊ=1*,", "class pause; only sounds"),
    ],
)
def test_what_is_no_mix_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        parse_mix(text)


def test_what_cannot_be_steered_leaves_nothing(tiny_voice: Path, tmp_path: Path) -> None:
    mix = parse_mix("ʊ=1*o")
    for mixes, speakers, message in (
        ([mix], ["yaw"], "speaker 'yaw' is not in this voice; choose one of akosua, kwame"),
        ([mix, mix], [], "units to steer are ʊ, ʊ; name at least one, and each once"),
        ([], [], "units to steer are none"),
    ):
        with pytest.raises(ExportError, match=message):
            steer_voice(tiny_voice, tmp_path / "new", mixes, speakers)
    assert not (tmp_path / "new").exists()
