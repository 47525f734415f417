"""The ONNX graph of a Tacotron 2, with the decoder loop as one `Loop` node.

Three parts are traced (encoder, one step of the decoder, postnet) and joined: the loop's body is the step, its scan
outputs are the frames. The bidirectional LSTM runs over the reversed sentence of each row instead of a packed one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kalakan.export.onnx.graphs import add_prefix, rename_values
from kalakan.export.onnx.trace import trace_module
from kalakan.models.acoustic.tacotron2 import Tacotron2
from kalakan.models.layers.masking import length_mask

OUTPUTS = ("mel_output", "durations", "mel_lengths")
_STATE = (
    "frame",
    "hidden_1",
    "cell_1",
    "hidden_2",
    "cell_2",
    "context",
    "cumulative",
    "place",
    "steps",
    "going",
)
"""Values that a step passes to the next."""


class _Front(nn.Module):
    """Ids and speaker to the memory, the attention's keys, and the first state of the loop."""

    def __init__(self, model: Tacotron2) -> None:
        super().__init__()
        self.model = model
        whole = model.encoder.lstm
        self.halves = nn.ModuleList()
        for ending in ("", "_reverse"):
            half = nn.LSTM(whole.input_size, whole.hidden_size, batch_first=True)
            half.load_state_dict(
                {
                    name: value.detach()
                    for name in half.state_dict()
                    for value in [getattr(whole, name + ending)]
                }
            )
            self.halves.append(half)

    def forward(self, phonemes: Tensor, speaker: Tensor) -> tuple[Tensor, ...]:
        model = self.model
        lengths = (phonemes != model.pad_id).to(torch.int64).sum(dim=1)
        memory = self.encode(phonemes, lengths)
        if model.speaker_embedding is not None:
            memory = memory + model.speaker_embedding(speaker.expand(phonemes.shape[0]))[:, None]
        limits = torch.div(
            (lengths + 4) * model.max_frames_per_phoneme, model.frames_per_step, rounding_mode="floor"
        )
        decoder = model.decoder
        still = torch.zeros_like(memory[:, 0, :1]).expand(-1, decoder.width)
        frame = torch.zeros_like(memory[:, 0, :1]).expand(-1, model.n_mels)
        unseen = torch.zeros_like(memory[:, :, 0])
        state = (
            frame,
            still,
            still,
            still,
            still,
            torch.zeros_like(memory[:, 0]),
            unseen,
            torch.zeros_like(lengths),
        )
        return memory, decoder.attention.key(memory), lengths, limits, limits.max(), *state, lengths > -1

    def encode(self, phonemes: Tensor, lengths: Tensor) -> Tensor:
        """The memory [B, N, E] without speakers; see `Encoder`."""
        encoder, size = self.model.encoder, phonemes.shape[1]
        known = length_mask(lengths, size)
        mask = known.to(torch.float32)[:, None]
        x = self.model.embedding(phonemes).transpose(1, 2)
        for conv in encoder.convs:
            x = torch.relu(conv(x, mask))
        x = x.transpose(1, 2)
        steps = torch.arange(size)[None]
        mirror = torch.where(known, lengths[:, None] - 1 - steps, steps)[:, :, None]  # its own inverse
        forward, _ = self.halves[0](x)
        backward, _ = self.halves[1](torch.gather(x, 1, mirror.expand_as(x)))
        backward = torch.gather(backward, 1, mirror.expand_as(backward))
        return torch.cat([forward, backward], dim=2) * mask.transpose(1, 2)


