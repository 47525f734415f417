"""Corrections of a voice's prosody: what they change, where they are kept, and that they are the same in every way of
synthesis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.errors import VoiceError
from kalakan.synthesis.options import SpeakOptions
from kalakan.text.framing import frame
from kalakan.text.phonemes import CLASSES, NUCLEUS_CLASSES, parse_units
from kalakan.voices.corrections import PENULTIMATE, Corrections, sound_classes
from kalakan.voices.describe import describe
from kalakan.voices.package import load_voice

TEXT = "Me din de Kofi, na mefiri Kumasi. Wo ho te sɛn?"
EVERY: dict[str, Any] = {
    "pitch_range": 1.5,
    "decline": 2.0,
    "statement_fall": 3.0,
    "question_fall": -1.0,
    "exclamation_rise": 1.0,
    "with_tones": True,
    "durations": {"statement_end": 0.5, "question_end": 2.0, "pause": 1.5},
}


@pytest.fixture
def corrected(tiny_voice: Path, tmp_path: Path) -> Path:
    path = tmp_path / "corrections.json"
    path.write_text(json.dumps(EVERY), encoding="utf-8")
    return describe(load_voice(tiny_voice), tmp_path / "corrected", corrections=path).path


def ids(units: str) -> list[int]:
    return frame(parse_units(units))


def nuclei(units: list[int]) -> list[int]:
    return [place for place, unit in enumerate(units) if CLASSES[unit] in NUCLEUS_CLASSES]


def test_classes_of_sounds() -> None:
    units = ids("m̩ ˩ m a _ k ɔ ˩ ɔ ˩ , d i i ˥ _ n a .")
    found = {place: kind for place, kind in enumerate(sound_classes(units)) if kind}
    assert list(found.values()) == [
        *("syllabic_nasal", "short_vowel", "phrase_end", "phrase_end", "pause"),
        *("long_vowel", "long_vowel", "statement_end"),
    ]
    assert sound_classes(ids("k ɔ ?"))[2] == "question_end"
    assert sound_classes(ids("d i i ˥ ?"))[2:4] == ["question_end", "question_end"]
    assert sound_classes(ids("k ɔ ,"))[2] == "phrase_end"
    # Two vowels with a word boundary between them are two vowels.
    assert sound_classes(ids("a _ a m ."))[1] == "short_vowel"


def test_the_course_of_a_statement_declines_and_falls() -> None:
    corrections = Corrections(decline=2.0, statement_fall=3.0, question_fall=-1.0)
    units = ids("a k a ˥ m a d a b a .")
    shift = corrections.semitones(units)
    assert [shift[place] for place in nuclei(units)] == pytest.approx(
        [1.0, 0.5, 0.0, -0.5 - 3.0 * PENULTIMATE, -1.0 - 3.0]
    )
    assert shift[0] == 1.0 and shift[-1] == -4.0
    question = ids("a k a ˥ m a d a b a ?")
    assert corrections.semitones(question)[-1] == -1.0 + 1.0
    piece = ids("a k a ˥ m a d a b a ,")
    assert corrections.semitones(piece)[-1] == -1.0
    assert corrections.semitones(ids("a ."))[1] == -3.0
    raised = Corrections(decline=2.0, statement_fall=3.0, exclamation_rise=1.5)
    exclaimed, stated = (raised.semitones(ids(f"a k a ˥ m a d a b a {mark}")) for mark in "!.")
    assert exclaimed == pytest.approx([value + 1.5 for value in stated])
    assert raised.moves_pitch and Corrections(exclamation_rise=1.0).moves_pitch
    assert Corrections(exclamation_rise=1.0).semitones(ids("a ! ."))[1] == 0.0  # the last mark decides
    assert not any(corrections.semitones(ids("f .")))


def test_what_was_measured_with_tones_applies_in_proportion_to_them() -> None:
    values = {"decline": 2.0, "statement_fall": 3.0, "exclamation_rise": 1.5}
    always, with_tones = Corrections(**values), Corrections(**values, with_tones=True)
    for units, share in (
        ("a k a m a d a .", 0.0),
        ("a k a m a d a ˥ .", 0.5),
        ("a ˩ k a m a d a ˥ .", 1.0),
        ("a ˩ k a ˥ m a ˩ d a ˥ .", 1.0),
    ):
        expected = [share * value for value in always.semitones(ids(units))]
        assert with_tones.semitones(ids(units)) == pytest.approx(expected), units
    assert set(with_tones.semitones(ids("a k a !"))) == {1.5}  # the register is the mark's, not the tones'


def test_every_way_of_synthesis_obeys_them_alike(corrected: Path, tiny_voice: Path) -> None:
    synthesizer, plain = Synthesizer(corrected), Synthesizer(tiny_voice)
    assert synthesizer.fingerprint != plain.fingerprint
    whole = synthesizer.synthesize(TEXT)
    assert not np.array_equal(whole[: len(plain.synthesize(TEXT))], plain.synthesize(TEXT)[: len(whole)])
    np.testing.assert_allclose(np.concatenate(list(synthesizer.stream(TEXT, chunk_ms=50))), whole, atol=1e-4)
    assert np.array_equal(synthesizer.synthesize_batch([TEXT, "Yoo."])[0], whole)
    assert len(synthesizer.speak(TEXT).audio) == len(whole)


def test_they_come_on_top_of_a_request(corrected: Path, tiny_voice: Path) -> None:
    def acoustics(voice: Path, **given: Any) -> Any:
        stages = Synthesizer(voice).stages
        options = SpeakOptions(**given)
        return stages.acoustic.predict(
            stages.batch(list(stages.text.phrases("Kófí ábà.", options)), options)
        )[0]

    flat, moved = acoustics(corrected, pitch_range=0.0), acoustics(corrected, pitch_range=0.0, pitch=12.0)
    voiced = flat.f0 > 0
    assert flat.f0[voiced].std() < 1e-3
    np.testing.assert_allclose(moved.f0[voiced], 2 * flat.f0[voiced], rtol=1e-5)
    usual, wide = acoustics(tiny_voice, pitch_range=1.5), acoustics(corrected)
    changed = np.flatnonzero(usual.durations != wide.durations)
    assert changed.size and wide.frames < usual.frames
    end = int(usual.durations[: changed[0]].sum())
    ratio = 12 * np.log2(wide.f0[0, :end][usual.f0[0, :end] > 0] / usual.f0[0, :end][usual.f0[0, :end] > 0])
    assert ratio[0] == pytest.approx(1.0, abs=1e-3)
    assert ratio[-1] < -1.5


def test_a_model_from_elsewhere_is_not_corrected(corrected: Path, tiny_voice: Path) -> None:
    synthesizer, other = Synthesizer(corrected), Synthesizer(tiny_voice)
    synthesizer.acoustic_model = synthesizer.acoustic_model
    assert synthesizer.stages.acoustic.corrections == Corrections(**EVERY)
    synthesizer.acoustic_model = other.acoustic_model
    assert synthesizer.stages.acoustic.corrections == Corrections()


def test_a_voice_keeps_them(corrected: Path, tmp_path: Path) -> None:
    voice = load_voice(corrected)
    assert voice.manifest.corrections == Corrections(**EVERY)
    again = describe(voice, tmp_path / "again", name="again")
    assert again.manifest.corrections == Corrections(**EVERY)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "corrections is \\[\\]; it must be an object"),
        ({"declines": 1}, "corrections has 'declines'; its fields are pitch_range, decline"),
        ({"pitch_range": 0}, "pitch_range is 0; it must lie between 0.5 and 2"),
        ({"decline": 13}, "decline is 13; it must lie between -12 and 12"),
        ({"exclamation_rise": -13}, "exclamation_rise is -13; it must lie between -12 and 12"),
        ({"question_fall": True}, "question_fall is True"),
        ({"with_tones": 1}, "with_tones is 1; it must be true or false"),
        ({"statement_fall": "low"}, "statement_fall is 'low'"),
        ({"durations": 2}, "durations is 2; it must map classes"),
        ({"durations": {"vowel": 1}}, "durations has 'vowel'; its classes are short_vowel"),
        ({"durations": {"pause": 2.1}}, "the factor of pause is 2.1; it must lie between 0.5 and 2"),
    ],
)
def test_what_is_none_is_refused(tiny_voice: Path, tmp_path: Path, record: Any, message: str) -> None:
    path = tmp_path / "corrections.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(VoiceError, match=message):
        describe(load_voice(tiny_voice), tmp_path / "voice", corrections=path)
    manifest = tmp_path / "damaged" / "voice.json"
    describe(load_voice(tiny_voice), manifest.parent)
    manifest.write_text(
        json.dumps({**json.loads(manifest.read_text(encoding="utf-8")), "corrections": record}),
        encoding="utf-8",
    )
    with pytest.raises(VoiceError, match=message):
        load_voice(manifest.parent)
    with pytest.raises(VoiceError, match="cannot be read"):
        describe(load_voice(tiny_voice), tmp_path / "voice", corrections=tmp_path / "none.json")
