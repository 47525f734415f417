"""`inference.low_memory`: models that are loaded when they are used, of which one at a time is in memory."""

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
    """Room for one model. A call that is running keeps its model until it returns."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner: object = None
        self._model: Any = None

    def model_of(self, owner: object, load: Load) -> Any:
        """The model of `owner`, loaded unless it is the one in the room; any other is dropped first."""
        with self._lock:
            if self._owner is not owner:
                self._owner = self._model = None
                return_memory()
                self._model = load()
                self._owner = owner
            return self._model


def return_memory() -> None:
    """Gives the memory of dropped models back to the operating system, where the C library can."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
        if trim is not None:
            trim(0)


class _Lent:
    """What both kinds of model share: where they run, and that they need whole sentences."""

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
        """None: the model is not loaded to say where it is."""
        return iter(())

    def buffers(self) -> Iterator[Any]:
        """One empty tensor on the device that the model is loaded to."""
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
