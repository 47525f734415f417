"""Exports acoustic models to ONNX files that run without torch; each is checked against torch before it is saved."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig
from kalakan.errors import ExportError
from kalakan.export.onnx.matmuls import keeps_exact
from kalakan.export.onnx.optional_inputs import serialized
from kalakan.export.onnx.shared_weights import HALF_FROM, halve
from kalakan.export.onnx.trace import trace_module
from kalakan.models import registry
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.models.layers.speakers import one_hot
from kalakan.onnx_runtime import SPEAKER_MIX
from kalakan.storage import replacing
from kalakan.voices.identity import to_metadata

INPUTS = ("phonemes", "speaker", "speed", "pitch", "energy", "pitch_range", SPEAKER_MIX)
OUTPUTS = ("mel_output", "durations", "mel_lengths", "pitch_output", "energy_output")
TOLERANCE = 2e-3
"""Maximum allowed difference of log-mel values between torch and ONNX."""


class _Inference(nn.Module):
    """The inputs and outputs of `acoustic.onnx`."""

    def __init__(self, model: FastSpeech2) -> None:
        super().__init__()
        self.model = model

    def forward(self, phonemes: Tensor, speaker: Tensor, *controls: Tensor) -> tuple[Tensor, ...]:
        weights = speaker_weights(self.model, speaker, controls[-1])
        return self.model.infer(phonemes, weights.expand(phonemes.shape[0], -1), *controls[:-1])


def speaker_weights(model: FastSpeech2, speaker: Tensor, mix: Tensor) -> Tensor:
    """Weights of speakers [B, S] of the graph's two inputs: an id [B], to which the mix [B, S] is added."""
    return one_hot(speaker, len(model.config.speakers)) + mix


def export_acoustic(model: FastSpeech2, *, half_weights: bool = False, opset: int | None = None) -> bytes:
    """Exports a FastSpeech2 to `acoustic.onnx`; returns the bytes of one self-contained file.

    Inputs: phonemes int64 [B, N]; and, each optional, speaker int64 [B], speed, pitch (semitones), energy and
    pitch_range float32 [B, 1] or [B, N], and speaker_mix float32 [B, S], weights of speakers that are added to those of
    `speaker`, which is then -1. Outputs: mel_output [B, M, T], durations [B, N], mel_lengths [B],
    pitch_output and energy_output [B, T]. `half_weights` stores the matrices in 16 bits and computes in 32.
    Raises `ExportError` if the file's output differs by more than `TOLERANCE` from that of torch with these weights.
    """
    if half_weights:
        model = rounded(model)
    graph = trace_acoustic(model, fold=True, opset=opset)
    if half_weights:
        halve_weights(graph)
    content = serialized(graph)
    check_acoustic(model, content, TOLERANCE)
    return content


def rounded(model: FastSpeech2) -> FastSpeech2:
    """A copy of the model with matrices rounded to values that 16 bits can represent."""
    model = copy.deepcopy(model)
    state = halve(model.state_dict())
    model.load_state_dict(
        {name: value.float() if value.dtype == torch.half else value for name, value in state.items()}
    )
    return model


def trace_acoustic(model: FastSpeech2, *, fold: bool, opset: int | None = None) -> Any:
    """The ONNX graph of a FastSpeech2. Without constant folding, parameters keep their torch names and bytes."""
    import onnx

    axes = control_axes() | {"mel_lengths": {0: "batch"}, "mel_output": {0: "batch", 2: "frames"}}
    axes |= {name: {0: "batch", 1: "frames"} for name in ("pitch_output", "energy_output")}
    graph = trace_module(
        _Inference(model.eval()), example_inputs(model), INPUTS, OUTPUTS, axes, fold=fold, opset=opset
    )
    add_defaults(graph, model)
    onnx.checker.check_model(graph, full_check=True)
    return graph


def example_inputs(model: FastSpeech2) -> tuple[Tensor, ...]:
    """Example values of `INPUTS`, for the tracer."""
    return (
        torch.tensor([[1, 29, 48, 24, 7, 0, 0], [1, 29, 16, 48, 25, 44, 7]]),
        torch.zeros(2, dtype=torch.long),
        torch.ones(2, 1),
        torch.zeros(2, 1),
        torch.ones(2, 1),
        torch.ones(2, 1),
        torch.zeros(2, len(model.config.speakers)),
    )