class _Step(nn.Module):
    """One step of the decoder; see `Tacotron2.decode`."""

    def __init__(self, model: Tacotron2) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        step: Tensor,
        memory: Tensor,
        keys: Tensor,
        lengths: Tensor,
        limits: Tensor,
        frame: Tensor,
        hidden_1: Tensor,
        cell_1: Tensor,
        hidden_2: Tensor,
        cell_2: Tensor,
        context: Tensor,
        cumulative: Tensor,
        place: Tensor,
        steps: Tensor,
        going: Tensor,
    ) -> tuple[Tensor, ...]:
        model, decoder = self.model, self.model.decoder
        prenet = decoder.prenet
        x = self.drop(torch.relu(prenet.first(frame)), step, 0)
        x = self.drop(torch.relu(prenet.second(x)), step, 1)
        hidden, cell = _cell(decoder.first, torch.cat([x, context], dim=1), hidden_1, cell_1)
        hidden_1, cell_1 = decoder.zoneout(hidden, hidden_1), decoder.zoneout(cell, cell_1)
        blocked = model.outside(place, lengths, memory.shape[1])
        weights = decoder.attention(hidden_1, keys, cumulative, blocked)
        context = torch.bmm(weights[:, None], memory).squeeze(1)
        hidden, cell = _cell(decoder.second, torch.cat([hidden_1, context], dim=1), hidden_2, cell_2)
        hidden_2, cell_2 = decoder.zoneout(hidden, hidden_2), decoder.zoneout(cell, cell_2)
        heard = torch.cat([hidden_2, context], dim=1)
        mel, stop = decoder.mel(heard), decoder.stop(heard).squeeze(1)
        count = step + 1
        ends = going & (torch.sigmoid(stop) > model.stop_threshold)
        steps = torch.where(ends, torch.minimum(limits, count), steps)
        going = going & torch.logical_not(ends) & (limits > count)
        state = (mel[:, -model.n_mels :], hidden_1, cell_1, hidden_2, cell_2, context, cumulative + weights)
        goes_on = going.to(torch.int64).max() > 0
        return goes_on, *state, weights.argmax(dim=1), steps, going, mel, weights

    def drop(self, x: Tensor, step: Tensor, layer: int) -> Tensor:
        """`Prenet.drop` of [B, width] for a step that is a tensor."""
        prenet = self.model.decoder.prenet
        units = torch.arange(prenet.width) + layer * prenet.width
        kept = prenet.noise[(step * prenet.stride + units) % prenet.noise.shape[0]] >= prenet.dropout
        return x * kept.to(x.dtype)[None] / (1.0 - prenet.dropout)


class _Back(nn.Module):
    """Frames [K, B, r * M] and attention weights [K, B, N] of the loop to `OUTPUTS`."""

    def __init__(self, model: Tacotron2) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor, alignment: Tensor, steps: Tensor) -> tuple[Tensor, ...]:
        model, rate = self.model, self.model.frames_per_step
        counts = steps * rate
        mel = frames.transpose(0, 1).reshape(frames.shape[1], -1, model.n_mels).transpose(1, 2)
        mask = length_mask(counts, mel.shape[2]).to(mel.dtype)[:, None]
        fine = (mel + model.postnet(mel, mask)) * model.mel_std[:, None] + model.mel_mean[:, None]
        heard = alignment.argmax(dim=2).transpose(0, 1)  # [B, K]
        spoken = length_mask(steps, heard.shape[1]).to(torch.int64) * rate
        is_heard = heard[:, :, None] == torch.arange(alignment.shape[2])[None, None]
        durations = (is_heard.to(torch.int64) * spoken[:, :, None]).sum(dim=1)
        return fine, durations, counts


def _cell(cell: nn.LSTMCell, x: Tensor, hidden: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """An LSTM cell in elementary operations, because the tracer does not support LSTM cells."""
    gates = nn.functional.linear(x, cell.weight_ih, cell.bias_ih)
    gates = gates + nn.functional.linear(hidden, cell.weight_hh, cell.bias_hh)
    enter, forget, value, leave = gates.chunk(4, dim=1)
    after = torch.sigmoid(forget) * before + torch.sigmoid(enter) * torch.tanh(value)
    return torch.sigmoid(leave) * torch.tanh(after), after


def trace_tacotron2(model: Tacotron2, *, opset: int | None = None) -> Any:
    """The ONNX graph: phonemes int64 [B, N] and, where there are several speakers, speaker int64 [B] (optional), to
    mel_output [B, M, T], durations [B, N] and mel_lengths [B]."""
    import onnx
    from onnx import helper, numpy_helper

    model.eval()
    front, step, back = _trace_front(model, opset), _trace_step(model, opset), _trace_back(model, opset)
    rename_values(front.graph, {"front.phonemes": "phonemes", "front.speaker": "speaker"})
    rename_values(
        step.graph, {f"step.{name}": f"front.{name}" for name in ("memory", "keys", "lengths", "limits")}
    )
    rename_values(
        back.graph,
        {"back.frames": "loop.frames", "back.alignment": "loop.alignment", "back.steps": "loop.steps"}
        | {f"back.{name}": name for name in OUTPUTS},
    )
    loop = _loop(step.graph)
    graph = helper.make_graph(
        [*front.graph.node, loop, *back.graph.node],
        "tacotron2",
        [item for item in front.graph.input if item.name in ("phonemes", "speaker")],
        list(back.graph.output),
        [*front.graph.initializer, *step.graph.initializer, *back.graph.initializer],
    )
    if model.speaker_embedding is None:
        del graph.input[1:]
    else:
        graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.int64), "speaker"))
    graph.initializer.append(numpy_helper.from_array(np.asarray(True), "loop.goes_on"))
    made = helper.make_model(graph, opset_imports=list(front.opset_import), ir_version=front.ir_version)
    onnx.checker.check_model(made, full_check=True)
    return made


