"""`SpeakOptions`: every control once, in the same way wherever it is given; what a synthesizer is known by."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any, get_type_hints

import click
import numpy as np
import pytest

from kalakan import SpeakOptions, Synthesizer
from kalakan.cli.synthesize import command
from kalakan.errors import MarkupError, MarkupWarning, SynthesisError
from kalakan.synthesis.options import CONTROLS, DEFAULTS, Changes, changed
from kalakan.text.twi_g2p import TwiG2P
from kalakan.voices.describe import describe
from kalakan.voices.package import load_voice

TEXT = "Me din de Kofi. Wo ho te sɛn?"
DOCUMENT = "# Ama\nMe din de Kofi.\n\nWo ho te sɛn?\n\n* * *\n\nYoo."
EXAMPLES: dict[str, Any] = {
    "speaker": "kwame",
    "speed": 1.3,
    "pitch": -2.0,
    "volume": -6.0,
    "energy": 0.5,
    "tones": "predicted",
    "pitch_range": 1.5,
    "sentence_pause": 0.2,
    "paragraph_pause": 0.1,
    "heading_pause": 0.2,
    "scene_pause": 0.3,
    "lead_in": 0.3,
    "seed": 7,
    "ssml": True,
    "strict": True,
}


def test_every_control_is_a_field_a_keyword_and_an_option() -> None:
    names = [item.name for item in fields(SpeakOptions)]
    assert sorted(Changes.__annotations__) == sorted(names) == sorted(EXAMPLES)
    assert get_type_hints(Changes) == get_type_hints(SpeakOptions)
    options = {item.name: item for item in command.params if isinstance(item, click.Option)}
    for name, control in CONTROLS.items():
        assert control.help in str(options[name].help)
    context = command.make_context("synthesize", ["Yoo"])
    assert {name: context.params[name] for name in CONTROLS} == DEFAULTS


def test_options_are_frozen_and_changed_by_copy() -> None:
    options = SpeakOptions(speed=0.9)
    with pytest.raises(FrozenInstanceError):
        options.speed = 2.0  # type: ignore[misc]
    assert changed(options, seed=3) == SpeakOptions(speed=0.9, seed=3)
    assert changed(None, **EXAMPLES) == SpeakOptions(**EXAMPLES)
    assert pickle.loads(pickle.dumps(options)) == options
    assert hash(options) == hash(SpeakOptions(speed=0.9))


def test_numpy_scalars_become_numbers() -> None:
    options = SpeakOptions(seed=np.int32(7), speed=np.float32(1.5), volume=np.int8(3))  # type: ignore[arg-type]
    assert options == SpeakOptions(seed=7, speed=1.5, volume=3.0)
    assert (type(options.seed), type(options.speed), type(options.volume)) == (int, float, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"volume": 12.5}, "volume is 12.5; it must lie between -20 and 12 dB"),
        ({"volume": float("nan")}, "volume is nan"),
        ({"tones": "flat"}, "tones is 'flat'; choose one of predicted, written"),
        ({"seed": 1.0}, "seed is 1.0; it must be a whole number"),
        ({"speaker": 3}, "speaker is 3; it must be the name of a speaker"),
        ({"ssml": "yes"}, "ssml is 'yes'; it must be True or False"),
    ],
)
def test_values_are_checked_when_the_value_is_built(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        SpeakOptions(**values)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in ("ssml", "strict")])
def test_options_and_keywords_are_the_same(tiny_voice: Path, name: str) -> None:
    synthesizer, given = Synthesizer(tiny_voice), {name: EXAMPLES[name]}
    expected = synthesizer.synthesize(DOCUMENT, **given)
    assert not np.array_equal(expected, synthesizer.synthesize(DOCUMENT)), "the control acts"
    options = SpeakOptions(**given)
    for audio in (
        synthesizer.synthesize(DOCUMENT, options),
        synthesizer.speak(DOCUMENT, options).audio,
        synthesizer.synthesize_batch([DOCUMENT], options=options)[0],
        np.concatenate(list(synthesizer.stream(DOCUMENT, options, by_sentence=True))),
    ):
        assert np.array_equal(audio, expected)
    other = SpeakOptions(**{name: DEFAULTS[name]})
    assert np.array_equal(synthesizer.synthesize(DOCUMENT, other, **given), expected), (
        "a keyword beats the options"
    )


def test_tones_are_the_voices_unless_a_request_says(tiny_voice: Path, tmp_path: Path) -> None:
    toned = describe(load_voice(tiny_voice), tmp_path / "toned", tones="predicted").path
    plain, predicting = Synthesizer(tiny_voice), Synthesizer(toned)
    said = {
        (name, tones): [
            phrase.ids for phrase in synthesizer.stages.text.phrases(TEXT, SpeakOptions(tones=tones))
        ]
        for name, synthesizer in (("plain", plain), ("predicting", predicting))
        for tones in (None, "predicted", "written")
    }
    assert said["plain", None] == said["plain", "written"] == said["predicting", "written"]
    assert said["predicting", None] == said["predicting", "predicted"] == said["plain", "predicted"]
    assert said["plain", None] != said["predicting", None]


def test_markup_chooses_the_tones_of_a_stretch(tiny_voice: Path) -> None:
    stage = Synthesizer(tiny_voice).stages.text

    def read(text: str, **given: Any) -> list[list[int]]:
        return [phrase.ids for phrase in stage.phrases(text, SpeakOptions(**given))]

    first, second = "Me din de Kofi.", "Wo ho te sɛn?"
    root = "<speak xmlns:k='urn:kalakan'{}>{}</speak>"
    predicted, written = (read(f"{first} {second}", tones=tones) for tones in ("predicted", "written"))
    assert predicted != written
    mixed = root.format("", f"<s k:tones='predicted'>{first}</s><s k:tones='written'>{second}</s>")
    for tones in (None, "predicted", "written"):
        assert read(mixed, ssml=True, tones=tones) == [predicted[0], written[1]]
    whole = root.format(" k:tones='predicted'", f"{first} <lang xml:lang='tw'>{second}</lang>")
    assert read(whole, ssml=True) == predicted
    inside = root.format("", f"{first} <lang xml:lang='tw' k:tones='predicted'>{second}</lang>")
    assert read(inside, ssml=True) == [written[0], predicted[1]]


def test_strict_refuses_what_is_only_rendered(tiny_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice)
    document = "<speak><prosody rate='1000%'>Yoo</prosody></speak>"
    with pytest.warns(MarkupWarning, match="rate"):
        synthesizer.synthesize(document, ssml=True)
    with pytest.raises(MarkupError, match="line 1, column 8"):
        synthesizer.synthesize(document, ssml=True, strict=True)


def test_what_is_no_option_is_refused(tiny_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice)
    with pytest.raises(
        SynthesisError, match=r"options is a dict; give a SpeakOptions, or its fields by name"
    ):
        synthesizer.synthesize(TEXT, {"speed": 2.0})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sped"):
        synthesizer.synthesize(TEXT, sped=2.0)  # type: ignore[call-arg]


class TestFingerprint:
    def test_same_is_same_and_other_is_other(self, tiny_voice: Path, streaming_voice: Path) -> None:
        found = Synthesizer(tiny_voice).fingerprint
        assert found == Synthesizer(tiny_voice).fingerprint
        others = [
            Synthesizer(streaming_voice),
            Synthesizer(tiny_voice, speaker="kwame"),
            Synthesizer(tiny_voice, lexicon={"kofi": "k o f i"}),
            Synthesizer(tiny_voice, config={"inference": {"griffin_lim_iterations": 3}}),
            Synthesizer(acoustic_model=tiny_voice / "acoustic.onnx"),
        ]
        self.check_different(found, others)

    @pytest.mark.torch
    def test_another_engine_is_another(self, tiny_voice: Path) -> None:
        others = [
            Synthesizer(tiny_voice, engine="torch"),
            Synthesizer(tiny_voice, vocoder_type="griffin_lim"),
            Synthesizer(acoustic_model=tiny_voice.parent / "acoustic_model.pt"),
            Synthesizer(acoustic_model=tiny_voice / "acoustic.onnx"),
        ]
        self.check_different(Synthesizer(tiny_voice).fingerprint, others)

    def check_different(self, found: str | None, others: list[Synthesizer]) -> None:
        hashes = [other.fingerprint for other in others]
        assert None not in hashes
        assert len({found, *hashes}) == 1 + len(others)

    def test_a_reader_with_other_rules_is_another(self, tiny_voice: Path) -> None:
        synthesizer = Synthesizer(tiny_voice)
        before = synthesizer.fingerprint
        synthesizer.g2p = TwiG2P("akuapem")
        assert synthesizer.fingerprint not in (before, None)
        synthesizer.g2p = TwiG2P()
        assert synthesizer.fingerprint == before

    def test_what_no_file_holds_has_none(self, tiny_voice: Path) -> None:
        class Reader:
            def text_to_phoneme_sequence(self, text: str) -> list[int]:
                return [29]

        replaced, read = Synthesizer(tiny_voice), Synthesizer(tiny_voice)
        replaced.vocoder = replaced.vocoder
        read.g2p = Reader()
        assert [item.fingerprint for item in (replaced, read)] == [None] * 2

    @pytest.mark.torch
    def test_a_module_has_none(self, tiny_voice: Path) -> None:
        module = Synthesizer(tiny_voice, engine="torch").acoustic_model
        assert Synthesizer(acoustic_model=module).fingerprint is None


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_a_synthesizer_is_pickled_with_its_settings(
    tiny_voice: Path, engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tiny_voice.parent)
    synthesizer = Synthesizer(tiny_voice.name, engine=engine, speaker="kwame", lexicon={"kofi": "k o f"})
    content = pickle.dumps(synthesizer)
    monkeypatch.chdir(tmp_path)
    copy = pickle.loads(content)
    assert copy.fingerprint == synthesizer.fingerprint
    assert np.array_equal(copy.synthesize("Kofi bae."), synthesizer.synthesize("Kofi bae."))
    synthesizer.vocoder = synthesizer.vocoder
    with pytest.raises(SynthesisError, match="replaced by hand cannot be pickled; build one in each process"):
        pickle.dumps(synthesizer)


def test_stages_can_be_called_apart(streaming_voice: Path) -> None:
    synthesizer = Synthesizer(streaming_voice)
    stages = synthesizer.stages
    phrases = list(stages.text.phrases(TEXT))
    samples = []
    for phrase in pickle.loads(pickle.dumps(phrases)):
        batch = pickle.loads(pickle.dumps(stages.batch([phrase])))
        (acoustics,) = pickle.loads(pickle.dumps(stages.acoustic.predict(batch)))
        samples.append(stages.vocoder.generate(stages.acoustic.decode(acoustics.hidden), acoustics, 0, 0))
    assert np.array_equal(np.concatenate(samples), synthesizer.synthesize(TEXT))


def test_a_synthesizer_says_what_it_is(tiny_voice: Path) -> None:
    assert repr(Synthesizer(tiny_voice)) == "<Synthesizer: voice tiny, engine onnx, speakers akosua, kwame>"
