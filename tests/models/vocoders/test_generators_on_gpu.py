"""Generators on a GPU: packed weights, CUDA graphs and half precision against the ordinary modules in float64."""

from __future__ import annotations

import gc

import pytest
import torch
from torch import Tensor

from kalakan.errors import KernelError
from kalakan.models.vocoders.gpu import packed
from kalakan.models.vocoders.gpu.graph_cache import cuda_graphs
from models.vocoders.generators import TYPES, in_order, tiny

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture(autouse=True)
def exact_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN rounds float32 to 10 bits otherwise."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def wanted(name: str, mel: Tensor) -> Tensor:
    return tiny(name).double().forward(mel.double())


def distance(audio: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest sample."""
    return float((audio.double().cpu() - expected).abs().nan_to_num(torch.inf).max() / expected.abs().max())


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("name", TYPES)
def test_samples_are_the_ordinary_modules(name: str, batch: int, graphs: bool) -> None:
    model = tiny(name).cuda()
    context = model.context_frames
    for frames in (1, 2, 2 * context - 1, 2 * context, 63, 89, 129, 90):
        mel = torch.randn(batch, 20, frames) * 2 - 4
        torch.full((16 << 20,), torch.nan, device="cuda")  # what is not written shows
        with cuda_graphs(graphs):
            audio = model.inference(mel.cuda())
        assert audio.dtype == torch.float32
        assert distance(audio, wanted(name, mel)) < 1e-4


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 2e-2), (torch.bfloat16, 1e-1)])
@pytest.mark.parametrize("name", TYPES)
def test_autocast(name: str, dtype: torch.dtype, tolerance: float) -> None:
    model, mel = tiny(name).cuda(), torch.randn(1, 20, 70) * 2 - 4
    with torch.no_grad(), torch.autocast("cuda", dtype):
        audio = model.inference(mel.cuda())
        found = packed.packed(model, mel.cuda())
    assert found is not None
    assert found.rows.dtype == dtype
    assert 0 < distance(audio, wanted(name, mel)) < tolerance


@pytest.mark.parametrize("name", TYPES)
def test_a_batch_of_lengths_equals_singles(name: str) -> None:
    model = tiny(name).cuda()
    mels = [torch.randn(1, 20, frames) for frames in (90, 1, 45, 90, 44, 2, 60)]
    for mel, audio in zip(mels, in_order(model, [mel.cuda() for mel in mels]), strict=True):
        assert distance(audio[None], wanted(name, mel)) < 1e-4


def test_a_graph_is_replayed_and_dropped_with_the_weights() -> None:
    model, mel = tiny("hifigan").cuda(), torch.randn(1, 20, 80).cuda()
    first = model.inference(mel)
    found = packed.packed(model, mel)
    assert found is not None
    assert len(found.recordings) == 1
    torch.testing.assert_close(model.inference(mel), first, atol=0, rtol=0)
    assert len(found.recordings) == 1
    model.load_state_dict(tiny("hifigan", seed=2).state_dict())
    changed = model.inference(mel)
    expected = tiny("hifigan", seed=2).double().forward(mel.cpu().double())
    assert distance(changed, expected) < 1e-4
    del found, first, changed
    torch.cuda.synchronize()
    model.to("cpu")
    gc.collect()
    torch.cuda.empty_cache()
    held = torch.cuda.memory_allocated()
    model.to("cuda")
    assert torch.cuda.memory_allocated() - held < 8 << 20, "nothing but the weights is there"


def test_on_the_last_device_while_another_is_current() -> None:
    device = f"cuda:{torch.cuda.device_count() - 1}"
    model, mel = tiny("hifigan").to(device), torch.randn(1, 20, 80)
    with torch.cuda.device(0):
        for _ in range(2):
            audio = model.inference(mel.to(device))
            assert str(audio.device) == device
            assert distance(audio, wanted("hifigan", mel)) < 1e-4


def test_a_capture_that_fails_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    model, mel = tiny("melgan").cuda(), torch.randn(1, 20, 80).cuda()
    found = packed.packed(model, mel)
    assert found is not None
    head = type(found.rows.project_out)
    call = head.__call__

    def synchronizing(self: object, x: Tensor) -> Tensor:
        audio = call(self, x)  # type: ignore[arg-type]
        float(audio.sum())
        return audio

    monkeypatch.setattr(head, "__call__", synchronizing)
    for _ in range(2):
        with pytest.raises(KernelError, match=r"was not captured as a CUDA graph.*cuda_graphs"):
            model.inference(mel)
    with cuda_graphs(False):
        assert distance(model.inference(mel), wanted("melgan", mel.cpu())) < 1e-4


def test_inside_a_graph_of_the_users() -> None:
    model, mel = tiny("hifigan").cuda(), torch.randn(1, 20, 80).cuda()
    with cuda_graphs(False):
        wanted_audio = model.inference(mel)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        audio = model.inference(mel)
    audio.fill_(torch.nan)
    graph.replay()
    torch.testing.assert_close(audio, wanted_audio, atol=1e-5, rtol=0)