def control_axes() -> dict[str, dict[int, str]]:
    """The dynamic axes of `INPUTS` and of the durations."""
    axes = {name: {0: "batch", 1: "phonemes"} for name in ("phonemes", "durations")}
    axes |= {
        name: {0: f"{name}_batch", 1: f"{name}_width"} for name in ("speed", "pitch", "energy", "pitch_range")
    }
    return axes | {"speaker": {0: "speaker_batch"}, SPEAKER_MIX: {0: "mix_batch"}}


def check_acoustic(model: FastSpeech2, source: bytes | str, tolerance: float) -> float:
    """Maximum difference of mel values between torch and an ONNX file (bytes or path) over several cases.

    Raises `ExportError` if it exceeds `tolerance`, or if any length differs. A file that computes durations and F0 in
    integers may decide on voicing differently, where a mel then differs by any amount, so the root of its mean square
    counts instead; and its durations may differ as `DRIFT` says.
    """
    from kalakan.onnx_runtime import checking_session

    session, is_exact = checking_session(source), is_exact_file(source)
    worst = 0.0
    for inputs in _check_cases(len(model.config.speakers)):
        found = dict(zip(OUTPUTS, session.run(list(OUTPUTS), inputs), strict=True))
        mel, aux = inference_with(model, as_torch(inputs), found["durations"], is_exact=is_exact)
        for row, frames in enumerate(aux["mel_lengths"].tolist()):
            worst = max(
                worst, distance(found["mel_output"][row, :, :frames], mel[row, :, :frames].numpy(), is_exact)
            )
    if not worst <= tolerance:
        raise ExportError(
            f"the exported acoustic model differs from torch by {worst:.2e}; the limit is {tolerance:.0e}"
        )
    return worst


