"""The Synthesizer on both engines, with a voice of random weights."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from kalakan.audio.loudness import soft_limit
from kalakan.errors import ConfigError, MarkupWarning, SynthesisError, TextError, VoiceError
from kalakan.synthesis.engines.acoustics import AcousticBatch, Acoustics
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import Phrase
from kalakan.synthesis.synthesizer import Synthesizer

TEXTS = ["Akwaaba!", "Wo ho te sɛn? Me ho yɛ.", "Me din de Kofi, na mefiri Kumasi.", "Aane.", "Da yie"]


@pytest.fixture(scope="module", params=["onnx", "torch"])
def synthesizer(request: pytest.FixtureRequest, tiny_voice: Path) -> Synthesizer:
    return Synthesizer(tiny_voice, engine=request.param)


def array(audio: object) -> np.ndarray:
    return np.asarray(audio)


def test_audio_is_one_dimensional_float32_in_range(synthesizer: Synthesizer) -> None:
    audio = array(synthesizer.synthesize("Akwaaba! Wo ho te sɛn?"))
    assert audio.ndim == 1
    assert audio.dtype == np.float32
    assert len(audio) > 0.2 * synthesizer.sample_rate
    assert 0 < np.abs(audio).max() <= 1.0


def test_kind_of_array_follows_the_engine(synthesizer: Synthesizer) -> None:
    audio = synthesizer.synthesize("Akwaaba")
    assert isinstance(audio, np.ndarray) == (synthesizer.engine == "onnx")
    assert hasattr(audio, "detach") == (synthesizer.engine == "torch")


def test_same_text_same_samples(synthesizer: Synthesizer) -> None:
    one, two = (array(synthesizer.synthesize(TEXTS[1])) for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("batch_size", [None, 1, 2, 64])
def test_batch_equals_singles_in_order(synthesizer: Synthesizer, batch_size: int | None) -> None:
    found = synthesizer.synthesize_batch(TEXTS, batch_size)
    assert len(found) == len(TEXTS)
    for audio, text in zip(found, TEXTS, strict=True):
        np.testing.assert_allclose(array(audio), array(synthesizer.synthesize(text)), atol=1e-4)


def test_padded_batch_has_the_mel_of_each_sentence_alone(synthesizer: Synthesizer) -> None:
    options = SpeakOptions(speaker="kwame", speed=1.2)
    phrases = [phrase for text in TEXTS for phrase in synthesizer.stages.text.phrases(text)]

    def generated(batch: list[Phrase]) -> list[np.ndarray]:
        stages = synthesizer.stages
        found = []
        for item in stages.acoustic.predict(stages.batch(batch, options)):
            mel = stages.acoustic.decode(item.hidden) if item.mel is None else item.mel
            found.append(stages.vocoder.generate(mel, item, 0, 0))
        return found

    for audio, phrase in zip(generated(phrases), phrases, strict=True):
        (alone,) = generated([phrase])
        assert len(audio) == len(alone)
        # Griffin-Lim lets the last bit of a mel grow: equal in the mean, not in every sample.
        assert np.sqrt(np.mean((array(audio) - array(alone)) ** 2)) < 1e-4


def test_empty_batch(synthesizer: Synthesizer) -> None:
    assert synthesizer.synthesize_batch([]) == []


def test_a_text_that_fails_costs_the_batch_no_other(synthesizer: Synthesizer) -> None:
    texts: list[Any] = ["Akwaaba", "😀", "", "Da yie.", None]
    found = synthesizer.synthesize_batch(texts, 2)
    for index in (0, 3):
        np.testing.assert_allclose(
            array(found[index]), array(synthesizer.synthesize(texts[index])), atol=1e-4
        )
    assert [type(found[index]) for index in (1, 2, 4)] == [TextError] * 3
    assert str(found[1]).startswith("text 1: '😀' holds nothing")
    assert str(found[4]) == "text 4: the text is a NoneType; it must be a string"
    assert isinstance(synthesizer.synthesize_batch(["😀"])[0], TextError)
    with pytest.raises(TextError, match="text 1: '😀' holds nothing"):
        synthesizer.synthesize_batch(texts, errors="raise")
    with pytest.raises(ConfigError, match="errors is 'drop'; it must be 'return' or 'raise'"):
        synthesizer.synthesize_batch(texts, errors="drop")  # type: ignore[arg-type]


def test_a_sentence_that_a_model_cannot_do_costs_the_batch_no_other(
    synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = synthesizer.stages.acoustic
    predict, bad = stage.predict, [len(phrase.ids) for phrase in synthesizer.stages.text.phrases(TEXTS[2])]

    def picky(batch: AcousticBatch) -> list[Acoustics]:
        if set(batch.lengths.tolist()) & set(bad):
            raise ValueError("a broken weight")
        return predict(batch)

    monkeypatch.setattr(stage, "predict", picky)
    found = synthesizer.synthesize_batch(TEXTS)
    assert [isinstance(audio, ValueError) for audio in found] == [False, False, True, False, False]
    with pytest.raises(ValueError, match="a broken weight"):
        synthesizer.synthesize_batch(TEXTS, errors="raise")


def test_a_batch_too_large_for_the_memory_is_halved(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesizer = Synthesizer(tiny_voice)
    stage, sizes = synthesizer.stages.acoustic, []
    predict = stage.predict

    def small(batch: AcousticBatch) -> list[Acoustics]:
        sizes.append(len(batch.ids))
        if len(batch.ids) > 2:
            raise MemoryError("too many at once")
        return predict(batch)

    monkeypatch.setattr(type(synthesizer.stages.engine), "runs_batches", True)
    monkeypatch.setattr(stage, "predict", small)
    found = synthesizer.synthesize_batch(TEXTS * 2, 8, errors="raise")
    assert sizes[:3] == [8, 4, 2] and set(sizes[2:]) == {2}
    assert len(found) == 10
    monkeypatch.setattr(stage, "predict", lambda batch: exec("raise MemoryError('none at all')"))
    assert [type(audio) for audio in synthesizer.synthesize_batch(TEXTS, 8)] == [MemoryError] * 5


def test_text_of_several_sentences_is_their_audio_in_a_row(synthesizer: Synthesizer) -> None:
    joined = array(synthesizer.synthesize("Akwaaba! Wo ho te sɛn?"))
    parts = [array(synthesizer.synthesize(text)) for text in ("Akwaaba!", "Wo ho te sɛn?")]
    np.testing.assert_allclose(joined, np.concatenate(parts), atol=1e-4)
    pieces = list(synthesizer.stream("Akwaaba! Wo ho te sɛn?", by_sentence=True))
    np.testing.assert_allclose(joined, np.concatenate([array(piece) for piece in pieces]), atol=1e-4)


def test_controls_act(synthesizer: Synthesizer) -> None:
    text = "Me din de Kofi, na mefiri Kumasi."
    usual = array(synthesizer.synthesize(text))
    quick = array(synthesizer.synthesize(text, speed=2.0))
    assert len(quick) < 0.7 * len(usual)
    for change in ({"pitch": 5.0}, {"pitch_range": 0.5}, {"energy": 2.0}, {"speaker": "kwame"}):
        assert not np.array_equal(array(synthesizer.synthesize(text, **change)), usual), change
    assert np.array_equal(array(synthesizer.synthesize(text, speaker="akosua")), usual)


@pytest.mark.parametrize("width", [0.0, 0.5, 1.7, 2.0])
def test_a_stream_has_the_pitch_range_of_the_whole(synthesizer: Synthesizer, width: float) -> None:
    text = "Me din de Kofi, na mefiri Kumasi. Wo ho te sɛn?"
    whole = array(synthesizer.synthesize(text, pitch_range=width))
    pieces = [array(piece) for piece in synthesizer.stream(text, pitch_range=width, chunk_ms=100)]
    assert len(pieces) > 2
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"speed": 0.49}, "speed is 0.49; it must lie between 0.5 and 2"),
        ({"speed": float("nan")}, "speed is nan"),
        ({"speed": "quick"}, "speed is 'quick'"),
        ({"pitch": 12.5}, "pitch is 12.5; it must lie between -12 and 12 semitones"),
        ({"pitch_range": -0.1}, "pitch_range is -0.1; it must lie between 0 and 2"),
        ({"pitch_range": 2.01}, "pitch_range is 2.01; it must lie between 0 and 2"),
        ({"energy": 0.0}, "energy is 0.0; it must lie between 0.25 and 4"),
        ({"energy": True}, "energy is True"),
        ({"sentence_pause": -1.0}, "sentence_pause is -1.0; it must lie between 0 and 60 seconds"),
        ({"seed": 2**32}, "seed is 4294967296; it must be a whole number between 0 and 4294967295"),
        ({"seed": True}, "seed is True"),
        ({"speaker": "ama"}, "speaker 'ama' is not in this voice; choose one of akosua, kwame"),
    ],
)
def test_values_out_of_range(synthesizer: Synthesizer, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        synthesizer.synthesize("Akwaaba", **arguments)
    with pytest.raises(SynthesisError, match=message):
        synthesizer.synthesize_batch(["Akwaaba"], **arguments)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_batch_size_out_of_range(synthesizer: Synthesizer, size: object) -> None:
    with pytest.raises(SynthesisError, match="batch_size is"):
        synthesizer.synthesize_batch(["Akwaaba"], size)


def test_numbers_of_numpy_are_numbers(synthesizer: Synthesizer) -> None:
    plain = synthesizer.synthesize("Yoo", speed=1.5, seed=3, energy=2)
    scalars = {"speed": np.float32(1.5), "seed": np.int64(3), "energy": np.int32(2)}
    np.testing.assert_array_equal(synthesizer.synthesize("Yoo", **scalars), plain)
    assert len(synthesizer.synthesize_batch(["Yoo"], np.int64(2))) == 1
    assert len(list(synthesizer.stream("Yoo", chunk_ms=np.float32(10)))) > 1


@pytest.mark.parametrize("texts", ["Yoo", b"Yoo", None, 3])
def test_a_batch_is_not_one_text(synthesizer: Synthesizer, texts: object) -> None:
    for speak in (synthesizer.synthesize_batch,):
        with pytest.raises(
            TextError, match=f"the texts are a {type(texts).__name__}; they must be a list of"
        ):
            speak(texts)


def test_a_speaker_of_markup_is_named_with_its_place(synthesizer: Synthesizer) -> None:
    document = "<speak>Yoo.\n<voice name='ama'>Yoo</voice></speak>"
    with pytest.raises(SynthesisError, match="line 2, column 19: speaker 'ama' is not in this voice"):
        synthesizer.synthesize(document, ssml=True, strict=True)
    with pytest.warns(MarkupWarning, match="column 19: speaker 'ama' .* the request's speaker reads it"):
        audio = synthesizer.synthesize(document, ssml=True, speaker="kwame")
    plain = document.replace(" name='ama'", " name='kwame'")
    assert np.array_equal(audio, synthesizer.synthesize(plain, ssml=True, speaker="kwame"))


def test_a_text_is_a_string(synthesizer: Synthesizer) -> None:
    with pytest.raises(TextError, match="it must be a string"):
        synthesizer.synthesize(b"Akwaaba")


def test_what_would_clip_is_softened_sample_by_sample(synthesizer: Synthesizer, tiny_voice: Path) -> None:
    loud = Synthesizer(tiny_voice, engine=synthesizer.engine)
    loud.acoustic_model = Louder(loud.acoustic_model, 4.0)
    text = "Akwaaba! Wo ho te sɛn?"
    stages = loud.stages
    free = np.concatenate(
        [
            np.asarray(stages.vocoder.waveform(item.mel, item.f0, 0, 0))
            for phrase in stages.text.phrases(text)
            for item in stages.acoustic.predict(stages.batch([phrase]))
        ]
    )
    assert np.abs(free).max() > 1.2, "the test needs a text that would clip"
    whole = array(loud.synthesize(text))
    np.testing.assert_array_equal(whole, soft_limit(free))
    assert np.abs(whole).max() <= 1.0
    quiet = array(synthesizer.synthesize(text))
    assert np.corrcoef(free, quiet)[0, 1] > 0.99, "turned down before the vocoder, not clipped by it"


class Louder:
    """An acoustic model whose mel is turned up."""

    def __init__(self, model: object, amount: float) -> None:
        self.model, self.amount = model, amount

    def inference(self, *arguments: object, **named: object) -> tuple[object, object]:
        mel, aux = self.model.inference(*arguments, **named)
        return mel + np.float32(self.amount), aux

    def parameters(self) -> object:
        return self.model.parameters()

    def buffers(self) -> object:
        return self.model.buffers()


@pytest.mark.torch
def test_engines_agree(tiny_voice: Path) -> None:
    onnx, torch = (Synthesizer(tiny_voice, engine=name) for name in ("onnx", "torch"))
    ids = np.array([next(onnx.stages.text.phrases(TEXTS[2])).ids])
    import torch as t

    mel, aux = onnx.acoustic_model.inference(ids)
    other, other_aux = torch.acoustic_model.inference(t.from_numpy(ids))
    np.testing.assert_allclose(mel, other.numpy(), atol=1e-4)
    for name in ("durations", "mel_lengths"):
        assert np.array_equal(aux[name], other_aux[name].numpy())
    np.testing.assert_allclose(aux["pitch"], other_aux["pitch"].numpy(), rtol=1e-4)
    one, two = onnx.synthesize(TEXTS[2]), torch.synthesize(TEXTS[2]).numpy()
    assert len(one) == len(two)
    # Two implementations of 32 iterations: their rounding errors part, the sound stays.
    assert np.sqrt(np.mean((one - two) ** 2)) < 0.05 * np.sqrt(np.mean(one**2))


def test_eight_threads_get_their_own_audio(synthesizer: Synthesizer) -> None:
    texts = [f"{TEXTS[index % len(TEXTS)]} {'Yoo. ' * (index + 1)}" for index in range(8)]
    expected = [array(synthesizer.synthesize(text)) for text in texts]
    found: dict[int, list[np.ndarray]] = {}

    def speak(index: int) -> None:
        found[index] = [array(synthesizer.synthesize(texts[index])) for _ in range(3)]

    threads = [threading.Thread(target=speak, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, audio in enumerate(expected):
        assert all(np.array_equal(one, audio) for one in found[index]), index


def test_save_audio_to_paths_and_file_objects(synthesizer: Synthesizer, tmp_path: Path) -> None:
    audio = synthesizer.synthesize("Akwaaba")
    synthesizer.save_audio(audio, tmp_path / "a.wav")
    buffer = io.BytesIO()
    synthesizer.save_audio(audio, buffer)
    assert buffer.getvalue() == (tmp_path / "a.wav").read_bytes()
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == synthesizer.sample_rate == synthesizer.vocoder.sample_rate
    np.testing.assert_allclose(samples, array(audio), atol=1 / 32000)


def test_default_speaker_and_lexicon(tiny_voice: Path) -> None:
    plain = Synthesizer(tiny_voice)
    kwame = Synthesizer(tiny_voice, speaker="kwame", lexicon={"kofi": "k o f i i i"})
    assert np.array_equal(kwame.synthesize("Yoo"), plain.synthesize("Yoo", speaker="kwame"))
    assert len(kwame.synthesize("kofi")) > len(plain.synthesize("kofi", speaker="kwame"))
    with pytest.raises(SynthesisError, match="akosua, kwame"):
        Synthesizer(tiny_voice, speaker="ama")


def test_long_text_has_bounded_pieces(tiny_voice: Path) -> None:
    short = Synthesizer(tiny_voice, config={"inference": {"max_characters": 20}})
    long = Synthesizer(tiny_voice)
    text = "me ne wo bɛkɔ fie na yɛakɔ sukuu"
    assert (
        len(list(short.stream(text, by_sentence=True))) > len(list(long.stream(text, by_sentence=True))) == 1
    )


class TestSettings:
    """Every setting of the section `inference` acts."""

    @pytest.mark.parametrize("engine", ["onnx", "torch"])
    def test_griffin_lim_iterations(self, tiny_voice: Path, engine: str) -> None:
        few, many = (
            Synthesizer(tiny_voice, engine=engine, config={"inference": {"griffin_lim_iterations": count}})
            for count in (1, 8)
        )
        assert not np.array_equal(array(few.synthesize("Yoo")), array(many.synthesize("Yoo")))

    def test_mixed_precision_is_for_torch(self, tiny_voice: Path) -> None:
        config = {"inference": {"mixed_precision": True}}
        with pytest.raises(ConfigError, match="mixed_precision is True and the onnx engine has none"):
            Synthesizer(tiny_voice, engine="onnx", config=config)

    @pytest.mark.torch
    def test_mixed_precision(self, tiny_voice: Path) -> None:
        config = {"inference": {"mixed_precision": True}}
        full, half = (Synthesizer(tiny_voice, engine="torch", config=item) for item in ({}, config))
        assert not np.array_equal(array(full.synthesize("Yoo")), array(half.synthesize("Yoo")))
        assert array(half.synthesize("Yoo")).dtype == np.float32

    def test_threads_and_batch_size(self, tiny_voice: Path) -> None:
        config = {"inference": {"threads": 2, "batch_size": 3}}
        synthesizer = Synthesizer(tiny_voice, config=config)
        assert synthesizer._batch_size == 3
        assert synthesizer.vocoder.threads == 2
        options = synthesizer.acoustic_model._session.get_session_options()
        assert options.intra_op_num_threads == 2
        assert np.array_equal(synthesizer.synthesize("Yoo"), Synthesizer(tiny_voice).synthesize("Yoo"))

    @pytest.mark.torch
    def test_threads_of_torch_only_where_they_are_given(self, tiny_voice: Path) -> None:
        import torch

        before = torch.get_num_threads()
        try:
            torch.set_num_threads(3)
            Synthesizer(tiny_voice, engine="torch")
            assert torch.get_num_threads() == 3
            Synthesizer(tiny_voice, engine="torch", config={"inference": {"threads": 2}})
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(before)

    def test_unknown_settings_and_engines(self, tiny_voice: Path) -> None:
        with pytest.raises(ConfigError, match=r"did you mean inference\.batch_size"):
            Synthesizer(tiny_voice, config={"inference": {"batchsize": 1}})
        with pytest.raises(ConfigError, match="engine is 'tf'; choose one of auto, onnx, torch"):
            Synthesizer(tiny_voice, engine="tf")
        with pytest.raises(ConfigError, match="audio settings belong to the voice"):
            Synthesizer(tiny_voice, config={"audio": {"n_mels": 40}})


def test_broken_voices(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="there is no such voice folder"):
        Synthesizer(tmp_path / "none")
    with pytest.raises(VoiceError, match=r"voice\.json"):
        Synthesizer(tmp_path)
