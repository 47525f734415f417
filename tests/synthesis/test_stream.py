"""Streams: their chunks are the whole, whatever the text, the settings, the engine and the places of the cuts."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.audio.loudness import KNEE, soft_limit
from kalakan.errors import AudioError, SynthesisError, TextError
from kalakan.synthesis.delivery import Chunk
from kalakan.synthesis.engines.acoustics import Acoustics
from kalakan.synthesis.engines.onnx_models import OnnxAcousticStage
from kalakan.synthesis.stream import chunk_samples, resized
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.synthesis.windows import MelWindows, window
from kalakan.voices.package import load_voice

WORDS = [
    "me",
    "ne",
    "wo",
    "bɛkɔ",
    "fie",
    "Akwaaba!",
    "sɛn?",
    "25",
    "Kumasi,",
    "dɛn;",
    "yoo.",
    "😀",
    "ábà",
    "\n",
]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=25).map(" ".join)
QUIET = settings(
    max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module", params=["onnx", "torch"])
def synthesizer(request: pytest.FixtureRequest, streaming_voice: Path) -> Synthesizer:
    return Synthesizer(streaming_voice, engine=request.param)


def joined(chunks: Any) -> np.ndarray:
    return np.concatenate([np.asarray(chunk) for chunk in chunks])


@QUIET
@given(
    text=TEXTS,
    chunk_ms=st.one_of(st.none(), st.floats(1.0, 3000.0)),
    speed=st.floats(0.5, 2.0),
    pitch=st.floats(-12.0, 12.0),
    sentence_pause=st.sampled_from([0.0, 0.013, 0.4]),
    seed=st.integers(0, 2**32 - 1),
)
def test_joined_stream_equals_the_whole(
    synthesizer: Synthesizer, text: str, chunk_ms: float | None, **controls: Any
) -> None:
    try:
        whole = np.asarray(synthesizer.synthesize(text, **controls))
    except TextError:
        with pytest.raises(TextError):
            list(synthesizer.stream(text, chunk_ms=chunk_ms, **controls))
        return
    chunks = [np.asarray(chunk) for chunk in synthesizer.stream(text, chunk_ms=chunk_ms, **controls)]
    assert all(len(chunk) for chunk in chunks)
    if chunk_ms is not None:
        size = chunk_samples(chunk_ms, synthesizer.sample_rate)
        assert {len(chunk) for chunk in chunks[:-1]} <= {size}
        assert len(chunks[-1]) <= size
    np.testing.assert_allclose(joined(chunks), whole, atol=1e-4)


@QUIET
@given(text=TEXTS.filter(lambda text: "Akwaaba" in text), data=st.data())
def test_windows_of_any_size_equal_the_whole(
    synthesizer: Synthesizer, text: str, data: st.DataObject
) -> None:
    stages, engine = synthesizer.stages, synthesizer._engine
    (found,) = stages.acoustic.predict(stages.batch([next(stages.text.phrases(text))]))
    cuts = sorted(
        data.draw(st.sets(st.integers(1, max(1, found.frames - 1)), max_size=6)) | {0, found.frames}
    )
    mel = MelWindows(stages.acoustic, found)
    pieces = [window(engine, found, mel, place, 5) for place in itertools.pairwise(cuts)]
    np.testing.assert_allclose(np.concatenate(pieces), engine.whole(found, 5), atol=1e-4)


def test_the_first_chunk_is_short_and_the_others_grow(synthesizer: Synthesizer) -> None:
    text = "me ne wo bɛkɔ fie na yɛakɔ sukuu na yɛaba bio"
    sizes = [len(chunk) for chunk in synthesizer.stream(text)]
    assert sizes[0] == pytest.approx(0.2 * synthesizer.sample_rate, abs=64)
    assert len(sizes) >= 2
    assert sizes[1] > sizes[0]


def test_later_sentences_come_whole(synthesizer: Synthesizer) -> None:
    text = "Akwaaba! " * 10
    whole = [len(piece) for piece in synthesizer.stream(text, by_sentence=True)]
    sizes = [len(chunk) for chunk in synthesizer.stream(text)]
    assert sizes[-8:] == whole[-8:]


def test_the_decoder_is_asked_for_no_more_than_the_first_chunk_needs(streaming_voice: Path) -> None:
    synthesizer = Synthesizer(streaming_voice)
    model, asked = synthesizer.acoustic_model, []

    class Counting:
        context_frames = model.context_frames
        predict_frames = staticmethod(model.predict_frames)

        @staticmethod
        def decode_frames(frames: np.ndarray) -> np.ndarray:
            asked.append(frames.shape[1])
            return model.decode_frames(frames)

    synthesizer.acoustic_model = Counting()
    stream = synthesizer.stream("me ne wo bɛkɔ fie na yɛakɔ sukuu na yɛaba bio " * 4)
    first = next(stream)
    context = model.context_frames + synthesizer.vocoder.context_frames
    assert asked == [len(first) // 64 + context]
    list(stream)
    assert len(asked) > 1


def test_voices_without_windows_stream_by_sentence(tiny_voice: Path, synthesizer: Synthesizer) -> None:
    text = "Akwaaba! Wo ho te sɛn? Me ho yɛ."
    griffin_lim = Synthesizer(tiny_voice, engine=synthesizer.engine)
    assert griffin_lim.vocoder.context_frames is None
    chunks = list(griffin_lim.stream(text))
    assert len(chunks) == 3
    np.testing.assert_allclose(joined(chunks), np.asarray(griffin_lim.synthesize(text)), atol=1e-4)


def test_a_voice_without_parts_streams_from_its_whole_mel(streaming_voice: Path) -> None:
    parts = Synthesizer(streaming_voice)
    bare = Synthesizer(streaming_voice, acoustic_model=None)
    bare.acoustic_model = Synthesizer(acoustic_model=streaming_voice / "acoustic.onnx").acoustic_model
    text = "me ne wo bɛkɔ fie na yɛakɔ sukuu"
    assert bare.acoustic_model.context_frames is None
    chunks = list(bare.stream(text))
    assert len(chunks) > 1
    np.testing.assert_allclose(joined(chunks), parts.synthesize(text), atol=1e-4)


@pytest.mark.torch
def test_both_engines_stream_the_same_sound(streaming_voice: Path) -> None:
    text = "me ne wo bɛkɔ fie, na yɛakɔ."
    onnx, torch = (
        joined(Synthesizer(streaming_voice, engine=name).stream(text, seed=9)) for name in ("onnx", "torch")
    )
    np.testing.assert_allclose(onnx, torch, atol=2e-3)


def test_seed_chooses_the_samples(synthesizer: Synthesizer, tiny_voice: Path) -> None:
    for voice in (synthesizer, Synthesizer(tiny_voice, engine=synthesizer.engine)):
        one, again, other = (np.asarray(voice.synthesize("Yoo", seed=seed)) for seed in (1, 1, 2))
        assert np.array_equal(one, again)
        assert not np.array_equal(one, other)
        assert np.array_equal(
            np.asarray(voice.synthesize("Yoo")), np.asarray(voice.synthesize("Yoo", seed=0))
        )


@pytest.mark.gpu
def test_streams_on_a_gpu_equal_the_whole(streaming_voice: Path) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    synthesizer = Synthesizer(streaming_voice, device="cuda:0")
    text = "me ne wo bɛkɔ fie, na yɛakɔ sukuu. Yoo."
    chunks = list(synthesizer.stream(text))
    assert len(chunks) > 2
    np.testing.assert_allclose(joined(chunks), np.asarray(synthesizer.synthesize(text)), atol=1e-4)


@pytest.mark.parametrize("chunk_ms", [0, -5, float("nan"), float("inf"), "20", True])
def test_chunk_lengths_that_are_none(synthesizer: Synthesizer, chunk_ms: Any) -> None:
    with pytest.raises(SynthesisError, match="chunk_ms is"):
        synthesizer.stream("Yoo", chunk_ms=chunk_ms)


def test_memory_stays_flat_while_streaming(quick_voice: Path) -> None:
    synthesizer = Synthesizer(quick_voice)

    def peak(sentences: int) -> int:
        stream = synthesizer.stream("Wo ho te sɛn? " * sentences)
        next(stream)
        tracemalloc.start()
        for _ in stream:
            pass
        _, high = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return high

    peak(3)
    assert peak(400) < peak(40) + 200_000


def test_a_stream_can_be_closed(synthesizer: Synthesizer) -> None:
    with synthesizer.stream("Akwaaba! " * 20) as stream:
        first = next(stream)
    assert len(first) > 0
    assert list(stream) == []
    other = synthesizer.stream("Akwaaba! " * 20)
    next(other)
    other.close()
    assert list(other.chunks()) == []


def test_chunks_of_pieces() -> None:
    numbers = np.arange(23, dtype=np.float32)
    pieces = [Chunk(numbers[start:end]) for start, end in ((0, 1), (1, 1), (1, 14), (14, 23))]
    found = [chunk.audio for chunk in resized(iter(pieces), 5, lambda samples: samples)]
    assert [len(chunk) for chunk in found] == [5, 5, 5, 5, 3]
    assert np.array_equal(np.concatenate(found), numbers)


@given(
    st.integers(1, 90),
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), max_size=9),
)
def test_a_decoded_mel_is_the_whole_mel(size: int, context: int, places: list[tuple[int, int]]) -> None:
    frames = np.random.default_rng(size).normal(size=(1, size, 1)).astype(np.float32)
    kernel = np.arange(1.0, 2 * context + 2, dtype=np.float32)

    def decode(part: np.ndarray) -> np.ndarray:
        return np.convolve(part[0, :, 0], kernel, "full")[None, None, context : context + part.shape[1]]

    class Model:
        context_frames = context
        decode_frames = staticmethod(decode)

        def predict_frames(self, *arguments: Any, **controls: Any) -> Any:
            raise NotImplementedError

    stage = OnnxAcousticStage(Model())
    whole = MelWindows(stage, Acoustics(size, decode(frames), None, None, None))
    mel = MelWindows(stage, Acoustics(size, None, frames, None, None))
    start = 0
    for one, other in places:
        first, last = sorted((min(one, size), min(other, size)))
        start = max(start, first)
        last = max(start + 1, last)
        if last > size:
            break
        np.testing.assert_allclose(mel.window(start, last), whole.window(start, last), rtol=1e-4, atol=1e-3)


class TestSoftLimit:
    def test_quiet_samples_keep_their_bits(self) -> None:
        audio = np.linspace(-KNEE, KNEE, 1001, dtype=np.float32)
        assert soft_limit(audio) is audio

    def test_loud_ones_stay_within_full_scale_and_in_order(self) -> None:
        audio = np.linspace(-30, 30, 10_001, dtype=np.float32)
        limited = soft_limit(audio)
        assert np.abs(limited).max() <= 1.0
        assert (np.diff(limited) >= 0).all()
        np.testing.assert_array_equal(limited, -soft_limit(-audio))
        quiet = np.abs(audio) <= np.float32(KNEE)
        np.testing.assert_array_equal(limited[quiet], audio[quiet])
        assert np.abs(np.diff(limited)).max() <= np.diff(audio).max() * 1.001, "no step at the knee"

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_broken_samples_are_refused(self, bad: float) -> None:
        with pytest.raises(AudioError, match="not finite"):
            soft_limit(np.array([0.0, bad], np.float32))


def test_broken_weights_are_named(synthesizer: Synthesizer, streaming_voice: Path) -> None:
    broken = Synthesizer(streaming_voice, engine=synthesizer.engine)
    render: Callable[..., Any] = broken.vocoder.render

    class Broken:
        takes_f0 = True
        context_frames = broken.vocoder.context_frames
        hop_length, sample_rate = broken.vocoder.hop_length, broken.vocoder.sample_rate
        parameters, buffers = (lambda self: iter(()),) * 2

        def render(self, *arguments: Any) -> Any:
            return render(*arguments) * np.float32("nan")

    broken.vocoder = Broken()
    with pytest.raises(SynthesisError, match="not finite; its weights are broken"):
        broken.synthesize("Yoo")


def test_the_streaming_voice_has_both_parts(streaming_voice: Path) -> None:
    voice = load_voice(streaming_voice)
    assert voice.has("acoustic_encoder.onnx")
    assert voice.has("acoustic_decoder.onnx")
