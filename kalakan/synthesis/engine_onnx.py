"""Phonemes to audio with onnxruntime, numpy and Rust: no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.config.schema import InferenceConfig
from kalakan.errors import ConfigError
from kalakan.synthesis.batching import control_arrays, speak_in_turn
from kalakan.synthesis.controls import Controls
from kalakan.synthesis.frontend import Breath, pad
from kalakan.synthesis.streaming import DecodedMel, Mel, Rendering, Samples, WholeMel, vocoder_call


class OnnxEngine:
    """Runs an exported voice on the CPU; one instance may serve many threads."""

    name = "onnx"

    def __init__(
        self, acoustic_model: Any, vocoder: Any, speakers: tuple[str, ...], config: InferenceConfig
    ) -> None:
        if config.mixed_precision:
            raise ConfigError(
                "inference.mixed_precision is True and the onnx engine has none; use engine='torch' or leave it off"
            )
        self.acoustic_model = acoustic_model
        self.vocoder = vocoder
        self.speakers = speakers

    @property
    def runs_batches(self) -> bool:
        """False: see `Engine.runs_batches`."""
        return False

    def render(self, breaths: Sequence[Breath], controls: Controls) -> list[Rendering]:
        """See `Engine`."""
        batch = pad([breath.ids for breath in breaths])
        given = control_arrays(controls, breaths, self.speakers)
        model = self.acoustic_model
        has_windows = getattr(model, "context_frames", None) is not None
        run = model.predict_frames if has_windows else model.inference
        result, aux = run(batch.ids, batch.lengths, **given)
        return [
            self._rendering(_mel(model, result, row, count), aux, row, len(breath.ids), controls.seed)
            for row, (breath, count) in enumerate(zip(breaths, aux["mel_lengths"].tolist(), strict=True))
        ]

    def speak(
        self, batches: Iterable[Sequence[Breath]], controls: Controls
    ) -> Iterator[list[tuple[Rendering, Samples]]]:
        """See `Engine`."""
        return speak_in_turn(self, batches, controls)

    def to_audio(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The samples themselves."""
        return samples

    def _rendering(
        self, mel: Mel, aux: dict[str, NDArray[Any]], row: int, phonemes: int, seed: int
    ) -> Rendering:
        f0 = aux["pitch"][row : row + 1, : mel.frames] if "pitch" in aux else None
        durations = aux["durations"][row, :phonemes] if "durations" in aux else None
        vocode, context = vocoder_call(self.vocoder, f0, seed)
        return Rendering(durations, mel, vocode, context, self.vocoder.hop_length)


def _mel(model: Any, result: NDArray[np.float32], row: int, count: int) -> Mel:
    if getattr(model, "context_frames", None) is None:
        return WholeMel(result[row : row + 1, :, :count])
    return DecodedMel(
        result[row : row + 1, :count], model.context_frames, model.decode_frames, np.concatenate
    )
