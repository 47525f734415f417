"""The performance targets of the performance guide, and which of them a subject meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """Upper limits of a scenario; both must be met."""

    scenario: str
    rtf: float
    memory_mb: float
    is_gpu: bool = False
    """Whether it requires a CUDA device, whose memory then counts instead of the process's."""


TARGETS = (
    Target("Server (GPU)", 0.05, 4000, is_gpu=True),
    Target("Server (CPU)", 0.2, 2000),
    Target("Edge Device", 0.5, 1000),
    Target("Mobile", 1.0, 500),
)
"""The table of the guide, without its quality column ("high", "medium"), which cannot be measured here."""


def targets(subjects: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each scenario and subject: the RTF (median, wall-clock, of its slowest text), the memory, and
    "pass", "miss", or "not measured" for a scenario with another kind of device."""
    return [_row(target, name, found) for target in TARGETS for name, found in subjects.items()]


def _row(target: Target, name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    row = {
        "scenario": target.scenario,
        "subject": name,
        "rtf_below": target.rtf,
        "memory_mb_below": target.memory_mb,
    }
    cuda_mb = found["memory"]["peak_cuda_mb"]
    if target.is_gpu != (cuda_mb is not None):
        reason = "it ran on the CPU" if target.is_gpu else "it ran on a GPU"
        return {**row, "result": "not measured", "reason": reason}
    rtf = max(text["rtf"]["wall"]["median"] for text in found["texts"].values())
    memory_mb = cuda_mb if target.is_gpu else found["memory"]["peak_rss_mb"]
    meets = rtf < target.rtf and memory_mb < target.memory_mb
    return {**row, "rtf": rtf, "memory_mb": memory_mb, "result": "pass" if meets else "miss"}
