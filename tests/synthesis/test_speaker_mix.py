"""Mixes of speakers: `speaker="akosua:0.6,esi:0.4"` wherever a speaker is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.errors import MarkupWarning, SynthesisError
from kalakan.synthesis.engines.stages import acoustic_batch
from kalakan.synthesis.options import SpeakOptions, speaker_shares
from kalakan.voices.corrections import Levels

NAMES = ("akosua", "kwame", "esi")
TEXT = "Ɔbaa no resere."
HAND_MADE = Path(__file__).parents[1] / "voices" / "tiny"


@pytest.mark.parametrize(
    ("speaker", "shares"),
    [
        ("kwame", {"kwame": 1.0}),
        ("akosua:0.6,esi:0.4", {"akosua": 0.6, "esi": 0.4}),
        (" akosua : 3 , esi : 1 ", {"akosua": 0.75, "esi": 0.25}),
        ("akosua:1e-3,kwame:0,esi:1e-3", {"akosua": 0.5, "esi": 0.5}),
        ("kwame:2", {"kwame": 1.0}),
    ],
)
def test_shares(speaker: str, shares: dict[str, float]) -> None:
    assert speaker_shares(speaker, NAMES) == pytest.approx(shares)


def test_a_name_with_a_colon_is_a_name() -> None:
    assert speaker_shares("a:1", ("a", "a:1")) == {"a:1": 1.0}
    assert speaker_shares("a:1:3,a:1", ("a", "a:1")) == pytest.approx({"a:1": 0.75, "a": 0.25})


@pytest.mark.parametrize(
    ("speaker", "message"),
    [
        ("ama", "speaker 'ama' is not in this voice; choose one of akosua, kwame, esi"),
        ("akosua:1,ama:1", "speaker 'ama' is not in this voice; choose one of"),
        ("akosua:1,esi", "speaker '' is not in this voice"),
        ("akosua:x", "gives akosua the weight 'x'; it must be a number from 0, as in akosua:0.6,esi:0.4"),
        ("akosua:-1,esi:2", "gives akosua the weight '-1'; it must be a number from 0"),
        ("akosua:nan", "gives akosua the weight 'nan'"),
        ("akosua:inf", "gives akosua the weight 'inf'"),
        ("akosua:1,akosua:2", "names akosua twice; give each speaker one weight"),
        ("akosua:0,esi:0", "gives nobody a weight above 0"),
    ],
)
def test_what_is_wrong_with_a_mix_is_one_line(speaker: str, message: str) -> None:
    with pytest.raises(SynthesisError) as caught:
        speaker_shares(speaker, NAMES)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def onnx() -> Synthesizer:
    return Synthesizer()


@pytest.fixture(scope="module")
def torch_engine() -> Synthesizer:
    return Synthesizer(engine="torch")


def _middle(synthesizer: Synthesizer, speaker: str) -> float:
    """Median F0 in Hz."""
    phrases = list(synthesizer.stages.text.phrases(TEXT))
    options = SpeakOptions(speaker=speaker)
    (found,) = synthesizer.stages.acoustic.predict(acoustic_batch(phrases, options, synthesizer.speakers))
    f0 = np.asarray(found.f0)
    return float(np.median(f0[f0 > 0]))


def test_a_mix_lies_between_its_speakers(onnx: Synthesizer) -> None:
    akosua, kwame = _middle(onnx, "akosua"), _middle(onnx, "kwame")
    assert kwame < _middle(onnx, "akosua:0.3,kwame:0.7") < _middle(onnx, "akosua:0.7,kwame:0.3") < akosua


def test_a_mix_of_one_has_the_bits_of_the_speaker(onnx: Synthesizer) -> None:
    plain = onnx.synthesize(TEXT, speaker="yaw")
    assert np.array_equal(onnx.synthesize(TEXT, speaker="yaw:0.5"), plain)
    # In a batch with a mix, a plain speaker goes through weights too.
    batch = list(onnx.stages.text.phrases(TEXT))
    phrases = [*batch, *batch]
    mixed = acoustic_batch(phrases, SpeakOptions(speaker="yaw:1,esi:1"), onnx.speakers)
    assert mixed.speaker is not None
    assert mixed.speaker.dtype == np.float32
    alone = acoustic_batch(batch, SpeakOptions(speaker="yaw"), onnx.speakers)
    (row,) = onnx.stages.acoustic.predict(alone)
    weights = np.array([[0, 0, 0, 1], [0, 0, 0.5, 0.5]], np.float32)
    object.__setattr__(mixed, "speaker", weights)
    first, _ = onnx.stages.acoustic.predict(mixed)
    assert np.array_equal(first.durations, row.durations)
    np.testing.assert_allclose(first.f0, row.f0, atol=1e-3)


def test_a_mix_is_neither_of_its_speakers_and_streams_alike(onnx: Synthesizer) -> None:
    mix = onnx.synthesize(TEXT, speaker="akosua:1,esi:1")
    for name in ("akosua", "esi"):
        other = onnx.synthesize(TEXT, speaker=name)
        assert len(other) != len(mix) or not np.allclose(other, mix, atol=1e-3)
    pieces = list(onnx.stream(TEXT, speaker="akosua:1,esi:1"))
    np.testing.assert_allclose(np.concatenate(pieces), mix, atol=1e-4)


@pytest.mark.torch
def test_both_engines_mix_alike(onnx: Synthesizer, torch_engine: Synthesizer) -> None:
    speaker = "akosua:0.5,kwame:0.2,yaw:0.3"
    one, other = _middle(onnx, speaker), _middle(torch_engine, speaker)
    assert one == pytest.approx(other, rel=0.01)
    assert len(onnx.synthesize(TEXT, speaker=speaker)) == len(torch_engine.synthesize(TEXT, speaker=speaker))


def test_ssml_takes_mixes_and_names_the_place_of_a_wrong_one(onnx: Synthesizer) -> None:
    def document(name: str) -> str:
        return f'<speak>Akwaaba. <voice name="{name}">{TEXT}</voice></speak>'

    mix = onnx.synthesize(document("akosua:1,esi:1"), ssml=True)
    assert len(mix) > 0
    assert not np.array_equal(mix, onnx.synthesize(document("esi"), ssml=True))
    wrong = "line 1, column 40: speaker 'akosua:x' gives akosua the weight 'x'"
    with pytest.warns(MarkupWarning, match=wrong):
        found = onnx.synthesize(document("akosua:x"), ssml=True)
    assert np.array_equal(found, onnx.synthesize(document("akosua"), ssml=True))
    with pytest.raises(SynthesisError, match="gives akosua the weight 'x'"):
        onnx.synthesize(document("akosua:x"), ssml=True, strict=True)


def test_the_default_speaker_may_be_a_mix() -> None:
    synthesizer = Synthesizer(speaker="akosua:1,kwame:1")
    expected = synthesizer.synthesize(TEXT, speaker="akosua:1,kwame:1")
    assert np.array_equal(synthesizer.synthesize(TEXT), expected)
    with pytest.raises(SynthesisError, match="gives nobody a weight"):
        Synthesizer(speaker="akosua:0")


def test_a_graph_without_mixes_says_so() -> None:
    """The graphs of the committed voice were made by hand, with an input for one speaker."""
    synthesizer = Synthesizer(HAND_MADE)
    with pytest.raises(
        SynthesisError, match="was exported without mixes of speakers; export its voice again"
    ):
        synthesizer.synthesize(TEXT, speaker="akosua:1,kwame:1")


def test_levels_of_a_mix_are_between(onnx: Synthesizer) -> None:
    levels = Levels({"a": {"pitch": ((0.0, 2.0),)}, "b": {"pitch": ((0.0, 4.0),)}})
    assert levels.mean_gain({"a": 0.25, "b": 0.75}, "pitch", 0.0) == pytest.approx(3.5)
    assert levels.mean_gain({"c": 1.0}, "pitch", 0.0) == 0.0


@pytest.mark.torch
def test_weights_of_one_have_the_bits_of_the_row() -> None:
    import torch

    from kalakan.models.layers.speakers import by_speaker, one_hot

    for shape in ((3,), (3, 5)):
        table = torch.randn(shape)
        ids = torch.tensor([2, 0, 1, 2])
        assert torch.equal(by_speaker(table, one_hot(ids, 3)), by_speaker(table, ids))
        half = by_speaker(table, torch.tensor([[0.5, 0.5, 0.0]]))
        torch.testing.assert_close(half[0], (table[0] + table[1]) / 2)
    assert not one_hot(torch.tensor([-1]), 3).any()


@pytest.mark.torch
@pytest.mark.parametrize("steered", [0, 1])
def test_a_scripted_model_mixes_too(steered: int, tmp_path: Path) -> None:
    import torch

    from kalakan.config.schema import FastSpeech2Config
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2

    torch.manual_seed(0)
    config = FastSpeech2Config(
        speakers=("a", "b"), encoder_layers=1, encoder_width=16, encoder_filter=16, decoder_layers=1,
        decoder_filter=16, predictor_width=8, steered_rows=steered,
    )  # fmt: skip
    model: Any = FastSpeech2(config).eval()
    if steered:
        model.phoneme_rows[1, 24] = config.n_phonemes
    ids, weights = torch.tensor([[24, 25, 44, 7]]), torch.tensor([[0.3, 0.7]])
    with torch.no_grad():
        mel, more = model.inference(ids, speaker=weights)
        scripted: Any = torch.jit.script(model)
        again, _ = scripted.inference(ids, speaker=weights)
        one, _ = model.inference(ids, speaker=torch.tensor([1]), durations=more["durations"])
        same, _ = model.inference(ids, speaker=torch.tensor([[0.0, 1.0]]), durations=more["durations"])
    torch.testing.assert_close(mel, again)
    assert torch.equal(one, same)
    assert not torch.allclose(mel, one)
