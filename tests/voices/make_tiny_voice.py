"""Writes the two voices in this folder, `tiny` and `quick`: graphs made by hand, without torch and without training.

    python tests/voices/make_tiny_voice.py

Their sound means nothing; what they do is what a trained voice does: durations and F0 of each phoneme, speakers, speed
and pitch, frames that need their neighbors, padding that changes nothing. `tiny` (8 kHz) has a source-filter vocoder
and streams window by window; `quick` (2 kHz) takes one frame a phoneme and Griffin-Lim, for long texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

import kalakan._rust as _rust
from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig, FastSpeech2Config, HarmonicNoiseConfig
from kalakan.text.phonemes import CLASSES, SOUND_CLASSES, SYMBOLS, TABLE_HASH, TABLE_SIZE, TONE_IDS
from kalakan.voices.files import ACOUSTIC, DECODER, ENCODER, FILTERS
from kalakan.voices.manifest import ModelRecord, VoiceManifest
from kalakan.voices.package import save_voice

HERE = Path(__file__).parent
OPSET, IR_VERSION = 15, 8
"""Old enough for every onnxruntime that Kalakan takes."""
SPEAKERS = ("akosua", "kwame")
WAVES, WIDTH = 4, 6
"""Channels of a frame: waves of the phoneme's id, its loudness and its pitch."""
SILENT, PAUSE, UNVOICED, VOICED = range(4)
"""Kinds of phonemes; a silent one, which is padding or a tone, lasts no frame."""
UNVOICED_SOUNDS = frozenset({"p", "t", "ts", "k", "kʷ", "tɕ", "tɕɥ", "f", "s", "h", "hʷ", "ɕ", "ɕɥ"})
FLOOR = float(np.log(np.float32(1e-5)))
"""Log-mel of silence."""

LICENSE = """This voice holds no recordings and nothing that was trained: its numbers are written down in
make_tiny_voice.py. It is licensed as Kalakan is, under the Apache License 2.0: see the LICENSE of Kalakan.
"""
CARD = """# {name}

A voice for Kalakan's tests, made by hand: its sound is a buzz that no one understands. Speakers: akosua, kwame.
`make_tiny_voice.py` writes it.
"""


class Graph:
    """Nodes of an ONNX graph, added one at a time; a method returns the name of what its node puts out."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def add(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: ArrayLike, kind: str = "float32") -> str:
        """A constant; equal ones are kept once."""
        array = np.asarray(values, kind)
        key = f"{array.dtype.char}{array.shape}{array.tobytes().hex()}"
        tensor = self.constants.setdefault(key, numpy_helper.from_array(array, f"c{len(self.constants)}"))
        return str(tensor.name)

    def axis(self, place: int) -> str:
        return self.constant([place], "int64")

    def model(
        self, inputs: Sequence[Any], defaults: Sequence[Any], outputs: Sequence[Any], **metadata: str
    ) -> bytes:
        """The file's bytes; `defaults` are tensors of inputs that may be left out."""
        tensors = [*self.constants.values(), *defaults]
        graph = helper.make_graph(self.nodes, "tiny", list(inputs), list(outputs), tensors)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="kalakan")
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))


def value(name: str, kind: int, *shape: str | int) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


ACOUSTIC_INPUTS = (
    value("phonemes", TensorProto.INT64, "batch", "phonemes"),
    value("speaker", TensorProto.INT64, "speaker_batch"),
    value("speed", TensorProto.FLOAT, "speed_batch", "speed_width"),
    value("pitch", TensorProto.FLOAT, "pitch_batch", "pitch_width"),
    value("pitch_range", TensorProto.FLOAT, "pitch_range_batch", "pitch_range_width"),
)
ACOUSTIC_DEFAULTS = (
    numpy_helper.from_array(np.zeros(1, np.int64), "speaker"),
    numpy_helper.from_array(np.ones((1, 1), np.float32), "speed"),
    numpy_helper.from_array(np.zeros((1, 1), np.float32), "pitch"),
    numpy_helper.from_array(np.ones((1, 1), np.float32), "pitch_range"),
)
ACOUSTIC_OUTPUTS = (
    value("durations", TensorProto.INT64, "batch", "phonemes"),
    value("mel_lengths", TensorProto.INT64, "batch"),
    value("pitch_output", TensorProto.FLOAT, "batch", "frames"),
)


