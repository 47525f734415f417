"""Names of the files in a voice that hold its models."""

from __future__ import annotations

from collections.abc import Collection

ACOUSTIC_WEIGHTS = "acoustic.safetensors"
ACOUSTIC = "acoustic.onnx"
"""Phonemes to mel."""
ENCODER = "acoustic_encoder.onnx"
"""Phonemes to frames, all of a sentence at once."""
DECODER = "acoustic_decoder.onnx"
"""Frames to mel, any window of them."""
VOCODER_WEIGHTS = "vocoder.safetensors"
VOCODER = "vocoder.onnx"
"""Mel to sound."""
FILTERS = "vocoder_filters.onnx"
"""Mel to filters, from which `kalakan.audio.harmonic_noise` synthesizes: the part of `VOCODER` that Kalakan runs."""


def has_graphs(files: Collection[str]) -> bool:
    """Whether a voice with these files runs in onnxruntime: its acoustic model is a graph, or two parts of one."""
    return ACOUSTIC in files or (ENCODER in files and DECODER in files)
