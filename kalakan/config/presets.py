"""Named settings: `Config("edge")`, `kalakan synthesize --config edge`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

PRESETS: MappingProxyType[str, MappingProxyType[str, Any]] = MappingProxyType(
    {
        # Devices with little memory: one model in memory at a time, in 8 bits, and one sentence at a time.
        "edge": MappingProxyType({"inference": {"quantize": True, "low_memory": True, "batch_size": 1}})
    }
)
"""Overrides of the default settings, by name."""