def kinds() -> list[int]:
    """Kind of each row of the phoneme table."""
    found = []
    for row in range(TABLE_SIZE):
        if row == 0 or row in TONE_IDS:
            found.append(SILENT)
        elif CLASSES[row] not in SOUND_CLASSES:
            found.append(PAUSE)
        else:
            found.append(UNVOICED if SYMBOLS[row] in UNVOICED_SOUNDS else VOICED)
    return found


def steps(*shape: int) -> np.ndarray:
    """Weights that look random and are the same on every machine: whole 64ths in [-1, 1]."""
    places = np.arange(int(np.prod(shape)), dtype=np.int64) + 1
    return ((places * 7919 % 127 - 63) / 64).reshape(shape).astype(np.float32)


def add_encoder(graph: Graph, frames_of: Sequence[float]) -> tuple[str, str]:
    """Phonemes to frames [B, T, WIDTH] and their mask [B, T, 1]; `frames_of` each kind of phoneme."""
    table = graph.constant(kinds(), "uint8")
    kind = graph.add("Cast", graph.add("Gather", table, "phonemes"), to=TensorProto.INT32)

    def of_kind(values: ArrayLike) -> str:
        """[B, N]"""
        return graph.add("Gather", graph.constant(values), kind)

    # Durations: the ends are rounded, so that the sum keeps the tempo, and each sound lasts a frame or more.
    wanted = graph.add("Div", of_kind(frames_of), "speed")
    ends = graph.add("CumSum", wanted, graph.constant(1, "int64"))
    ends = graph.add("Floor", graph.add("Add", ends, graph.constant(0.5)))
    shifted = graph.add("Pad", ends, graph.constant([0, 1, 0, -1], "int64"))
    lasting = graph.add("Max", graph.add("Sub", ends, shifted), graph.constant(1))
    lasting = graph.add("Mul", lasting, of_kind([0, 1, 1, 1]))
    durations = graph.add("Cast", lasting, output="durations", to=TensorProto.INT64)
    lengths = graph.add("ReduceSum", durations, graph.axis(1), output="mel_lengths", keepdims=0)

    # What is known of each phoneme [B, N, WIDTH]: waves of its id and its neighbors', loudness, pitch.
    ids = graph.add("Cast", "phonemes", to=TensorProto.FLOAT)
    column = graph.add("Unsqueeze", ids, graph.axis(2))
    waves = graph.add("Sin", graph.add("Mul", column, graph.constant([0.5, 1.0, 1.75, 2.5])))
    waves = graph.add("Transpose", waves, perm=[0, 2, 1])
    blur = graph.constant(np.tile(np.float32([0.25, 1.0, 0.5]), (WAVES, 1, 1)))
    waves = graph.add("Conv", waves, blur, group=WAVES, kernel_shape=[3], pads=[1, 1])
    waves = graph.add("Transpose", waves, perm=[0, 2, 1])
    timbre = graph.add("Gather", graph.constant([[0, 0, 0, 0], [0.5, -0.5, 1, 0.25]]), "speaker")
    waves = graph.add("Add", waves, graph.add("Unsqueeze", timbre, graph.axis(1)))
    loudness = graph.add("Unsqueeze", of_kind([0, 0, 1, 2]), graph.axis(2))
    octaves = graph.add("Mul", "pitch", graph.constant(1 / 12))
    melody = graph.add("Mul", graph.add("Sin", ids), graph.constant(0.125))
    octaves = graph.add("Add", octaves, graph.add("Mul", melody, "pitch_range"))
    register = graph.add("Gather", graph.constant([0.5, -0.25]), "speaker")
    octaves = graph.add("Add", octaves, graph.add("Unsqueeze", register, graph.axis(1)))
    hertz = graph.add("Mul", graph.add("Pow", graph.constant(2), octaves), graph.constant(150))
    is_voiced = of_kind([0, 0, 0, 1])
    hertz = graph.add("Mul", hertz, is_voiced)
    octaves = graph.add("Unsqueeze", graph.add("Mul", octaves, is_voiced), graph.axis(2))
    known = graph.add("Concat", waves, loudness, octaves, axis=2)

    # The phoneme of each frame [B, T]: as many as end before it.
    longest = graph.add("ReduceMax", lengths, keepdims=0)
    places = graph.add("Range", graph.constant(0, "int64"), longest, graph.constant(1, "int64"))
    places = graph.add("Unsqueeze", places, graph.constant([0, 2], "int64"))
    whole_ends = graph.add("CumSum", durations, graph.constant(1, "int64"))
    over = graph.add("LessOrEqual", graph.add("Unsqueeze", whole_ends, graph.axis(1)), places)
    owner = graph.add("ReduceSum", graph.add("Cast", over, to=TensorProto.INT32), graph.axis(2), keepdims=0)
    owner = graph.add("Cast", owner, to=TensorProto.INT64)
    size = graph.add("Gather", graph.add("Shape", "phonemes"), graph.constant(1, "int64"))
    inside = graph.add("Less", owner, size)  # false past the end of a shorter sentence of the batch
    owner = graph.add("Min", owner, graph.add("Sub", size, graph.constant(1, "int64")))
    mask = graph.add("Cast", inside, to=TensorProto.FLOAT)
    spread = graph.add("GatherElements", hertz, owner, axis=1)
    graph.add("Mul", spread, mask, output="pitch_output")
    mask = graph.add("Unsqueeze", mask, graph.axis(2))
    index = graph.add("Unsqueeze", owner, graph.axis(2))
    frames = graph.add("Mul", graph.add("GatherND", known, index, batch_dims=1), mask, output="frames")
    return frames, mask


