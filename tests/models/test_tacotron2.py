"""Tacotron 2: the paper's size, batches, dropout that repeats, attention windows, limits, scripting."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from kalakan.config.schema import Tacotron2Config
from kalakan.errors import ConfigError, StopTokenWarning, SynthesisError
from kalakan.models import registry
from kalakan.models.acoustic.tacotron2 import Tacotron2
from kalakan.models.acoustic.tacotron2_decoder import LocationSensitiveAttention
from kalakan.models.interfaces import AcousticModel

torch.set_num_threads(1)
SIZES = {
    "encoder_width": 16,
    "attention_width": 8,
    "location_filters": 4,
    "location_kernel": 5,
    "prenet_width": 8,
    "decoder_width": 16,
    "postnet_width": 16,
    "max_frames_per_phoneme": 5,
}


def tiny(stop_bias: float = -9.0, **changes: object) -> Tacotron2:
    """A model that goes on to its limit, or stops at once with a `stop_bias` above 0."""
    torch.manual_seed(0)
    model = Tacotron2(Tacotron2Config(**{**SIZES, **changes}))  # type: ignore[arg-type]
    model.decoder.stop.bias.data.fill_(stop_bias)
    model.mel_std.fill_(0.7)
    return model.eval().requires_grad_(False)


def speak(model: Tacotron2, *arguments: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StopTokenWarning)  # untrained: it never stops where it should
        return model.inference(*arguments)


def ids(batch: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(24, 34, (batch, size), generator=torch.Generator().manual_seed(seed))


def test_parts_have_the_papers_sizes() -> None:
    """Counted by hand from Shen et al. 2018, section 2.2 and 2.3, for 96 phonemes and 80 bands."""
    model = registry.create_acoustic("tacotron2")

    def count(part: torch.nn.Module) -> int:
        return sum(value.numel() for value in part.parameters())

    lstm = lambda inputs, width: 4 * width * (inputs + width + 2)  # noqa: E731
    assert count(model.embedding) == 96 * 512
    assert count(model.encoder) == 3 * (512 * 512 * 5 + 3 * 512) + 2 * lstm(512, 256)
    assert count(model.decoder.prenet) == 80 * 256 + 256 + 256 * 256 + 256
    assert count(model.decoder.attention) == 1024 * 128 + 512 * 128 + 32 * 31 + 32 * 128 + 2 * 128
    assert count(model.decoder.first) == lstm(256 + 512, 1024)
    assert count(model.decoder.second) == lstm(1024 + 512, 1024)
    assert count(model.decoder.mel) + count(model.decoder.stop) == (1024 + 512 + 1) * 81
    assert count(model.postnet) == 5 * (80 * 512 * 2 + 3 * 512 * 512) + 4 * 3 * 512 + 3 * 80
    assert count(model) == 28_166_177


@pytest.mark.parametrize("rate", [1, 2, 3])
def test_shapes_and_durations_that_sum_to_the_frames(rate: int) -> None:
    model = tiny(frames_per_step=rate)
    assert isinstance(model, AcousticModel)
    batch = ids(2, 7)
    batch[1, 4:] = 0
    mel, aux = speak(model, batch)
    frames = aux["mel_lengths"]
    assert frames.tolist() == [(size + 4) * 5 // rate * rate for size in (7, 4)]
    assert mel.shape == (2, 80, int(frames.max()))
    assert aux["alignment"].shape == (2, mel.shape[2], 7)
    assert torch.equal(aux["durations"].sum(dim=1), frames)
    assert not aux["durations"][1, 4:].any()
    torch.testing.assert_close(aux["alignment"].sum(dim=2), torch.ones(2, mel.shape[2]))
    assert "pitch" not in aux


@pytest.mark.parametrize("size", [1, 2, 9])
def test_sentence_in_a_batch_equals_the_sentence_alone(size: int) -> None:
    model = tiny(speakers=("a", "b"))
    batch = ids(3, 11)
    batch[1, size:] = 0
    batch[2, 5:] = 0
    speaker = torch.tensor([0, 1, 0])
    mel, aux = speak(model, batch, torch.tensor([11, size, 5]), speaker)
    alone, alone_aux = speak(model, batch[1:2, :size], torch.tensor([size]), speaker[1:2])
    frames = int(alone_aux["mel_lengths"][0])
    assert int(aux["mel_lengths"][1]) == frames
    torch.testing.assert_close(mel[1, :, :frames], alone[0], atol=1e-5, rtol=0)
    assert torch.equal(aux["durations"][1, :size], alone_aux["durations"][0])


def test_same_text_gives_the_same_bytes_with_dropout_on() -> None:
    model = tiny()
    first, _ = speak(model, ids(1, 6))
    torch.manual_seed(99)
    assert torch.equal(first, speak(model, ids(1, 6))[0])
    frames = torch.ones(1, 400, 80)
    dropped = model.decoder.prenet.drop(torch.ones(1, 400, 8), 0, 0)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    whole = model.decoder.prenet(frames, 0)
    torch.testing.assert_close(model.decoder.prenet(frames[:, 7:9], 7), whole[:, 7:9])


def test_teacher_forcing_follows_what_inference_said() -> None:
    """The decoder fed with its own frames takes the same way as the loop that feeds itself."""
    model = tiny(window_back=50, window_ahead=50, max_frames_per_phoneme=3)
    batch = ids(1, 5)
    said, aux = speak(model, batch)
    memory = model.encode(batch, torch.tensor([5]), torch.tensor([0]))
    frames, alignment, _ = model.decode(memory, torch.tensor([5]), torch.tensor([27]))
    told, _, weights = model.follow(frames, memory, torch.tensor([5]))
    torch.testing.assert_close(told, frames, atol=1e-5, rtol=0)
    torch.testing.assert_close(weights, alignment, atol=1e-5, rtol=0)
    assert said.shape[2] == 27 == int(aux["mel_lengths"][0])


def test_attention_stays_in_its_window() -> None:
    model = tiny(window_back=1, window_ahead=2)
    _, aux = speak(model, ids(1, 40))
    heard = aux["alignment"][0].argmax(dim=1)
    assert int(heard[0]) <= 2
    steps = torch.diff(heard)
    assert int(steps.min()) >= -1 and int(steps.max()) <= 2
    positions = torch.arange(40)
    for step in range(1, len(heard)):
        far = (positions < heard[step - 1] - 1) | (positions > heard[step - 1] + 2)
        assert not aux["alignment"][0, step][far].any()


def test_stopping_early_or_never_warns() -> None:
    with pytest.warns(StopTokenWarning, match=r"came at phoneme \d+ of 30; the rest was not spoken"):
        mel, _ = tiny(stop_bias=9.0).inference(ids(1, 30))
    assert mel.shape[2] == 1
    with pytest.warns(
        StopTokenWarning, match="within 170 steps, the limit for 30 phonemes; the sentence was cut"
    ):
        tiny().inference(ids(1, 30))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny(stop_bias=9.0).inference(ids(1, 3))  # at the end of three phonemes from the first step on


@pytest.mark.parametrize("name", ["speed", "pitch", "pitch_range", "energy"])
def test_controls_it_cannot_obey_are_refused(name: str) -> None:
    with pytest.raises(SynthesisError, match="cannot change speed, pitch, pitch range or energy"):
        tiny().inference(ids(1, 3), **{name: torch.ones(1, 1)})


@pytest.mark.parametrize("rate", [1, 2])
def test_training_pass_reaches_every_parameter(rate: int) -> None:
    model = tiny(frames_per_step=rate, speakers=("a", "b")).train().requires_grad_(True)
    batch = ids(2, 6)
    batch[1, 4:] = 0
    out = model(batch, torch.randn(2, 80, 13), torch.tensor([13, 9]), torch.tensor([0, 1]))
    assert out.mel.shape == out.coarse.shape == (2, 80, 13)
    steps = -(-13 // rate)
    assert out.stop.shape == (2, steps) and out.alignment.shape == (2, steps, 6)
    sum(part.square().sum() for part in out).backward()
    for name, value in model.named_parameters():
        assert value.grad is not None and bool(value.grad.abs().sum() > 0), name


def test_attention_hears_where_it_has_been() -> None:
    torch.manual_seed(0)
    attention = LocationSensitiveAttention(6, 5, 4, 3, 5)
    query, keys = torch.randn(2, 6), attention.key(torch.randn(2, 9, 5))
    free = torch.zeros(2, 9, dtype=torch.bool)
    fresh = attention(query, keys, torch.zeros(2, 9), free)
    later = attention(query, keys, torch.eye(9)[[3, 3]] * 4, free)
    assert (fresh - later).abs().max() > 1e-3
    moved = attention(query, keys, torch.eye(9)[[5, 5]] * 4, free)
    assert (moved - later).abs().max() > 1e-3


CODE = (
    "import sys, torch\n"
    "model = torch.jit.load(sys.argv[1])\n"
    "ids, wanted = torch.load(sys.argv[2], weights_only=True)\n"
    "torch.testing.assert_close(model.inference(ids)[0], wanted, atol=1e-5, rtol=0)\n"
    "assert not any(name.startswith('kalakan') for name in sys.modules)\n"
)


def test_scripted_model_runs_in_a_process_without_kalakan(tmp_path: Path) -> None:
    model, batch = tiny(frames_per_step=2), ids(2, 5)
    torch.jit.save(torch.jit.script(model), str(tmp_path / "model.pt"))
    torch.save((batch, speak(model, batch)[0]), tmp_path / "wanted.pt")
    result = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", CODE, tmp_path / "model.pt", tmp_path / "wanted.pt"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"model.encoder_width is 15; it must be even"):
        Tacotron2Config(encoder_width=15)
    with pytest.raises(ConfigError, match=r"model.stop_threshold is 1.0; it must lie in \(0, 1\)"):
        Tacotron2Config(stop_threshold=1.0)
