from __future__ import annotations

import math

import pytest
import torch

from kalakan.config.schema import FastSpeech2Config
from kalakan.errors import ConfigError
from kalakan.models import registry
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.models.interfaces import AcousticModel
from kalakan.models.layers.masking import frame_owners, frame_positions, gather_frames
from kalakan.text.phonemes import TABLE_SIZE, TONE_IDS

torch.set_num_threads(1)
BLOCKS = ("transformer", "convnext")


def _model(block: str, seed: int = 0) -> FastSpeech2:
    torch.manual_seed(seed)
    config = FastSpeech2Config(
        speakers=("a", "b"),
        encoder_layers=2,
        encoder_width=32,
        encoder_filter=32,
        encoder_kernel=3,
        decoder_block=block,
        decoder_layers=2,
        decoder_filter=32,
        decoder_kernel=5,
        predictor_width=16,
        voicing_width=8 if block == "convnext" else 0,
        voicing_kernel=5,
    )
    model = FastSpeech2(config).eval()
    model.mel_std.fill_(0.7)
    return model


def _ids(batch: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(24, 34, (batch, size), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("size", [1, 2, 63])
def test_sentence_in_a_batch_equals_the_sentence_alone(block: str, size: int) -> None:
    model = _model(block)
    batch = torch.zeros(3, 70, dtype=torch.long)
    batch[0] = _ids(1, 70)[0]
    batch[1, :size] = _ids(1, size, 1)[0]
    batch[2, :5] = _ids(1, 5, 2)[0]
    speaker = torch.tensor([0, 1, 0])
    with torch.no_grad():
        mel, aux = model.inference(batch, speaker=speaker)
        alone, alone_aux = model.inference(batch[1:2, :size], speaker=speaker[1:2])
    frames = int(alone_aux["mel_lengths"][0])
    assert int(aux["mel_lengths"][1]) == frames
    torch.testing.assert_close(mel[1, :, :frames], alone[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(aux["pitch"][1, :frames], alone_aux["pitch"][0], atol=1e-3, rtol=1e-5)
    assert torch.equal(aux["durations"][1, :size], alone_aux["durations"][0])


@pytest.mark.parametrize("block", BLOCKS)
def test_lengths_hide_what_stands_after_them(block: str) -> None:
    model = _model(block)
    ids = _ids(1, 20)
    with torch.no_grad():
        expected, _ = model.inference(ids[:, :12])
        found, aux = model.inference(ids, lengths=torch.tensor([12]))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert aux["durations"][0, 12:].sum() == 0


def test_tone_units_last_no_frame_and_change_the_sound() -> None:
    model = _model("convnext")
    plain = torch.tensor([[29, 40, 29, 7]])
    marked = torch.tensor([[29, 16, 40, 29, 17, 7]])
    with torch.no_grad():
        _, aux = model.inference(marked)
        mel, _ = model.inference(plain)
        marked_mel, _ = model.inference(marked)
    durations = aux["durations"][0].tolist()
    assert durations[1] == durations[4] == 0
    assert min(durations[0], durations[2], durations[3], durations[5]) >= 1
    size = min(mel.shape[2], marked_mel.shape[2])
    assert (mel[:, :, :size] - marked_mel[:, :, :size]).abs().max() > 1e-3


def test_model_and_table_agree_on_what_is_silent() -> None:
    model = _model("convnext")
    assert model.config.n_phonemes == TABLE_SIZE
    assert set(model.zero_duration.nonzero().flatten().tolist()) == {0, *TONE_IDS}


def test_speed_scales_the_whole_length_not_each_rounding() -> None:
    model = _model("convnext")
    model.duration_predictor.out.bias.data.fill_(math.log(1 + 8.4))
    model.duration_predictor.out.weight.data.zero_()
    ids = _ids(1, 50)
    for speed in (0.5, 0.8, 1.0, 1.37, 2.0):
        with torch.no_grad():
            _, aux = model.inference(ids, speed=torch.tensor([[speed]]))
        assert abs(int(aux["mel_lengths"][0]) - 50 * 8.4 / speed) <= 1


@pytest.mark.parametrize("block", BLOCKS)
def test_given_durations_are_kept_and_the_rest_is_still_predicted(block: str) -> None:
    model = _model(block)
    ids = _ids(1, 9)
    given = torch.tensor([[3, 1, 0, 7, 2, 5, 1, 1, 4]])
    with torch.no_grad():
        mel, aux = model.inference(ids, durations=given)
        _, free = model.inference(ids)
        again, _ = model.inference(ids, durations=free["durations"])
        expected, _ = model.inference(ids)
    assert torch.equal(aux["durations"], given)
    assert mel.shape[2] == aux["pitch"].shape[1] == 24
    assert torch.equal(again, expected)


def test_pitch_moves_f0_by_semitones_where_it_is_asked_to() -> None:
    model = _model("convnext")
    model.pitch_predictor.out.bias.data[1] = 99.0  # voiced throughout
    ids = _ids(1, 10)
    shift = torch.zeros(1, 10)
    shift[0, 4:] = 7.0
    with torch.no_grad():
        _, base = model.inference(ids)
        _, moved = model.inference(ids, pitch=shift)
    start = int(base["durations"][0, :4].sum())
    ratio = moved["pitch"][0] / base["pitch"][0]
    torch.testing.assert_close(ratio[:start], torch.ones(start))
    torch.testing.assert_close(
        ratio[start:], torch.full_like(ratio[start:], 2 ** (7 / 12)), rtol=1e-4, atol=1e-4
    )


def test_pitch_range_scales_log_f0_around_the_mean_before_the_shift() -> None:
    model = _model("convnext")
    model.pitch_predictor.out.bias.data[1] = 99.0  # voiced throughout
    ids = _ids(1, 10)
    widths = torch.ones(1, 10)
    widths[0, 4:] = 1.5
    with torch.no_grad():
        _, base = model.inference(ids)
        _, wide = model.inference(ids, pitch_range=widths, pitch=torch.full((1, 1), 12.0))
        _, flat = model.inference(ids, pitch_range=torch.zeros(1, 1))
    start = int(base["durations"][0, :4].sum())
    around, found = (torch.log(aux["pitch"][0]) - model.pitch_mean[0] for aux in (base, wide))
    shifted = math.log(2.0)
    torch.testing.assert_close(found[:start], around[:start] + shifted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[start:], 1.5 * around[start:] + shifted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(flat["pitch"], torch.full_like(flat["pitch"], math.exp(model.pitch_mean[0])))


def test_energy_moves_log_energy_by_its_factor() -> None:
    model = _model("convnext")
    ids = _ids(1, 10)
    with torch.no_grad():
        _, base = model.inference(ids)
        _, loud = model.inference(ids, energy=torch.tensor([[2.0]]))
    torch.testing.assert_close(loud["energy"] - base["energy"], torch.full_like(base["energy"], math.log(2)))


def test_speakers_differ() -> None:
    model = _model("transformer")
    ids = _ids(1, 10)
    with torch.no_grad():
        mels = [model.inference(ids, speaker=torch.tensor([row]))[0] for row in (0, 1)]
    size = min(mel.shape[2] for mel in mels)
    assert (mels[0][:, :, :size] - mels[1][:, :, :size]).abs().max() > 1e-3


@pytest.mark.parametrize("block", BLOCKS)
def test_scripted_model_saves_loads_and_agrees(block: str, tmp_path: object) -> None:
    model = _model(block)
    path = f"{tmp_path}/model.pt"
    torch.jit.save(torch.jit.script(model), path)
    scripted = torch.jit.load(path)
    ids = _ids(2, 9)
    with torch.no_grad():
        torch.testing.assert_close(scripted.inference(ids)[0], model.inference(ids)[0])


@pytest.mark.parametrize("block", BLOCKS)
def test_training_pass_reaches_every_parameter(block: str) -> None:
    model = _model(block).train()
    ids, durations = _ids(2, 6), torch.full((2, 6), 3)
    durations[1, 4:] = 0
    ids[1, 4:] = 0
    frames = torch.rand(2, 18)
    out = model(ids, durations, frames * 100 + 100, frames, torch.tensor([0, 1]))
    assert out.mel.shape == (2, 80, 18)
    assert out.pitch.shape == out.energy.shape == (2, 18)
    assert out.voicing.shape == (2, 18, 2 if block == "convnext" else 1)
    sum(part.float().square().sum() for part in out).backward()
    for name, value in model.named_parameters():
        assert value.grad is not None, name
        assert value.grad.abs().sum() > 0, name


def test_length_regulator_repeats_each_phoneme_as_long_as_it_lasts() -> None:
    durations = torch.tensor([[2, 0, 3], [1, 1, 0]])
    owners, counts = frame_owners(durations)
    assert counts.tolist() == [5, 2]
    assert owners[0].tolist() == [0, 0, 2, 2, 2]
    assert owners[1, :2].tolist() == [0, 1]
    values = torch.arange(6.0).view(2, 3, 1)
    assert gather_frames(values, owners)[0, :, 0].tolist() == [0, 0, 2, 2, 2]
    places = frame_positions(durations, owners)
    torch.testing.assert_close(places[0, :, 0], torch.tensor([0.25, 0.75, 1 / 6, 0.5, 5 / 6]))


def test_registry_builds_what_it_names_and_names_what_it_has() -> None:
    assert isinstance(registry.create_acoustic("fastspeech2_small"), AcousticModel)
    with pytest.raises(ConfigError, match="fastspeech2, fastspeech2_small"):
        registry.create_acoustic("griffin_lim")
    with pytest.raises(ConfigError, match="not known; choose one of"):
        registry.entry("wavenet")


def test_parts_have_the_papers_sizes() -> None:
    """Counted by hand from Ren et al. 2021, appendix A: 4 + 4 blocks of 256, 2 heads, filters of 1024, 9 and 1 wide."""
    model = registry.create_acoustic("fastspeech2")

    def count(part: torch.nn.Module) -> int:
        return sum(value.numel() for value in part.parameters())

    attention = 4 * (256 * 256 + 256)
    filters = 256 * 1024 * 9 + 1024 + 1024 * 256 * 1 + 256
    assert count(model.encoder) == count(model.decoder) == 4 * (attention + filters + 2 * 2 * 256)
    predictor = 2 * (256 * 256 * 3 + 256 + 2 * 256) + 256 + 1
    assert count(model.duration_predictor) == count(model.energy_predictor) == predictor
    assert count(model.pitch_predictor) == predictor + 256 + 1  # it says too whether a frame has a voice
    assert count(model.embedding) == TABLE_SIZE * 256


@pytest.mark.parametrize(("name", "millions"), [("fastspeech2", 24.3), ("fastspeech2_small", 4.5)])
def test_presets_have_their_size(name: str, millions: float) -> None:
    count = sum(value.numel() for value in registry.create_acoustic(name).parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.1)
