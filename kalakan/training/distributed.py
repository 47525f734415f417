"""Data-parallel training: each process computes its share of every batch, and gradients are averaged.

The same arithmetic as `torch.nn.parallel.DistributedDataParallel`, called by the Trainer instead of hooked into a
module's `forward`: a task calls several methods of its models and steps their optimizers one after the other, which
that wrapper does not support.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from kalakan.errors import ConfigError, TrainingError

DEFAULT_ADDRESS = "127.0.0.1:29500"
MOST_PROCESSES = 4096
PATIENCE_S = 2.0
"""Seconds after which a process reports that it is waiting for others."""
POLL_S = 0.1
"""Seconds between polls for a signal while a process waits."""
LAUNCHED = "TORCHELASTIC_RUN_ID"
"""Environment variable that torchrun sets in the processes it starts."""


@dataclass(frozen=True)
class Place:
    """Rank of this process and number of processes."""

    rank: int = 0
    """0 to world_size - 1; the first one writes checkpoints, logs and the product."""
    world_size: int = 1
    """Processes of the run, on all machines."""
    address: str = DEFAULT_ADDRESS
    """Host and port where the first process listens for the others."""

    def __post_init__(self) -> None:
        if not 1 <= self.world_size <= MOST_PROCESSES:
            raise ConfigError(
                f"world size is {self.world_size}; it must be at least 1 and at most {MOST_PROCESSES}"
            )
        if not 0 <= self.rank < self.world_size:
            raise ConfigError(
                f"rank is {self.rank}; with world size {self.world_size} it must be 0 to {self.world_size - 1}"
            )
        host, colon, port = self.address.rpartition(":")
        if not host or not colon or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"address is {self.address!r}; write HOST:PORT, as in {DEFAULT_ADDRESS}")

    @classmethod
    def of_launcher(cls) -> Place | None:
        """The place that torchrun assigned to this process; None if it was not started by torchrun."""
        if LAUNCHED not in os.environ:
            return None
        host, port = os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"]
        return cls(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), f"{host}:{port}")


class Group:
    """Collective operations of a run's processes; no-ops in a single-process run."""

    def __init__(self, place: Place, device: torch.device) -> None:
        self.rank, self.world_size = place.rank, place.world_size
        self.device = device

    @property
    def is_first(self) -> bool:
        """Whether this process writes the run's output."""
        return self.rank == 0

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces gradients by their mean over the processes; a missing one counts as zero."""
        if self.world_size == 1:
            return
        # One all-reduce for all of them: most tensors of these models are small.
        every = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in every:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([parameter.grad.flatten() for parameter in every if parameter.grad is not None])
        with self._speaking():
            dist.all_reduce(flat)
        flat /= self.world_size
        start = 0
        for parameter in every:
            size = parameter.numel()
            parameter.grad = flat[start : start + size].view_as(parameter).clone()
            start += size

    def any(self, value: bool) -> bool:
        """Whether it is true in any process."""
        if self.world_size == 1:
            return value
        flag = torch.tensor([float(value)], device=self.device)
        with self._speaking():
            dist.all_reduce(flag, op=dist.ReduceOp.MAX)
        return bool(flag.item())

    def total(self, values: Tensor) -> Tensor:
        """The sum over the processes of each value [K]."""
        if self.world_size == 1:
            return values
        summed = values.clone()
        with self._speaking():
            dist.all_reduce(summed)
        return summed

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Broadcasts the first process's values."""
        if self.world_size > 1:
            with self._speaking():
                for tensor in tensors:
                    dist.broadcast(tensor, src=0)

    def collect(self, value: Any) -> list[Any]:
        """Gathers the values of all processes by rank."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        with self._speaking():
            dist.all_gather_object(values, value)
        return values

    @contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """The first process runs the block, then the others: for work that leaves its result on disk."""
        if self.world_size > 1 and not self.is_first:
            self._meet()
        yield
        if self.world_size > 1 and self.is_first:
            self._meet()

    def _meet(self) -> None:
        """Barrier that may take hours; a signal ends the wait."""
        with self._speaking():
            work = dist.barrier(async_op=True)
            while not work.is_completed():
                time.sleep(POLL_S)
            work.wait()

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # torch.distributed's only type for a lost peer
            reason = str(error).strip().splitlines()[0]
            raise TrainingError(
                f"process {self.rank} of {self.world_size} lost the others ({reason}); look for the first error among "
                "them, then start all of them again: the run goes on from its last checkpoint"
            ) from error


def _connect(place: Place, backend: str) -> None:
    """Joins the group in a separate thread: while torch blocks, Python handles no signals."""
    failures: list[BaseException] = []

    def connect() -> None:
        try:
            dist.init_process_group(
                backend,
                init_method=f"tcp://{place.address}",
                rank=place.rank,
                world_size=place.world_size,
            )
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=connect, name="kalakan-join", daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    if thread.is_alive():
        others = "1 other" if place.world_size == 2 else f"{place.world_size - 1} others"
        sys.stderr.write(
            f"process {place.rank} of {place.world_size}: waiting for {others} at {place.address}\n"
        )
    while thread.is_alive():
        thread.join(POLL_S)
    if failures:
        raise failures[0]


@contextmanager
def joined(place: Place, device: torch.device) -> Iterator[Group]:
    """The group of this run: NCCL between CUDA devices, otherwise gloo. A single process opens no connection."""
    if place.world_size == 1:
        yield Group(place, device)
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        _connect(place, backend)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(
            f"process {place.rank} of {place.world_size} found no group at {place.address} ({reason}); start every "
            "rank with the same --address and --world-size"
        ) from error
    try:
        yield Group(place, device)
    finally:
        dist.destroy_process_group()


def local_device(name: str, place: Place) -> str:
    """`name`, or for a bare "cuda" the device of this process on its machine."""
    if name != "cuda" or place.world_size == 1:
        return name
    number = int(os.environ.get("LOCAL_RANK", place.rank % max(1, torch.cuda.device_count())))
    return f"cuda:{number}"
