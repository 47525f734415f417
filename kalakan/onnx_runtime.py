"""The only place that imports onnxruntime: Kalakan works offline, so its telemetry is turned off.

From version 1.29 on onnxruntime's packages send events to Microsoft and keep an identifier of the device in the home
folder (https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md). To allow that, set
`ORT_DISABLE_TELEMETRY=0`.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime reads this when it is imported

import onnxruntime

__all__ = ["SPEAKER_MIX", "checking_session", "input_names", "onnxruntime"]

if os.environ["ORT_DISABLE_TELEMETRY"] == "1":
    onnxruntime.disable_telemetry_events()  # for Windows, and in case onnxruntime was imported earlier


SPEAKER_MIX = "speaker_mix"
"""Input of an acoustic graph: speaker weights, for a mix."""


def checking_session(source: bytes | str) -> Any:
    """A session of an ONNX file (bytes or path) on the CPU without warnings, for exports that verify themselves."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def input_names(session: Any) -> set[str]:
    """Names of all inputs of a session, including those with a default."""
    return {item.name for item in (*session.get_inputs(), *session.get_overridable_initializers())}
