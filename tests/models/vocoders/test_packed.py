"""Packed weights: the samples of the ordinary module, made again after every change, and never in training's way."""

from __future__ import annotations

import copy
import gc
import threading
import warnings
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from kalakan.config.schema import AudioConfig, HifiGanConfig
from kalakan.errors import AudioError, ImplementationUnavailable, KernelError
from kalakan.models import registry
from kalakan.models.layers.weight_norm import with_weight_norm
from kalakan.models.vocoders import vocoder_cuda
from kalakan.models.vocoders.generator import Generator
from kalakan.models.vocoders.gpu import packed
from kalakan.models.vocoders.gpu.graph_cache import cuda_graphs
from kalakan.models.vocoders.hifigan import ReceptiveFieldFusion
from kalakan.ops import use
from models.vocoders.generators import TYPES, CountingRecorder, in_order, packed_on_cpu, tiny

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[CountingRecorder]:
    return packed_on_cpu(monkeypatch)


def wanted(model: nn.Module, mel: torch.Tensor) -> torch.Tensor:
    """What the ordinary modules make of it, in float64."""
    with torch.no_grad():
        return copy.deepcopy(model).double().forward(mel.double())


def fused(wish: bool) -> AbstractContextManager[None]:
    """The op `residual_blocks`, or without a GPU what stands in for it."""
    return use(residual_blocks="torch") if wish else nullcontext()


