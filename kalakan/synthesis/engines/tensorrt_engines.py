"""TensorRT engines for the torch engine, on the GPU that they were built for.

No machine of this project had a GPU: the tests cover everything around TensorRT, with a stand-in for it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig
from kalakan.errors import ConfigError, MissingDependencyError, SynthesisError, VoiceError
from kalakan.synthesis.engines.fused import as_frames
from kalakan.voices.engine_file import EngineFile, read_engine

DEFAULTS = {"speaker": 0, "speed": 1.0, "pitch": 0.0, "energy": 1.0, "pitch_range": 1.0}
"""Values for inputs that a call omits, because an engine has no optional inputs."""
_OUTPUTS = {"pitch_output": "pitch", "energy_output": "energy"}


class Runner:
    """A deserialized engine. Calls from several threads take turns, because an execution context holds the addresses of
    one call."""

    def __init__(self, file: EngineFile, path: Path, device: torch.device) -> None:
        """Raises `VoiceError` for an engine built for another TensorRT version or GPU."""
        import tensorrt

        self._tensorrt = tensorrt
        self.device = device
        with self._on_device():
            # Kept, because an engine needs the runtime that created it.
            self._runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.ERROR))
            engine = self._runtime.deserialize_cuda_engine(file.plan)
            if engine is None:
                raise VoiceError(
                    f"{path}: TensorRT {tensorrt.__version__} refuses it; an engine runs with the version and on the "
                    "kind of GPU that it was built with: export it again here"
                )
            self._engine = engine
            self._context = engine.create_execution_context()
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        is_input = {name: engine.get_tensor_mode(name) == tensorrt.TensorIOMode.INPUT for name in names}
        self.inputs = tuple(name for name in names if is_input[name])
        self.outputs = tuple(name for name in names if not is_input[name])
        self._lock = Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Runner:
        """Returns itself: an engine belongs to its GPU, even if a synthesizer is copied to another device."""
        return self

    def __call__(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs of an engine by name, on its device.

        Raises `SynthesisError` for an input that the engine lacks, and for one longer than it was built for.
        """
        for name in given:
            if name not in self.inputs:
                raise SynthesisError(f"this engine has no input {name!r}; leave it at its default")
        held = {name: self._input(name, given.get(name)) for name in self.inputs}
        with self._lock, self._on_device():
            for name, value in held.items():
                if not self._context.set_input_shape(name, tuple(value.shape)):
                    raise SynthesisError(
                        f"{name} has the shape {tuple(value.shape)}, which this engine was not built for; set "
                        "inference.max_characters lower, or use another format"
                    )
                self._context.set_tensor_address(name, value.data_ptr())
            outputs = {name: _output(self._tensorrt, self.device) for name in self.outputs}
            for name, place in outputs.items():
                self._context.set_output_allocator(name, place)
            if not self._context.execute_async_v3(self._stream()):
                raise SynthesisError("TensorRT could not run the engine; its log says why")
            self._wait()
            return {name: place.tensor(self._dtype(name)) for name, place in outputs.items()}

    def _input(self, name: str, value: Tensor | None) -> Tensor:
        dtype = self._dtype(name)
        if value is None:
            shape = (1,) if name == "speaker" else (1, 1)
            return torch.full(shape, DEFAULTS[name], dtype=dtype, device=self.device)
        return value.to(self.device, dtype).contiguous()

    def _dtype(self, name: str) -> torch.dtype:
        kinds = self._tensorrt.DataType
        found = {
            kinds.FLOAT: torch.float32,
            kinds.HALF: torch.float16,
            kinds.INT32: torch.int32,
            kinds.INT64: torch.int64,
        }
        return found[self._engine.get_tensor_dtype(name)]

    def _on_device(self) -> AbstractContextManager[Any]:
        return torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext()

    def _stream(self) -> int:
        return int(torch.cuda.current_stream(self.device).cuda_stream) if self.device.type == "cuda" else 0

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()


def _output(tensorrt: Any, device: torch.device) -> Any:
    """Allocates an output whose size TensorRT determines at run time."""

    class Output(tensorrt.IOutputAllocator):  # type: ignore[misc]
        def __init__(self) -> None:
            tensorrt.IOutputAllocator.__init__(self)
            self.memory = torch.empty(1, dtype=torch.uint8, device=device)
            self.shape: tuple[int, ...] = ()

        def reallocate_output(self, name: str, memory: int, size: int, alignment: int) -> int:
            self.memory = torch.empty(max(size, 1), dtype=torch.uint8, device=device)
            return int(self.memory.data_ptr())

        def notify_shape(self, name: str, shape: Any) -> None:
            self.shape = tuple(shape)

        def tensor(self, dtype: torch.dtype) -> Tensor:
            count = torch.Size(self.shape).numel() * dtype.itemsize
            return self.memory[:count].view(dtype).reshape(self.shape)

    return Output()


class EngineAcoustic(nn.Module):
    """An engine from phonemes; implements `kalakan.models.interfaces.AcousticModel`.

    A fused engine returns its audio instead of a mel; see `kalakan.synthesis.engines.fused`.
    """

    context_frames = None

    def __init__(self, run: Runner, audio: AudioConfig, is_fused: bool) -> None:
        super().__init__()
        self._run = run
        self._audio = audio
        self._is_fused = is_fused
        self.n_mels = audio.n_mels

    def inference(
        self,
        phonemes: Tensor,
        lengths: Tensor | None = None,
        speaker: Tensor | None = None,
        speed: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        pitch_range: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `AcousticModel.inference`. Raises `SynthesisError` for a control that the engine does not take."""
        if lengths is not None:
            places = torch.arange(phonemes.shape[1], device=phonemes.device)
            phonemes = phonemes * (places[None] < lengths[:, None])
        controls = {
            "speaker": speaker,
            "speed": speed,
            "pitch": pitch,
            "energy": energy,
            "pitch_range": pitch_range,
        }
        given = {name: value for name, value in controls.items() if value is not None}
        more = self._run({"phonemes": phonemes, **given})
        result = more.pop("audio_output" if self._is_fused else "mel_output").float()
        if self._is_fused:
            result = as_frames(result, self._audio.hop_length)
        return result, {_OUTPUTS.get(name, name): value for name, value in more.items()}


class EngineVocoder(nn.Module):
    """An engine from a mel to audio; implements `kalakan.models.interfaces.Vocoder` for whole phrases."""

    takes_f0 = False

    def __init__(self, run: Runner, audio: AudioConfig) -> None:
        super().__init__()
        self._run = run
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length

    def inference(self, mel: Tensor) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]."""
        audio = self._run({"mel_input": mel})["audio_output"].float()
        return audio.reshape(len(audio), -1)


def open_engine(path: Path, device: str) -> tuple[EngineFile, Runner]:
    """The engine in a file, on a GPU.

    Raises `ConfigError` for another device, `MissingDependencyError` without the package tensorrt, and `VoiceError` for
    a file that is damaged or was built elsewhere.
    """
    place = torch.device(device)
    if place.type != "cuda":
        raise ConfigError(
            f"{path} is a TensorRT engine, which runs on a GPU alone, and device is {device!r}; give device='cuda', or "
            "a file of another format"
        )
    if find_spec("tensorrt") is None:
        raise MissingDependencyError(
            f"{path} is a TensorRT engine and the package tensorrt is not installed; pip install the version that "
            "built it"
        )
    file = read_engine(path)
    return file, Runner(file, path, place)
