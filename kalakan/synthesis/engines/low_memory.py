"""`inference.low_memory`: models are loaded when they are used, and only one at a time is in memory."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from kalakan.models.interfaces import DurationAcousticModel, takes_f0

Load = Callable[[], Any]


class Room:
    """Holds at most one model. A running call keeps its model until it returns."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner: object = None
        self._model: Any = None

    def model_of(self, owner: object, load: Load) -> Any:
        """The model of `owner`, loaded unless it is already in the room; any other model is dropped first."""
        with self._lock:
            if self._owner is not owner:
                self._owner = self._model = None
                return_memory()
                self._model = load()
                self._owner = owner
            return self._model


def return_memory() -> None:
    """Returns the memory of dropped models to the operating system, if the C library can."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it
        if trim is not None:
            trim(0)


class _Lent:
    """Base of both kinds of model: their device, and that they need whole sentences."""

    context_frames = None

    def __init__(self, room: Room, load: Load, model: Any) -> None:
        self._room, self._load = room, load
        self._device: Any = None
        self._is_torch = hasattr(model, "parameters")

    def to(self, device: Any) -> Any:
        """Loads the model to another torch device from now on."""
        self._device = device
        self._room.model_of(None, lambda: None)
        return self

    def parameters(self) -> Iterator[Any]:
        """None: finding the device would load the model."""
        return iter(())

    def buffers(self) -> Iterator[Any]:
        """One empty tensor on the device that the model will be loaded to."""
        if self._is_torch:
            import torch

            yield torch.zeros(0, device=self._device)

    def _model(self) -> Any:
        return self._room.model_of(self, self._loaded)

    def _loaded(self) -> Any:
        model = self._load()
        return model if self._device is None else model.to(self._device)


class LentAcoustic(_Lent):
    """An acoustic model in a `Room`; implements `kalakan.models.interfaces.AcousticModel` for either engine."""

    def __init__(self, room: Room, load: Load, model: Any) -> None:
        """`model` is the loaded model, of which only the facts are kept."""
        super().__init__(room, load, model)
        self.path = getattr(model, "path", None)
        self.n_mels = model.n_mels
        self.takes_durations = isinstance(model, DurationAcousticModel) and bool(model.takes_durations)

    def inference(self, phonemes: Any, lengths: Any = None, **controls: Any) -> tuple[Any, dict[str, Any]]:
        """See `AcousticModel.inference`."""
        result: tuple[Any, dict[str, Any]] = self._model().inference(phonemes, lengths, **controls)
        return result


class LentVocoder(_Lent):
    """A vocoder in a `Room`; implements `kalakan.models.interfaces.Vocoder` for either engine, with whole sentences."""

    def __init__(self, room: Room, load: Load, model: Any) -> None:
        """`model` is the loaded model, of which only the facts are kept."""
        super().__init__(room, load, model)
        self.sample_rate, self.hop_length = model.sample_rate, model.hop_length
        self.takes_f0 = takes_f0(model)
        self._renders = hasattr(model, "render")

    def inference(self, mel: Any, *f0: Any) -> Any:
        """Waveform [B, T * hop_length] of a log-mel [B, M, T]."""
        return self._model().inference(mel, *f0)

    def render(self, mel: Any, f0: Any, first_frame: int, seed: int) -> Any:
        """See `Vocoder`."""
        if self._renders:
            return self._model().render(mel, f0, first_frame, seed)
        return self.inference(mel, *(() if f0 is None else (f0,)))