def add_decoder(graph: Graph, frames: str, n_mels: int, output: str) -> str:
    """Frames [B, T, WIDTH] to log-mel [B, M, T], of which each frame reads its two neighbors."""
    x = graph.add("Transpose", frames, perm=[0, 2, 1])
    blur = graph.constant(np.tile(np.float32([0.25, 0.5, 0.25]), (WIDTH, 1, 1)))
    x = graph.add("Conv", x, blur, group=WIDTH, kernel_shape=[3], pads=[1, 1])
    weights = steps(n_mels, WIDTH, 1)
    weights[:, WAVES] = 1.5  # louder in all bands
    bias = graph.constant(np.full(n_mels, -7.0))
    return graph.add("Conv", x, graph.constant(weights), bias, kernel_shape=[1], output=output)


def acoustic_files(n_mels: int, frames_of: Sequence[float], with_parts: bool) -> dict[str, bytes]:
    """The acoustic model in one graph and, `with_parts`, in two."""
    mel = value("mel_output", TensorProto.FLOAT, "batch", n_mels, "frames")
    hidden = value("frames", TensorProto.FLOAT, "batch", "frames", WIDTH)
    whole = Graph()
    frames, mask = add_encoder(whole, frames_of)
    decoded = add_decoder(whole, frames, n_mels, "decoded")
    whole.add("Mul", decoded, whole.add("Transpose", mask, perm=[0, 2, 1]), output="mel_output")
    files = {ACOUSTIC: whole.model(ACOUSTIC_INPUTS, ACOUSTIC_DEFAULTS, (mel, *ACOUSTIC_OUTPUTS))}
    if with_parts:
        encoder, decoder = Graph(), Graph()
        add_encoder(encoder, frames_of)
        files[ENCODER] = encoder.model(ACOUSTIC_INPUTS, ACOUSTIC_DEFAULTS, (hidden, *ACOUSTIC_OUTPUTS))
        add_decoder(decoder, "frames", n_mels, "mel_output")
        files[DECODER] = decoder.model([hidden], (), [mel], context_frames="1")
    return files


def band_of_bin(audio: AudioConfig, bins: int) -> list[int]:
    """The mel band that is nearest to each bin of a filter, on the scale of Slaney's filter bank or near it."""
    centers = np.linspace(0.0, 1.0, audio.n_mels)
    places = np.linspace(0.0, 1.0, bins) ** 0.75
    return [int(np.abs(centers - place).argmin()) for place in places]


