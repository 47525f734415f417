"""Endings: last syllables become voiced and keep to their tone, trained on the model's own predictions."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kalakan import Synthesizer
from kalakan.errors import ExportError, VoiceError
from kalakan.export.endings import SOFTNESS, EndingsTrainer, Limits, endings_of, soft_floor
from kalakan.export.training_texts import own_texts
from kalakan.export.voice_endings import end_voice, read_phrases
from kalakan.text.framing import frame
from kalakan.text.phonemes import parse_units
from kalakan.voices.corrections import Corrections
from kalakan.voices.package import DEFAULT, load_voice, save_voice
from kalakan.voices.weights import load_acoustic

TRAINED = ("pitch_predictor.", "local_voicing.")
WRITTEN = [
    text for text in own_texts() if any(map(unicodedata.combining, unicodedata.normalize("NFD", text)))
]


def ids_of(units: str) -> list[int]:
    return frame(parse_units(units))


@pytest.mark.parametrize(
    ("units", "found"),
    [
        ("k ɔ ˩ _ f i ˥ .", [(6, 6, 2, 1)]),
        ("k ɔ ˥ _ f i ˩ ?", [(6, 6, 2, -1)]),
        ("k ɔ ˥ _ f i ˥ !", [(6, 6, None, 0)]),
        ("k ɔ ˥ _ f i .", [(6, 6, None, 0)]),
        ("k ɔ ˥ , f i ˩ .", [(2, 2, None, 0), (6, 6, 2, -1)]),
        ("d a ˩ n̩ ˥ .", [(4, 4, 2, 1)]),
        ("n u m ˥ .", [(2, 3, None, 0)]),  # a nasal after the nucleus is voiced with it
        ("b a s .", []),  # an obstruent ends it
        ("b a s , f i .", [(6, 6, None, 0)]),
        ("k ɔ , .", [(2, 2, None, 0)]),
        ("k ɔ", [(2, 2, None, 0)]),  # framed with a full stop
        ("s .", []),
    ],
)
def test_endings_are_the_last_syllables_before_marks(
    units: str, found: list[tuple[int, int, int | None, int]]
) -> None:
    assert [(e.nucleus, e.last, e.before, e.sign) for e in endings_of(ids_of(units))] == found


@given(st.floats(-60, 60), st.floats(-20, 20), st.floats(1e-3, 2.0))
def test_the_floor_is_smooth_ascending_and_never_passed(value: float, lowest: float, more: float) -> None:
    floored, next_one = (
        float(soft_floor(torch.tensor(x, dtype=torch.float64), lowest)) for x in (value, value + more)
    )
    assert floored >= max(lowest, value) - 1e-9
    assert floored <= max(lowest, value) + SOFTNESS * math.log(2) + 1e-9
    assert -1e-9 <= next_one - floored <= more + 1e-9  # no step anywhere: its slope lies between 0 and 1
    if value > lowest + 20 * SOFTNESS:
        assert floored == pytest.approx(value, abs=1e-6)


def test_kalakans_own_texts_end_in_every_vowel_tone_and_mark() -> None:
    texts = own_texts()
    assert len(set(texts)) == len(texts) > 400
    phrases = list(read_phrases(texts, "predicted"))
    assert len(phrases) > 0.95 * len(texts)
    ends = [(endings_of(ids)[-1], ids) for ids in phrases]
    assert {sign for (ending, _) in ends for sign in [ending.sign]} == {-1, 0, 1}
    assert len({ids[ending.nucleus] for ending, ids in ends}) >= 9
    assert len({ids[-1] for ids in phrases}) == 3


def trained(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.state_dict().items() if name.startswith(TRAINED)}


def test_a_voice_learns_its_endings_and_nothing_else_changes(tiny_voice: Path, tmp_path: Path) -> None:
    source = load_voice(tiny_voice)
    corrections = Corrections(
        pitch_range=1.2, decline=1.0, statement_fall=2.0, durations={"statement_end": 0.8}
    )
    corrected = save_voice(
        tmp_path / "source",
        replace(source.manifest, corrections=corrections),
        {name: source.file(name) for name in source.manifest.files},
    )
    losses: list[float] = []
    voice, outcome = end_voice(
        corrected.path,
        tmp_path / "new",
        texts=WRITTEN[::5],
        steps=150,
        on_step=lambda step, loss: losses.append(loss),
    )
    assert len(losses) == 150
    assert sum(losses[-10:]) < sum(losses[:10])
    assert outcome.voiced_percent[1] > outcome.voiced_percent[0] + 10
    before, after = load_acoustic(source), load_acoustic(voice)
    assert set(trained(before)) == set(trained(after)) != set()
    assert not all(torch.equal(value, trained(after)[name]) for name, value in trained(before).items())
    others = set(before.state_dict()) - set(trained(before))
    for name in others:  # to the 16 bits in which every written voice keeps its matrices
        torch.testing.assert_close(
            after.state_dict()[name], before.state_dict()[name], rtol=1e-3, atol=1e-4, msg=name
        )
    assert voice.manifest.corrections == corrections
    assert voice.manifest.training["endings"] == {"steps": 150, "least_step": 2.5, "lowest": 8.0}
    again = replace(voice.manifest, training=source.manifest.training, files=corrected.manifest.files)
    assert again == corrected.manifest
    for name in source.manifest.files:
        if name.startswith("acoustic"):
            continue  # its graphs are traced again
        assert voice.file(name).read_bytes() == source.file(name).read_bytes()
    engines = [Synthesizer(voice.path, engine=engine) for engine in ("onnx", "torch")]
    sounds = [np.asarray(engine.synthesize("Kofi kɔ fie.")) for engine in engines]
    np.testing.assert_allclose(*sounds, atol=2e-3)


def test_what_is_no_ending_is_its_own_target(tiny_voice: Path) -> None:
    trainer = EndingsTrainer(load_acoustic(load_voice(tiny_voice)), Corrections(), Limits())  # type: ignore[arg-type]
    phrases = [ids_of("k ɔ ˩ _ f i ˥ ."), ids_of("k ɔ ˥ _ d a ˥ , m e ˥ n a ˩ ?")]
    frames, targets = trainer._examples(phrases, [0, 1], 1.0)
    predicted = trainer.before.pitch_predictor(frames.hidden, frames.mask)
    rest = (targets.mask > 0) & (targets.is_last == 0)
    torch.testing.assert_close(targets.pitch[rest], predicted[:, :, 0][rest], rtol=1e-5, atol=1e-5)
    assert 0 < int(targets.is_last.sum()) < int(targets.mask.sum())
    assert bool((targets.logit[targets.is_last > 0] > 0).all())
    own = trainer.before.judge_voicing(
        predicted, frames.phonemes, frames.durations, frames.owners, frames.speaker
    ).sum(2)
    torch.testing.assert_close(targets.logit[targets.is_last == 0], own[targets.is_last == 0])
    heard = trainer._heard(targets.pitch, frames, phrases)
    assert float(heard[targets.is_last > 0].min()) >= -trainer.limits.lowest - 0.01
    outcome = trainer.outcome(phrases)
    assert outcome.voiced_percent[0] == outcome.voiced_percent[1]
    assert (outcome.other_semitones, outcome.other_voicing_percent) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        ({"steps": 0}, "steps is 0; it must lie between 1 and 100000"),
        ({"steps": 100_001}, "steps is 100001; it must lie between 1 and 100000"),
        ({"limits": Limits(least_step=-1.0)}, "least_step is -1; it must lie between 0 and 12 semitones"),
        (
            {"limits": Limits(least_step=math.nan)},
            "least_step is nan; it must lie between 0 and 12 semitones",
        ),
        ({"limits": Limits(lowest=0.5)}, "lowest is 0.5; it must lie between 1 and 24 semitones"),
        ({"limits": Limits(lowest=math.inf)}, "lowest is inf; it must lie between 1 and 24 semitones"),
        ({"texts": []}, "the texts hold 0 sentences"),
        ({"texts": ["Kofi kɔ fie.", "123 !!!", "…"]}, "the texts hold 2 sentences"),
        ({"texts": ["Kofi " * 100] * 30}, "the texts hold 0 sentences"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_training(
    tiny_voice: Path, tmp_path: Path, given_values: dict[str, object], message: str
) -> None:
    with pytest.raises(ExportError, match=message.replace("(", r"\(")):
        end_voice(tiny_voice, tmp_path / "new", **given_values)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_the_voice_of_the_package_is_not_a_target(tiny_voice: Path) -> None:
    with pytest.raises(VoiceError, match="which is not changed"):
        end_voice(tiny_voice, DEFAULT, texts=WRITTEN, steps=1)


def test_the_default_voice_ends_voiced_and_on_its_tone() -> None:
    voice = load_voice()
    if not voice.has("acoustic.safetensors"):
        pytest.skip("this checkout has no default voice")
    trainer = EndingsTrainer(load_acoustic(voice), voice.manifest.corrections, Limits())  # type: ignore[arg-type]
    outcome = trainer.outcome(list(read_phrases(own_texts()[::15], "predicted")))
    assert outcome.voiced_percent[0] > 95
    assert outcome.tone_percent[0] > 95