@pytest.mark.parametrize(
    ("name", "wish"), [*((name, False) for name in TYPES), *((name, True) for name in TYPES[:2])]
)
@pytest.mark.parametrize(("batch", "frames"), [(7, 1), (1, 2), (1, 63), (7, 63)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_samples_are_the_ordinary_modules(
    name: str, wish: bool, batch: int, frames: int, dtype: torch.dtype, tolerance: float
) -> None:
    model, mel = tiny(name).to(dtype), torch.randn(batch, 20, frames, dtype=dtype) * 2 - 4
    found = packed.packed(model, mel)
    assert found is not None
    with fused(wish):
        audio = found.rows(mel)
    assert audio.dtype == dtype
    torch.testing.assert_close(audio.double(), wanted(model, mel), atol=tolerance, rtol=0)


@pytest.mark.parametrize(("name", "wish"), [*((name, False) for name in TYPES), (TYPES[0], True)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_16_bits_no_less_exact_than_the_ordinary_modules(
    name: str, wish: bool, dtype: torch.dtype
) -> None:
    mel = torch.randn(2, 20, 63) * 2 - 4
    expected = wanted(tiny(name), mel)
    model = tiny(name).to(dtype)
    found = packed.packed(model, mel)
    assert found is not None
    with fused(wish):
        audio = found.rows(mel)
    assert audio.dtype == torch.float32
    with torch.no_grad():
        ordinary = model.forward(mel.to(dtype))
    error, limit = ((each - expected).square().mean().sqrt() for each in (audio, ordinary))
    assert float(error) <= 1.1 * float(limit)
    assert float(limit) < 0.01


@pytest.mark.parametrize("name", ["hifigan", "hifigan_v2", "hifigan_v3", "melgan"])
def test_presets_are_packed(name: str) -> None:
    model, mel = (
        registry.create_vocoder(name, AudioConfig()).eval().requires_grad_(False),
        torch.randn(1, 80, 2),
    )
    assert isinstance(model, Generator)
    found = packed.packed(model, mel)
    assert found is not None
    torch.testing.assert_close(found.rows(mel), model.forward(mel), atol=1e-5, rtol=0)


def test_wide_residual_blocks_are_cudnns_whatever_the_op_was_asked_for() -> None:
    torch.manual_seed(0)
    module, x = ReceptiveFieldFusion(65, HifiGanConfig()).eval(), torch.randn(1, 30, 65)
    with use(residual_blocks="rust"), torch.no_grad():
        got = module.channels_last(torch.float32)(x)
        torch.testing.assert_close(got, module(x.transpose(1, 2)).transpose(1, 2), atol=1e-5, rtol=1e-5)
        with pytest.raises(ImplementationUnavailable, match="residual_blocks=rust"):
            ReceptiveFieldFusion(64, HifiGanConfig()).channels_last(torch.float32)(x[:, :, :64])


def test_autocast_computes_in_its_type_and_returns_the_weights() -> None:
    model, mel = tiny("hifigan"), torch.randn(2, 20, 9)
    with torch.autocast("cpu", torch.bfloat16):
        audio = model.inference(mel)
        found = packed.packed(model, mel)
    assert found is not None
    assert found.rows.dtype == torch.bfloat16
    assert audio.dtype == torch.float32
    difference = float((audio - wanted(model, mel)).abs().max())
    assert 0 < difference < 0.01


def fine_tune(model: Generator) -> None:
    model.requires_grad_(True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.forward(torch.randn(1, 20, 5)).square().sum().backward()
    optimizer.step()
    model.requires_grad_(False)


def prune_one(model: Generator) -> None:
    prune.l1_unstructured(model.project_in, name="weight", amount=0.3)
    prune.remove(model.project_in, "weight")


def replace_one(model: Generator) -> None:
    model.project_in = tiny("hifigan", seed=2).project_in


def replace_weight(model: Generator) -> None:
    model.project_out.weight = nn.Parameter(model.project_out.weight * 2, False)


CHANGES: dict[str, Callable[[Generator], object]] = {
    "load_state_dict": lambda model: model.load_state_dict(tiny("hifigan", seed=2).state_dict()),
    "half and back": lambda model: model.half().float(),
    "a part to 16 bits and back": lambda model: model.stages.to(torch.bfloat16).to(torch.float32),
    "double": lambda model: model.double(),
    "fine-tuning": fine_tune,
    "pruning": prune_one,
    "another submodule": replace_one,
    "a new parameter": replace_weight,
    "in place": lambda model: model.project_out.weight.mul_(1.5),
}
"""Ways in which the weights of a model change or move."""


@pytest.mark.parametrize("change", CHANGES)
def test_changed_weights_are_packed_again(change: str) -> None:
    model, mel = tiny("hifigan"), torch.randn(1, 20, 9)
    before = packed.packed(model, mel)
    assert packed.packed(model, mel) is before, "unchanged weights are packed once"
    old = model.inference(mel)
    CHANGES[change](model)
    after = packed.packed(model, mel)
    assert after is not None
    assert after is not before
    torch.testing.assert_close(model.inference(mel).double(), wanted(model, mel), atol=1e-6, rtol=0)
    assert change == "double" or not torch.equal(model.inference(mel), old)


def test_what_is_packed_while_a_graph_is_captured_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model, mel = tiny("hifigan"), torch.randn(1, 20, 9)
    with monkeypatch.context() as patch:
        patch.setattr(packed, "is_capturing", lambda tensor: True)
        torch.testing.assert_close(model.inference(mel).double(), wanted(model, mel), atol=1e-6, rtol=0)
        assert packed._KEPT[model].by_dtype == {}
    model.inference(mel)
    assert list(packed._KEPT[model].by_dtype) == [torch.float32]


def test_a_module_does_not_live_for_what_was_packed_of_it() -> None:
    model = tiny("hifigan")
    model.inference(torch.randn(1, 20, 9))
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_a_part_that_is_taken_out_is_noticed() -> None:
    model, mel = tiny("hifigan"), torch.randn(1, 20, 9)
    before = packed.packed(model, mel)
    block = model.stages[1].blocks[0]
    kept = block.layers[0]
    del block.layers[0]
    after = packed.packed(model, mel)
    assert after is not None
    assert after is not before
    block.layers.insert(0, kept)
    assert packed.packed(model, mel) is not after
    torch.testing.assert_close(model.inference(mel).double(), wanted(model, mel), atol=1e-6, rtol=0)


def test_moving_frees_what_was_packed() -> None:
    model, mel = tiny("hifigan"), torch.randn(1, 20, 50)
    model.inference(mel)
    found = packed.packed(model, mel)
    assert found is not None
    assert len(found.recordings) == 1
    alive = weakref.ref(found.rows.project_in.weight)
    del found
    model.to("cpu")
    gc.collect()
    assert alive() is None
    model.inference(mel)
    copied = copy.deepcopy(model)
    assert packed._KEPT.get(copied) is None


def test_weight_norm_is_folded() -> None:
    model = with_weight_norm(tiny("hifigan").requires_grad_(True))
    mel = torch.randn(2, 20, 9)
    with torch.no_grad():
        assert packed.packed(model, mel) is not None
        torch.testing.assert_close(model.inference(mel), model.forward(mel), atol=1e-6, rtol=0)


def test_gradients_take_the_ordinary_way() -> None:
    model, mel = tiny("hifigan").requires_grad_(True), torch.randn(1, 20, 5)
    model.inference(mel).square().sum().backward()
    assert all(value.grad is not None for value in model.parameters())
    model.requires_grad_(False)
    assert packed.packed(model, mel) is not None
    heard = mel.clone().requires_grad_()
    model.inference(heard).square().sum().backward()
    assert heard.grad is not None


def test_hooks_are_called() -> None:
    model, mel = tiny("melgan"), torch.randn(1, 20, 5)
    seen: list[torch.Size] = []
    handle = model.stages[0].register_forward_hook(lambda module, given, result: seen.append(result.shape))
    model.inference(mel)
    assert seen == [torch.Size([1, 8, 25])]
    handle.remove()
    model.inference(mel)
    assert len(seen) == 1


def test_tracing_compiling_and_scripting_see_the_ordinary_modules() -> None:
    model, mel = tiny("hifigan"), torch.randn(1, 20, 5)
    expected = wanted(model, mel).float()
    longer = torch.randn(2, 20, 8)

    class Speaking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vocoder = model

        def forward(self, mel: torch.Tensor) -> torch.Tensor:
            return self.vocoder.inference(mel)

    model.inference(mel)  # a pack that could be taken
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # of the shape's check
        traced = torch.jit.trace(Speaking(), mel)
    torch.testing.assert_close(traced(longer), wanted(model, longer).float(), atol=1e-5, rtol=0)
    exported = torch.export.export(Speaking(), (mel,)).module()
    torch.testing.assert_close(exported(mel), expected, atol=1e-5, rtol=0)
    compiled = torch.compile(Speaking(), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(mel), expected, atol=1e-5, rtol=0)
    scripted = torch.jit.script(model)
    torch.testing.assert_close(scripted.inference(mel), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", TYPES)
def test_a_batch_of_lengths_equals_singles(name: str) -> None:
    model = tiny(name).double()
    frames = [90, 1, 45, 90, 44, 41, 2, 2, 60, 34]
    mels = [torch.randn(1, 20, count, dtype=torch.float64) for count in frames]
    together = in_order(model, mels)
    for mel, audio in zip(mels, together, strict=True):
        torch.testing.assert_close(audio, model.forward(mel)[0], atol=1e-12, rtol=0)


def test_a_batch_on_a_cpu_goes_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "DEVICES", ("cuda",))
    model, mels = tiny("melgan"), [torch.randn(1, 20, count) for count in (5, 3)]
    for mel, audio in zip(mels, in_order(model, mels), strict=True):
        assert torch.equal(audio, model.inference(mel)[0])


def test_inference_mode_leaves_nothing_behind() -> None:
    model, mel = tiny("hifigan"), torch.randn(1, 20, 50)
    with torch.inference_mode():
        first = model.inference(mel).clone()
    torch.testing.assert_close(model.inference(mel), first.clone(), atol=0, rtol=0)
    with torch.inference_mode():
        model.inference(mel[:, :, :49])


def test_threads_share_one_pack(recorders: list[CountingRecorder]) -> None:
    model = tiny("hifigan")
    mels = [torch.randn(1, 20, 45 + 3 * row) for row in range(4)]
    expected = [wanted(model, mel).float() for mel in mels]
    failed: list[BaseException] = []

    def speak() -> None:
        try:
            for mel, audio in zip(mels, expected, strict=True):
                torch.testing.assert_close(model.inference(mel), audio, atol=1e-5, rtol=0)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=speak) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(recorders) == 1
    assert recorders[0].recorded == 3  # of 48, 52 and 56 frames


def test_a_recording_serves_mels_of_every_type(recorders: list[CountingRecorder]) -> None:
    model, mel = tiny("melgan"), torch.randn(1, 20, 50)
    model.inference(mel.half())
    torch.testing.assert_close(model.inference(mel).double(), wanted(model, mel), atol=1e-6, rtol=0)
    assert (recorders[0].recorded, recorders[0].replayed) == (1, 2)


def test_graphs_can_be_turned_off(recorders: list[CountingRecorder]) -> None:
    model, mel = tiny("hifigan"), torch.randn(1, 20, 50)
    with cuda_graphs(False):
        model.inference(mel)
    assert recorders[0].replayed == 0
    model.inference(mel)
    assert recorders[0].replayed == 1


@pytest.mark.parametrize("name", TYPES)
def test_vocoder_cuda_and_post_process_are_the_generator(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []

    def asking(**names: str) -> AbstractContextManager[None]:
        asked.append(names)
        return nullcontext()  # the CPU has no such kernels

    monkeypatch.setattr(vocoder_cuda, "use", asking)
    model, mel = tiny(name).double().requires_grad_(True), torch.randn(2, 20, 9, dtype=torch.float64)
    intermediate = vocoder_cuda.VocoderCuda(model).upsample(mel)
    assert intermediate.shape == (2, model.project_out.in_channels, 540)
    torch.testing.assert_close(model.post_process(intermediate), model.forward(mel), atol=1e-12, rtol=0)
    assert asked == [{"upsample": "cuda"}]
    with pytest.raises(AudioError, match="mel has shape"):
        vocoder_cuda.VocoderCuda(model).upsample(mel[:, 1:])


def test_vocoder_cuda_says_why_it_cannot() -> None:
    model, mel = tiny("melgan"), torch.randn(1, 20, 5)
    model.stages[0].register_forward_hook(lambda *_: None)
    with pytest.raises(KernelError, match="no hooks inside the vocoder"):
        vocoder_cuda.VocoderCuda(model).upsample(mel)