def filters_file(audio: AudioConfig, config: HarmonicNoiseConfig) -> bytes:
    """Log-mel and F0 to the filters of `kalakan.audio.harmonic_noise`: what the mel says of each bin."""
    graph = Graph()
    above = graph.add("Sub", "mel_input", graph.constant(FLOOR))
    image = graph.add("Unsqueeze", above, graph.axis(1))
    blur = graph.constant(np.float32([0.25, 0.5, 0.25]).reshape(1, 1, 1, 3))
    for _ in range(config.layers + 1):
        image = graph.add("Conv", image, blur, kernel_shape=[1, 3], pads=[0, 1, 0, 1])
    smooth = graph.add("Squeeze", image, graph.axis(1))
    loudness = graph.add("ReduceMean", smooth, axes=[1], keepdims=0)  # [B, T]
    is_loud = graph.add("Greater", loudness, graph.constant(6.0))
    heard = graph.add("Where", is_loud, graph.constant(160.0), graph.constant(0.0))
    is_asked = graph.add("Less", "f0", graph.constant(0.0))
    f0 = graph.add("Where", is_asked, heard, "f0", output="f0_output")
    bands = graph.constant(band_of_bin(audio, config.n_fft // 2 + 1), "int32")
    gain = graph.add("Gather", graph.add("Add", smooth, graph.constant(FLOOR)), bands, axis=1)  # [B, F, T]
    voiced = graph.add("Cast", graph.add("Greater", f0, graph.constant(0.0)), to=TensorProto.FLOAT)
    voiced = graph.add("Unsqueeze", voiced, graph.axis(1))
    pulses = graph.add("Add", gain, graph.constant(0.75))
    phase = graph.add("Mul", gain, graph.constant(0.0))
    noise = graph.add("Sub", gain, graph.add("Mul", voiced, graph.constant(2.5)))
    filters = graph.add("Concat", *(pulses, phase, noise) * config.subframes, axis=1)
    graph.add("Transpose", filters, perm=[0, 2, 1], output="filters")
    sizes = config.subframes * 3 * (config.n_fft // 2 + 1)
    return graph.model(
        [
            value("mel_input", TensorProto.FLOAT, "batch", audio.n_mels, "frames"),
            value("f0", TensorProto.FLOAT, "f0_batch", "f0_frames"),
        ],
        [numpy_helper.from_array(np.full((1, 1), -1.0, np.float32), "f0")],
        [
            value("filters", TensorProto.FLOAT, "batch", "frames", sizes),
            value("f0_output", TensorProto.FLOAT, "batch", "frames"),
        ],
    )


def write_voice(
    folder: Path,
    audio: AudioConfig,
    vocoder: ModelRecord,
    acoustic: FastSpeech2Config,
    files: dict[str, bytes],
) -> None:
    """Writes one of the two voices; what names its license and its phonemes is the same in both."""
    manifest = VoiceManifest(
        name=folder.name,
        version="1",
        speakers=SPEAKERS,
        audio=audio,
        acoustic=ModelRecord("fastspeech2_small", to_dict(acoustic)),
        vocoder=vocoder,
        phoneme_table=TABLE_HASH,
        license="Apache-2.0",
    )
    texts = {
        "LICENSE": LICENSE,
        "MODEL_CARD.md": CARD.format(name=folder.name),
        "phonemes.tsv": _rust.phoneme_table_text(),
    }
    save_voice(folder, manifest, files | {name: text.encode() for name, text in texts.items()})


def make(folder: Path) -> None:
    """Writes `tiny` and `quick` into a folder."""
    audio = AudioConfig(
        sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0
    )
    config = HarmonicNoiseConfig(width=16, layers=1, inner=16, kernel=3, n_fft=128, f0_width=8)
    files = acoustic_files(audio.n_mels, [0.0, 8.0, 10.0, 11.5], with_parts=True)
    files[FILTERS] = filters_file(audio, config)
    record = ModelRecord("harmonic_noise", to_dict(config))
    write_voice(folder / "tiny", audio, record, sizes_of(audio), files)
    audio = AudioConfig(sample_rate=2000, n_fft=64, win_length=64, hop_length=16, n_mels=4, mel_fmax=1000.0)
    files = acoustic_files(audio.n_mels, [0.0, 1.0, 1.0, 1.0], with_parts=False)
    write_voice(folder / "quick", audio, ModelRecord("griffin_lim"), sizes_of(audio), files)


def sizes_of(audio: AudioConfig) -> FastSpeech2Config:
    """Settings that stand in the manifest for those of the model type that the graphs take the place of."""
    return FastSpeech2Config(
        speakers=SPEAKERS, n_mels=audio.n_mels, encoder_width=16, decoder_block="convnext", decoder_kernel=3
    )


if __name__ == "__main__":
    make(HERE)