def _loop(body: Any) -> Any:
    """The `Loop` node whose body is the traced step."""
    from onnx import TensorProto, helper

    outer = {"front.memory", "front.keys", "front.lengths", "front.limits"}
    given = {item.name: item for item in body.input if item.name not in outer}
    goes_on = helper.make_tensor_value_info("step.condition", TensorProto.BOOL, [])
    inner = helper.make_graph(
        list(body.node),
        "step",
        [given["step.step"], goes_on, *(given[f"step.{name}"] for name in _STATE)],
        list(body.output),
    )
    first = [f"front.{name}" for name in _STATE]
    first[_STATE.index("steps")] = "front.limits"
    after = [f"loop.{name}" for name in (*_STATE, "frames", "alignment")]
    return helper.make_node("Loop", ["front.most", "loop.goes_on", *first], after, body=inner)


def _trace_front(model: Tacotron2, opset: int | None) -> Any:
    outputs = ["memory", "keys", "lengths", "limits", "most", *(name for name in _STATE if name != "steps")]
    axes: dict[str, Mapping[int, str]] = {
        "phonemes": {0: "batch", 1: "phonemes"},
        "speaker": {0: "speaker_batch"},
    }
    axes |= {name: {0: "batch"} for name in outputs if name != "most"}
    axes |= {name: {0: "batch", 1: "phonemes"} for name in ("memory", "keys", "cumulative")}
    example = (torch.tensor([[1, 29, 48, 24, 0], [1, 29, 16, 48, 7]]), torch.zeros(2, dtype=torch.long))
    return _prefixed(_Front(model), example, ["phonemes", "speaker"], outputs, axes, opset, "front.")


def _trace_step(model: Tacotron2, opset: int | None) -> Any:
    with torch.no_grad():
        values = _Front(model).eval()(
            torch.tensor([[1, 29, 48, 24, 0], [1, 29, 16, 48, 7]]), torch.tensor([0, 0])
        )
    memory, keys, lengths, limits, _, *state = values
    state.insert(_STATE.index("steps"), limits)
    inputs = ["step", "memory", "keys", "lengths", "limits", *_STATE]
    outputs = ["goes_on", *(f"next_{name}" for name in _STATE), "mel", "weights"]
    axes = {name: {0: "batch"} for name in (*inputs[1:], *outputs[1:])}
    wide = ("memory", "keys", "cumulative", "next_cumulative", "weights")
    axes |= {name: {0: "batch", 1: "phonemes"} for name in wide}
    example = (torch.tensor(3), memory, keys, lengths, limits, *state)
    return _prefixed(_Step(model), example, inputs, outputs, axes, opset, "step.")


def _trace_back(model: Tacotron2, opset: int | None) -> Any:
    axes: dict[str, Mapping[int, str]] = {
        "frames": {0: "steps", 1: "batch"},
        "alignment": {0: "steps", 1: "batch", 2: "phonemes"},
        "steps": {0: "batch"},
        "mel_output": {0: "batch", 2: "frames"},
        "durations": {0: "batch", 1: "phonemes"},
        "mel_lengths": {0: "batch"},
    }
    width = model.n_mels * model.frames_per_step
    example = (torch.zeros(4, 2, width), torch.rand(4, 2, 5), torch.tensor([3, 4]))
    return _prefixed(
        _Back(model), example, ["frames", "alignment", "steps"], list(OUTPUTS), axes, opset, "back."
    )


def _prefixed(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    axes: Mapping[str, Mapping[int, str]],
    opset: int | None,
    prefix: str,
) -> Any:
    model = trace_module(module, example, inputs, outputs, axes, fold=True, opset=opset)
    add_prefix(model.graph, prefix)
    return model