def as_torch(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Inputs of the graph as `FastSpeech2.inference` names them: a mix takes the place of the speaker."""
    given = dict(inputs)
    mix = given.pop(SPEAKER_MIX, None)
    return given if mix is None else given | {"speaker": mix}


def is_exact_file(source: bytes | str) -> bool:
    """Whether an ONNX file (bytes or path) computes durations and F0 in floats."""
    import onnx

    if isinstance(source, bytes):
        return keeps_exact(onnx.load_model_from_string(source))
    return keeps_exact(onnx.load(source, load_external_data=False))


def distance(found: NDArray[np.float32], wanted: NDArray[np.float32], is_exact: bool) -> float:
    """Maximum difference of values; the root of its mean square for a file that is not exact."""
    difference = found.astype(np.float64) - wanted
    return float(np.abs(difference).max() if is_exact else np.sqrt(np.square(difference).mean()))


TIE = 1e-3
"""Distance in frames from a rounding tie below which a sound may end a frame earlier or later than in torch."""
DRIFT = 0.02
"""Share of its time by which a sound may end earlier or later, and two frames on top, in a file that computes durations
in integers. The default voice stays far below: see `benches/results`."""


def inference_with(
    model: FastSpeech2,
    inputs: Mapping[str, NDArray[Any]],
    durations: NDArray[np.int64],
    *,
    is_exact: bool = True,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Runs `FastSpeech2.inference` on its inputs with the durations [B, N] that the file predicted.

    Raises `ExportError` if these differ from torch's, except for sums of durations so close to a half that the last
    bits of a float determine the rounding; for a file that is not exact, if a sound ends further away than `DRIFT`.
    """
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    with torch.no_grad():
        _, aux = model.inference(**tensors)
        if not is_exact:
            given = np.cumsum(aux["durations"].numpy(), axis=1)
            away = np.abs(np.cumsum(durations, axis=1) - given)
            if np.any(away > 2 + DRIFT * given):
                raise ExportError(
                    f"a sound of the exported acoustic model ends {away.max()} frames from where it does in torch; "
                    f"the limit is 2 and {DRIFT:.0%} of its time; export with --exact"
                )
            return model.inference(**tensors, durations=torch.from_numpy(durations))
        phonemes, speaker, speed, *_ = model.defaults(
            tensors["phonemes"], None, tensors.get("speaker"), tensors.get("speed"), None, None, None
        )
        log_durations = model.duration_predictor(*model.encode(phonemes, speaker)).squeeze(2)
        ends = model.exact_ends(log_durations, phonemes, speed)
        is_tie = ((ends + 0.5) - torch.round(ends + 0.5)).abs() < TIE
        is_open = (is_tie | torch.nn.functional.pad(is_tie, (1, 0))[:, :-1]).numpy()
        if np.any((durations != aux["durations"].numpy()) & ~is_open):
            raise ExportError("the exported acoustic model rounds durations differently from torch")
        return model.inference(**tensors, durations=torch.from_numpy(durations))


def _check_cases(speakers: int) -> Iterator[dict[str, NDArray[Any]]]:
    random = np.random.default_rng(0)
    for batch, size in ((1, 1), (1, 63), (3, 129)):
        ids = random.integers(24, 77, (batch, size))
        ids[:, size // 2 + 1 : size // 2 + 2] = 16  # a tone, which has no frames on its own
        for row in range(1, batch):
            ids[row, size - 20 * row :] = 0
        yield {"phonemes": ids}
        yield {
            "phonemes": ids,
            "speaker": random.integers(0, speakers, batch),
            "speed": np.full((1, 1), 1.3, np.float32),
            "pitch": random.uniform(-3, 3, (batch, size)).astype(np.float32),
            "energy": np.full((batch, 1), 1.5, np.float32),
            "pitch_range": random.uniform(0, 2, (batch, size)).astype(np.float32),
        }
        mix = random.uniform(0, 1, (batch, speakers)).astype(np.float32)
        mixed = {"speaker": np.full(1, -1, np.int64), SPEAKER_MIX: mix / mix.sum(axis=1, keepdims=True)}
        yield {"phonemes": ids} | mixed


def add_defaults(graph: Any, model: FastSpeech2) -> None:
    """Gives every input except `phonemes` an initializer of the same name, which makes it optional."""
    from onnx import numpy_helper

    defaults = {
        "speaker": np.zeros(1, np.int64),
        "speed": np.ones((1, 1), np.float32),
        "pitch": np.zeros((1, 1), np.float32),
        "energy": np.ones((1, 1), np.float32),
        "pitch_range": np.ones((1, 1), np.float32),
        SPEAKER_MIX: np.zeros((1, len(model.config.speakers)), np.float32),
    }
    for name, value in defaults.items():
        graph.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))


def halve_weights(graph: Any) -> None:
    """Stores large float matrices as 16-bit floats with a cast: half the file size, the same arithmetic."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in list(graph.graph.initializer):
        value: NDArray[Any] = numpy_helper.to_array(tensor)
        if value.dtype != np.float32 or value.size < HALF_FROM:
            continue
        name = f"{tensor.name}.half"
        tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), name))
        casts.append(helper.make_node("Cast", [name], [name.removesuffix(".half")], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.graph.node.insert(0, node)


def write_acoustic(
    model: FastSpeech2, path: str | Path, *, audio: AudioConfig | None = None, half_weights: bool = False
) -> None:
    """Exports to a file, atomically; with `audio`, its metadata include the audio settings and speakers."""
    path = Path(path)
    content = export_acoustic(model, half_weights=half_weights)
    if audio is not None:
        content = with_metadata(content, to_metadata(audio, model.config.speakers))
    with replacing(path) as partial:
        partial.write_bytes(content)


def with_metadata(content: bytes, told: Mapping[str, str]) -> bytes:
    """An ONNX file with the entries of `told` added to its metadata."""
    import onnx

    graph = onnx.load_model_from_string(content)
    for key, value in told.items():
        graph.metadata_props.add(key=key, value=value)
    return bytes(graph.SerializeToString())


def check_exportable(model_type: str) -> None:
    """Raises `ExportError` for a model type that has no graph in a voice."""
    if not registry.entry(model_type).has_onnx:
        raise ExportError(
            f"{model_type} decides frame by frame whether to go on, and a voice holds no graph of that; export a "
            "file of it (--acoustic-model FILE, or VOICE --fuse), or speak it with engine='torch'"
        )
