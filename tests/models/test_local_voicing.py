from __future__ import annotations

import math

import pytest
import torch

from kalakan.config.schema import FastSpeech2Config
from kalakan.errors import ConfigError
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.models.acoustic.voicing import LocalVoicing, places
from kalakan.models.layers.masking import frame_distances, frame_owners, move_together
from kalakan.text.phonemes import TONE_IDS

torch.set_num_threads(1)


def _heard(head: LocalVoicing, ids: torch.Tensor, durations: torch.Tensor, speaker: int = 0) -> torch.Tensor:
    is_sound = ~torch.isin(ids, torch.tensor([0, *TONE_IDS]))
    owners, counts = frame_owners(durations)
    with torch.no_grad():
        logits: torch.Tensor = head(ids, durations, owners, torch.tensor([speaker]), is_sound)
    return logits[:, : int(counts[0])]


@pytest.fixture(scope="module")
def head() -> LocalVoicing:
    torch.manual_seed(0)
    return LocalVoicing(96, 2, 16, 5, 0.5).eval()


def test_places_by_hand() -> None:
    durations = torch.tensor([[1, 0, 3]])
    owners, _ = frame_owners(durations)
    assert frame_distances(durations, owners).tolist() == [[[0, 0], [0, 2], [1, 1], [2, 0]]]
    share = places(durations, owners)[0, :, 0]
    torch.testing.assert_close(share, torch.tensor([1 / 2, 1 / 6, 3 / 6, 5 / 6]))
    third = places(durations, owners)[0, 3]
    expected = [5 / 6, math.log(3), 0.0, math.exp(-2), 1.0, 1 / 3, 1.0]
    torch.testing.assert_close(third, torch.tensor(expected))


def test_a_frame_hears_the_units_around_it_and_no_others(head: LocalVoicing) -> None:
    ids, durations = torch.arange(24, 36)[None], torch.full((1, 12), 2)
    base = _heard(head, ids, durations)
    for changed in (ids.clone(), durations.clone()):
        changed[0, 9] += 1
        pair = (changed, durations) if changed[0, 0] == 24 else (ids, changed)
        other = _heard(head, *pair)
        torch.testing.assert_close(other[:, :14], base[:, :14])  # units 0 to 6: two units and more away
        assert (other[:, 14:18] - base[:, 14:18]).abs().min() > 1e-6


def test_padding_changes_nothing(head: LocalVoicing) -> None:
    ids, durations = torch.arange(24, 32)[None], torch.full((1, 8), 3)
    padded = torch.nn.functional.pad(ids, (0, 4))
    longer = _heard(head, padded, torch.nn.functional.pad(durations, (0, 4)))
    torch.testing.assert_close(longer, _heard(head, ids, durations))


def test_written_tones_change_nothing(head: LocalVoicing) -> None:
    ids, durations = torch.arange(24, 32)[None], torch.arange(1, 9)[None]
    tone = torch.tensor([list(TONE_IDS)[:1]])
    toned = torch.cat([ids[:, :3], tone, ids[:, 3:6], tone, ids[:, 6:], tone], dim=1)
    zero = torch.zeros(1, 1, dtype=torch.long)
    lasting = torch.cat([durations[:, :3], zero, durations[:, 3:6], zero, durations[:, 6:], zero], dim=1)
    torch.testing.assert_close(_heard(head, toned, lasting), _heard(head, ids, durations))


def test_moving_together_by_hand() -> None:
    values = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])[:, :, None]
    kept = torch.tensor([[False, True, False, True], [True, True, True, True]])
    together, ranks = move_together(values, kept)
    assert together[:, :, 0].tolist() == [[2.0, 4.0, 0.0, 0.0], [5.0, 6.0, 7.0, 8.0]]
    assert ranks.tolist() == [[0, 0, 0, 1], [0, 1, 2, 3]]


def test_speakers_are_told_apart(head: LocalVoicing) -> None:
    ids, durations = torch.arange(24, 32)[None], torch.full((1, 8), 3)
    assert (_heard(head, ids, durations, 1) - _heard(head, ids, durations, 0)).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("own", "local", "voiced"), [(2, -1, True), (-1, 2, True), (1, -2, False), (-2, 1, False)]
)
def test_both_judges_count_alike(own: float, local: float, voiced: bool) -> None:
    torch.manual_seed(0)
    sizes = {"encoder_layers": 1, "encoder_width": 16, "encoder_filter": 16, "predictor_width": 8}
    model = FastSpeech2(
        FastSpeech2Config(decoder_layers=1, decoder_filter=16, voicing_width=8, **sizes)
    ).eval()
    assert isinstance(model.local_voicing, LocalVoicing)
    for out, row, value in ((model.pitch_predictor.out, 1, own), (model.local_voicing.out, 0, local)):
        out.weight.data[row] = 0.0
        out.bias.data[row] = value
    with torch.no_grad():
        _, aux = model.inference(torch.arange(24, 32)[None])
    assert bool((aux["pitch"] > 0).all()) is voiced
    assert bool((aux["pitch"] > 0).any()) is voiced


@pytest.mark.parametrize(
    ("name", "value"), [("voicing_width", -1), ("voicing_kernel", 4), ("voicing_kernel", 0)]
)
def test_sizes_that_cannot_be_are_refused(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"model.{name} is {value}"):
        FastSpeech2Config(**{name: value})
