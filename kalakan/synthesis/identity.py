"""What the samples of a synthesizer depend on, as one hash: the key of caches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kalakan._rust import __version__
from kalakan.synthesis.engines.request import Request, is_path
from kalakan.synthesis.engines.sources import GRIFFIN_LIM
from kalakan.text.twi_g2p import TwiG2P
from kalakan.voices.manifest import VoiceManifest


def fingerprint(
    request: Request,
    voices: Sequence[VoiceManifest],
    overrides: Mapping[str, Any],
    speaker: str | None,
    engine: str,
    reader: TwiG2P,
) -> str | None:
    """See `Synthesizer.fingerprint`; None for weights that are not in a file. `voices` are the loaded voices."""
    if request.acoustic_model_type is not None or request.vocoder_type not in (None, GRIFFIN_LIM):
        return None
    files = []
    for model in (request.voice, request.acoustic_model, request.vocoder):
        if model is None:
            files.append("")
        elif not is_path(model):
            return None
        elif Path(model).is_file():
            files.append(hashlib.sha256(Path(model).read_bytes()).hexdigest())
    record = {
        "version": __version__,
        # A manifest holds the sha256 of every file of its voice.
        "voices": [hashlib.sha256(voice.to_json().encode()).hexdigest() for voice in voices],
        "files": files,
        "vocoder_type": request.vocoder_type,
        "overrides": overrides,
        "speaker": speaker,
        "engine": engine,
        "device": request.device.partition(":")[0],
        "reader": reader.fingerprint,
    }
    return hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()
