"""Files of weights alone, as pruning leaves them: read as the voice, or the type, that they fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn.utils import prune

from kalakan.errors import UntrainedModelWarning, VoiceError
from kalakan.synthesis.synthesizer import Synthesizer


def pruned(model: torch.nn.Module, path: Path) -> str:
    """The file of a model's weights, a third of them 0, as the guide writes it."""
    for module in model.modules():
        if isinstance(module, torch.nn.Conv1d):
            prune.l1_unstructured(module, name="weight", amount=0.3)
            prune.remove(module, "weight")
    torch.save(model.state_dict(), path)
    return str(path)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_pruned_weights_alone_are_taken_as_the_voice_that_they_are_of(
    streaming_voice: Path, tmp_path: Path
) -> None:
    default = Synthesizer(engine="torch")
    acoustic = pruned(default.acoustic_model, tmp_path / "acoustic.pt")
    again = Synthesizer(acoustic_model=acoustic)
    assert same(again.acoustic_model, default.acoustic_model)
    assert again.speakers == default.speakers
    assert len(again.synthesize("Yoo")) > 0
    synthesizer = Synthesizer(streaming_voice, engine="torch")
    vocoder = pruned(synthesizer.vocoder, tmp_path / "vocoder.pt")
    assert same(Synthesizer(streaming_voice, vocoder=vocoder).vocoder, synthesizer.vocoder)
    with pytest.raises(
        VoiceError, match=r"holds weights alone, .*, and fits no fastspeech2_small; save them"
    ):
        Synthesizer(acoustic_model=vocoder)


def test_weights_alone_of_a_type_without_a_voice(tmp_path: Path) -> None:
    with pytest.warns(UntrainedModelWarning):
        untrained = Synthesizer(acoustic_model_type="fastspeech2", vocoder_type="griffin_lim", device="cpu")
    torch.save(untrained.acoustic_model.state_dict(), tmp_path / "pruned.pt")
    files = {"acoustic_model": str(tmp_path / "pruned.pt"), "acoustic_model_type": "fastspeech2"}
    again = Synthesizer(**files, vocoder_type="griffin_lim", device="cpu")
    torch.testing.assert_close(again.synthesize("Yoo"), untrained.synthesize("Yoo"))
