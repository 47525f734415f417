"""How CUDA graphs are captured, on a stand-in for `torch.cuda`; `test_generators_on_gpu.py` captures real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from kalakan.errors import KernelError
from kalakan.models.vocoders.gpu import cuda_recorder
from kalakan.models.vocoders.gpu.cuda_recorder import CudaRecorder
from kalakan.models.vocoders.gpu.parallel_branches import side_by_side


class StandIn:
    """What `CudaRecorder` asks of CUDA, written down."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.current = "caller"
        self.failing = ""
        self.is_filling = False

    def stream(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(
            name=name,
            stream_id=len(name),
            wait_stream=lambda other: self.log.append(f"{name} waits for {other.name}"),
            wait_event=lambda event: self.log.append(f"{name} waits for {event}"),
            record_event=lambda: f"event of {name}",
        )

    def module(self) -> SimpleNamespace:
        names = iter(("first", "second", "third", "fourth"))
        return SimpleNamespace(
            device=self.device,
            current_device=lambda: 0,
            graph_pool_handle=lambda: "pool",
            Stream=lambda device: self.stream(next(names)),
            current_stream=lambda device: self.stream(self.current),
            stream=self.on,
            CUDAGraph=self.graph,
            Event=None,
        )

    def private(self) -> SimpleNamespace:
        """The functions of `torch._C`; the allocator knows the pools that are being filled."""

        def end(device: int, pool: str) -> None:
            if not self.is_filling:
                raise RuntimeError("not currently recording")
            self.is_filling = False
            self.log.append(f"{pool} filled on {device}")

        return SimpleNamespace(
            _cuda_clearCublasWorkspaces=lambda: self.log.append("workspaces"),
            _cuda_endAllocateToPool=end,
            _cuda_releasePool=lambda device, pool: self.log.append(f"{pool} released"),
        )

    @contextmanager
    def device(self, device: torch.device) -> Iterator[None]:
        yield

    @contextmanager
    def on(self, stream: SimpleNamespace) -> Iterator[None]:
        before, self.current = self.current, stream.name
        try:
            yield
        finally:
            self.current = before

    def graph(self) -> SimpleNamespace:
        def end() -> None:
            self.log.append("end")
            if self.failing:
                raise RuntimeError("the capture was invalidated")
            self.is_filling = False

        def begin(pool: str, capture_error_mode: str) -> None:
            self.is_filling = True
            self.log.append(f"begin in {pool}, {capture_error_mode}, on {self.current}")

        return SimpleNamespace(capture_begin=begin, capture_end=end, replay=lambda: self.log.append("replay"))

    def branch(self, name: str) -> Callable[[], Tensor]:
        def work() -> Tensor:
            self.log.append(f"{name} on {self.current}")
            if self.failing and "begin" in " ".join(self.log):
                raise RuntimeError(self.failing)
            return torch.zeros(1)

        return work


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    names: dict[str, Any] = {"cuda": stand_in.module(), "device": torch.device, "_C": stand_in.private()}
    monkeypatch.setattr(cuda_recorder, "torch", SimpleNamespace(**names))
    monkeypatch.setattr(cuda_recorder, "_STREAMS", {})
    return stand_in


FORK = ["second waits for first", "a on first", "b on second", "first waits for second"]


def test_the_work_runs_once_and_then_is_captured_on_two_streams(cuda: StandIn) -> None:
    recorder = CudaRecorder(torch.device("cuda", 0))
    replay, results = recorder.record([cuda.branch("a"), cuda.branch("b")])
    assert len(results) == 2
    assert cuda.log == [
        "first waits for caller",
        *FORK,
        "workspaces",  # of the warm-up: the graph takes others, from its pool
        "begin in pool, thread_local, on first",
        *FORK,
        "end",
        "workspaces",
    ]
    replay()
    assert cuda.log[-1] == "replay"
    others = CudaRecorder(torch.device("cuda", 0))
    del cuda.log[:]
    others.record([cuda.branch("a"), cuda.branch("b")])
    assert cuda.log[1:5] == FORK, "all recorders share a few streams"


def test_branches_inside_a_branch_have_streams_of_their_own(cuda: StandIn) -> None:
    recorder = CudaRecorder(torch.device("cuda", 0))

    def inner() -> Tensor:
        return side_by_side([cuda.branch(name) for name in "xyz"])[0]

    recorder.record([inner, cuda.branch("b")])
    captured = cuda.log[cuda.log.index("begin in pool, thread_local, on first") :]
    places = [line for line in captured if " on " in line][1:]
    assert places == ["x on first", "y on third", "z on fourth", "b on second"]
    joined = [line for line in captured if line.startswith("first waits for")]
    assert joined == [f"first waits for {name}" for name in ("third", "fourth", "second")]
    assert side_by_side([lambda: torch.ones(1)])[0] == 1, "outside, one after the other"


def test_a_use_waits_for_the_one_before(cuda: StandIn) -> None:
    recorder = CudaRecorder(torch.device("cuda", 0))
    recorder.begin()
    assert cuda.log == []
    recorder.end()
    cuda.current = "another"
    recorder.begin()
    assert cuda.log == ["another waits for event of caller"]


def test_a_capture_that_fails_is_ended_and_told(cuda: StandIn) -> None:
    recorder = CudaRecorder(torch.device("cuda", 0))
    cuda.failing = "operation not permitted when stream is capturing"
    with pytest.raises(
        KernelError, match=r"as a CUDA graph: operation not permitted.*cuda_graphs to false"
    ) as told:
        recorder.record([cuda.branch("a")])
    assert "invalidated" not in str(told.value)
    assert cuda.log[-4:] == ["end", "workspaces", "pool filled on 0", "pool released"]
    assert not cuda.is_filling


def test_a_capture_whose_pool_is_ended_already_is_not_released_twice(cuda: StandIn) -> None:
    recorder = CudaRecorder(torch.device("cuda", 0))

    class Interrupted(BaseException):
        pass

    def interrupted() -> Tensor:
        if cuda.is_filling:
            raise Interrupted
        return torch.zeros(1)

    with pytest.raises(Interrupted):
        recorder.record([interrupted])
    assert cuda.log[-2:] == ["end", "workspaces"]
    assert not cuda.is_filling
