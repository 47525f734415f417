"""Restores a pickled synthesizer, which loads the same models again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kalakan.synthesis.engines.origin import Origin, remember
from kalakan.synthesis.engines.request import Request
from kalakan.synthesis.reading.readers import Reader


def restored(
    make: Callable[..., Any],
    request: Request,
    origins: tuple[Origin | None, Origin | None],
    overrides: Mapping[str, Any],
    speaker: str | None,
    reader: Reader,
) -> Any:
    """The synthesizer as it was before pickling; `make` is its class, `origins` are those of the two given models."""
    for model, origin in zip((request.acoustic_model, request.vocoder), origins, strict=True):
        if origin is not None:
            remember(model, origin)
    synthesizer = make(
        request.voice,
        acoustic_model=request.acoustic_model,
        vocoder=request.vocoder,
        acoustic_model_type=request.acoustic_model_type,
        vocoder_type=request.vocoder_type,
        device=request.device,
        config=overrides,
        engine=request.engine,
        speaker=speaker,
    )
    synthesizer.g2p = reader
    return synthesizer
