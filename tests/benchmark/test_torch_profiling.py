"""What of `kalakan profile` needs torch: operators, transfers, blocks of CUDA memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from kalakan import Synthesizer
from kalakan.benchmark.profiling.torch_profile import cuda_memory, large_blocks, operators
from kalakan.benchmark.profiling.transfers import TransferFinder, transfers
from kalakan.cli.profile import command

TEXT = "Yoo"


@pytest.fixture
def synthesizer(streaming_voice: Path) -> Synthesizer:
    return Synthesizer(streaming_voice, engine="torch")


def test_operators_and_trace(synthesizer: Synthesizer, tmp_path: Path) -> None:
    table = operators(synthesizer, TEXT, tmp_path, rows=1000)
    assert "synthesize" in table and "aten::" in table
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert any(event.get("name") == "synthesize" for event in trace["traceEvents"])


def test_transfers_are_found_with_their_place() -> None:
    held = torch.ones(250)

    def run() -> None:
        held.to("meta")
        torch.empty(250, device="meta").copy_(held)
        held.clone().add_(1)  # nothing moves

    found = transfers(run)
    assert {(item.operator, item.source, item.target) for item in found.counts} == {
        ("_to_copy", "cpu", "meta"),
        ("copy_", "cpu", "meta"),
    }
    assert set(found.bytes.values()) == {1000}
    for item in found.counts:
        assert item.where.startswith("test_torch_profiling.py:")
        assert item.where.endswith("in run")
    assert all("1 times cpu to meta, 0.001 MB" in line for line in found.lines())


def test_a_synthesis_on_the_cpu_moves_nothing(synthesizer: Synthesizer) -> None:
    assert not transfers(lambda: synthesizer.synthesize(TEXT)).counts
    assert not TransferFinder().counts


@pytest.mark.gpu
def test_a_value_read_from_the_gpu_is_found() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    held = torch.ones(3, device="cuda")
    found = transfers(lambda: float(held.sum()))
    assert {(item.operator, item.target) for item in found.counts} == {("_local_scalar_dense", "cpu")}


@pytest.mark.gpu
def test_cuda_memory_of_a_synthesis(streaming_voice: Path, tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    synthesizer = Synthesizer(streaming_voice, device="cuda:0")
    first, *_ = cuda_memory(synthesizer, TEXT, "cuda:0", tmp_path)
    assert "MB at the peak" in first
    assert (tmp_path / "cuda_memory.pickle").stat().st_size > 0


def test_large_blocks_of_a_snapshot() -> None:
    frames = [
        {"filename": "allocator.cpp", "line": 1, "name": "malloc"},
        {"filename": "/x/torch/nn.py", "line": 2, "name": "forward"},
        {"filename": "/x/kalakan/models/a.py", "line": 3, "name": "run"},
    ]

    def block(size: int, state: str, frames: list[dict[str, object]]) -> dict[str, object]:
        return {"size": size, "address": 4096, "state": state, "frames": frames}

    blocks = [
        block(2_000_000, "active_allocated", frames),
        block(3_000_000, "active_allocated", []),
        block(9_000_000, "inactive", frames),
        block(999_999, "active_allocated", frames),
    ]
    assert list(large_blocks({"segments": [{"device": 1, "blocks": blocks}]})) == [
        "    3.00 MB at 0x1000 on cuda:1",
        "    2.00 MB at 0x1000 on cuda:1, a.py:3 in run",
    ]


def test_the_command(streaming_voice: Path, tmp_path: Path) -> None:
    arguments = [TEXT, "--voice", str(streaming_voice), "--runs", "1", "--torch", "--transfers"]
    result = CliRunner().invoke(
        command, [*arguments, "--output", str(tmp_path / "out")], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "\ntransfers between devices\nnone" in result.output
    assert (tmp_path / "out" / "trace.json").is_file()
