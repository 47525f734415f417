"""libkalakan gives the samples of `Synthesizer`, takes the same options within the same limits, refuses the rest."""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import c_library as c
from kalakan import Synthesizer
from kalakan.errors import TextError, UnreadableWarning
from kalakan.synthesis.options import CONTROLS, DEFAULTS
from kalakan.text.twi_g2p import TwiG2P
from kalakan.voices.package import DEFAULT, file_hash, load_voice, save_voice

TINY = Path(__file__).parents[1] / "voices" / "tiny"
LONG = ("Kofi " * 900 + "kɔ.", "Kofi, Ama; Yaw: Esi " * 250, "12 34 " * 800, "ka" * 2500, "Kofi… " * 30)
"""Sentences that are cut: by 4,000 characters, and by 300 ids."""
ONE_BIT = 2.0**-23
"""Largest difference of a sample: gains and the limiter's curve are rounded from double precision, where the C
library's `pow` and `tanh` and numpy's may differ in the last bit, and then one rounding in a hundred million does."""
TEXTS = (
    "Akwaaba! Wo ho te sɛn?",
    "Me din de Kofi, na mefiri Kumasi. Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran.",
    "Ɛbo yɛ GHS 25.50, na ɛyɛ 3:45 anwummerɛ.",
    "# Ti a ɛdi kan\n\nƆbaa no kɔɔ fie.\n\nƆbarima no baeɛ… na ɔkɔeɛ.\n* * *\nAwieeɛ!",
    "<h2>Ti</h2><p>Ɔkɔ.</p><hr/><p>Ɔba.</p>",
    "Me pɛ [en]computer science[/en], na [tw]time[/tw] nni hɔ [en]yet[/en].",
    "[en]unpaired, Kofi [x] ba ha.",
    "日本 ne Ghana. Ծնունդ.",
    "…",
    "Ma\u0301a\u0300me \u2028\u2028 Kɔ\u001f* * *\u001fba",
)


@pytest.fixture(scope="session")
def library() -> c.Library:
    return c.Library()


def opened(folder: Path) -> Synthesizer:
    """Python's synthesizer, with the words that are built in alone, as the library has them."""
    synthesizer = Synthesizer(folder, engine="onnx")
    synthesizer.g2p = TwiG2P(english=False, tones=load_voice(folder).manifest.tones)
    return synthesizer


@pytest.fixture(scope="session")
def tiny() -> Synthesizer:
    return opened(TINY)


@pytest.fixture(scope="session")
def default() -> Synthesizer:
    return opened(DEFAULT)


@pytest.fixture(scope="session")
def voice(library: c.Library) -> Iterator[Any]:
    with library.voice(DEFAULT) as handle:
        yield handle


def compare(library: c.Library, voice: Any, python: Synthesizer, text: str, **options: Any) -> None:
    """Both give the same samples and left out as much, or both have nothing to say."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UnreadableWarning)
        try:
            wanted = python.synthesize(text, **options)
        except TextError as error:
            with pytest.raises(c.RefusedError) as refused:
                library.synthesize(voice, text, **options)
            assert refused.value.status == c.TEXT, error
            return
    found, unread = library.synthesize(voice, text, **options)
    assert len(found) == len(wanted), text
    np.testing.assert_allclose(found, wanted, rtol=0, atol=ONE_BIT, err_msg=text)
    assert unread == len(told), [str(item.message) for item in told]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_samples_are_those_of_python(library: c.Library, voice: Any, default: Synthesizer, text: str) -> None:
    compare(library, voice, default, text, speaker=default.speakers[len(text) % 2])


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_sentences_are_cut_as_by_python(library: c.Library, tiny: Synthesizer, text: str) -> None:
    with library.voice(TINY) as voice:
        compare(library, voice, tiny, text, sentence_pause=0.5)


def test_most_samples_have_the_same_bits(library: c.Library, voice: Any, default: Synthesizer) -> None:
    found, _ = library.synthesize(voice, TEXTS[1])
    wanted = default.synthesize(TEXTS[1])
    assert np.mean(found == wanted) > 0.99


@pytest.mark.parametrize(
    "options",
    [
        {"speed": 0.7, "pitch": 3.5, "pitch_range": 0.4, "volume": -3.0, "energy": 2.0},
        {"pitch": -12.0, "speed": 2.0},
        {"volume": 12.0, "energy": 4.0},
        {"seed": 4_000_000_000, "tones": "written"},
        {
            "sentence_pause": 0.33,
            "paragraph_pause": 0.01,
            "heading_pause": 2.0,
            "scene_pause": 0.0,
            "lead_in": 0.127,
        },
        {"pitch_range": 0.0},
        {"speaker": "akosua:2, esi:1,yaw:0"},
    ],
    ids=str,
)
def test_options_are_those_of_python(
    library: c.Library, voice: Any, default: Synthesizer, options: dict[str, Any]
) -> None:
    for text in (TEXTS[0], TEXTS[3]):
        compare(library, voice, default, text, **options)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(
        st.sampled_from("aɛkɔn nm.,!?…:;\n\n [en][/en][tw][/tw]#<p></p>*~-\t\r0123 ₵$%日\u0301\u2029"),
        max_size=60,
    )
)
def test_any_text_is_read_as_by_python(library: c.Library, tiny: Synthesizer, text: str) -> None:
    with library.voice(TINY) as voice:
        compare(library, voice, tiny, text)


def test_golden_texts_are_read_as_by_python(library: c.Library, tiny: Synthesizer) -> None:
    golden = Path(__file__).parents[1] / "golden"
    rows = [
        line.split("\t")[0]
        for name in ("norm.tsv", "norm_more.tsv", "real_text.tsv")
        for line in (golden / name).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert len(rows) > 300
    with library.voice(TINY) as voice:
        for text in rows[::8]:
            compare(library, voice, tiny, text)


@pytest.mark.parametrize("name", [name for name, item in CONTROLS.items() if item.low is not None])
def test_limits_are_those_of_python(library: c.Library, name: str) -> None:
    control = CONTROLS[name]
    assert control.low is not None
    assert control.high is not None
    assert getattr(library.options(), name) == DEFAULTS[name]
    if name == "seed":  # its type has its limits
        return
    with library.voice(TINY) as voice:
        for value in (control.low, control.high):
            library.synthesize(voice, "Ɔba.", **{name: value})
        for value in (control.low - 0.001, control.high + 0.001, float("nan"), float("inf")):
            with pytest.raises(c.RefusedError, match=f"{name} is") as refused:
                library.synthesize(voice, "Ɔba.", **{name: value})
            assert refused.value.status == c.ARGUMENT


def test_every_option_of_python_but_ssml_is_there() -> None:
    assert {name for name, *_ in c.Options._fields_} - {"size"} == set(CONTROLS) - {"ssml"}


def test_pieces_joined_are_the_whole_and_may_stop(library: c.Library) -> None:
    with library.voice(TINY) as voice:
        whole, _ = library.synthesize(voice, TEXTS[3], lead_in=0.1)
        pieces = library.stream(voice, TEXTS[3], most=-1, lead_in=0.1)
        assert len(pieces) > 3
        np.testing.assert_array_equal(np.concatenate(pieces), whole)
        assert len(library.stream(voice, TEXTS[3], most=2)) == 2


def test_threads_do_not_disturb_each_other(library: c.Library) -> None:
    with library.voice(TINY) as voice:
        wanted = [library.synthesize(voice, text)[0] for text in TEXTS[:6]]
        found: dict[tuple[int, int], Any] = {}

        def work(thread: int) -> None:
            for index, text in enumerate(TEXTS[:6]):
                found[thread, index] = library.synthesize(voice, text)[0]
                with pytest.raises(c.RefusedError, match=f'speaker "{thread}"'):
                    library.synthesize(voice, text, speaker=str(thread))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 24
    for (_, index), samples in found.items():
        np.testing.assert_array_equal(samples, wanted[index])


@pytest.mark.parametrize(
    ("text", "options", "status", "said"),
    [
        ("", {}, c.TEXT, "the text is empty"),
        ("?!", {}, c.TEXT, "nothing pronounceable"),
        ("日本", {}, c.TEXT, "nothing pronounceable"),
        ("Ɔba. 日本.", {"strict": 1}, c.TEXT, "at character 5 holds nothing pronounceable"),
        ("Ɔba 日本 ha.", {"strict": 1}, c.TEXT, "日本 in"),
        ("%PDF-1.4", {}, c.TEXT, "is PDF"),
        (b"Me \xff", {}, c.ARGUMENT, "not UTF-8 from byte 3"),
        ("Ɔba.", {"speaker": "nobody"}, c.ARGUMENT, "choose one of"),
        ("Ɔba.", {"speaker": "akosua:1,nobody:1"}, c.ARGUMENT, "nobody"),
        ("Ɔba.", {"speaker": "akosua:1,akosua:1"}, c.ARGUMENT, "twice"),
        ("Ɔba.", {"speaker": "akosua:-1"}, c.ARGUMENT, "a number from 0"),
        ("Ɔba.", {"speaker": "akosua:0"}, c.ARGUMENT, "nobody a weight"),
        ("Ɔba.", {"tones": "sung"}, c.ARGUMENT, "predicted, written"),
        ("Ɔba.", {"size": 8}, c.ARGUMENT, "kalakan_options_init"),
    ],
    ids=str,
)
def test_what_cannot_be_spoken(
    library: c.Library, text: str | bytes, options: dict[str, Any], status: int, said: str
) -> None:
    with library.voice(TINY) as voice:
        with pytest.raises(c.RefusedError, match=said) as refused:
            library.synthesize(voice, text, **options)
        assert refused.value.status == status
        assert "\n" not in refused.value.message
        assert len(library.synthesize(voice, "Ɔba.")[0]) > 0


def changed(folder: Path, **fields: Any) -> Path:
    """A copy of the tiny voice with other fields in its manifest."""
    voice = load_voice(TINY)
    save_voice(folder, voice.manifest, {name: voice.file(name) for name in voice.manifest.files})
    path = folder / "voice.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"phoneme_table": "0" * 16}, c.VOICE, "another phoneme table"),
        ({"format_version": 9}, c.VOICE, "upgrade Kalakan"),
        ({"vocoder": {"type": "hifigan", "config": {}}}, c.UNSUPPORTED, "hifigan"),
        ({"files": {"../voice.json": "0"}}, c.VOICE, "files"),
        ({"speakers": []}, c.VOICE, "speakers"),
    ],
    ids=str,
)
def test_voices_that_do_not_fit(
    library: c.Library, tmp_path: Path, fields: dict[str, Any], status: int, said: str
) -> None:
    with (
        pytest.raises(c.RefusedError, match=said) as refused,
        library.voice(changed(tmp_path / "v", **fields)),
    ):
        pass
    assert refused.value.status == status


def test_damaged_files_are_named(library: c.Library, tmp_path: Path) -> None:
    folder = changed(tmp_path / "voice")
    graph = folder / "acoustic_encoder.onnx"
    whole = graph.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-1] + b"\0"):
        graph.write_bytes(content)
        fault = r"acoustic_encoder\.onnx: is damaged"
        with pytest.raises(c.RefusedError, match=fault) as refused, library.voice(folder):
            pass
        assert refused.value.status == c.VOICE
    graph.write_bytes(whole[: len(whole) // 2])  # cut short, and with the hash of that
    manifest = json.loads((folder / "voice.json").read_text(encoding="utf-8"))
    manifest["files"][graph.name] = file_hash(graph)
    (folder / "voice.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(c.RefusedError, match=r"acoustic_encoder\.onnx") as refused, library.voice(folder):
        pass
    assert refused.value.status == c.VOICE
    graph.unlink()
    with pytest.raises(c.RefusedError, match="cannot be read"), library.voice(folder):
        pass


def test_what_cannot_be_opened(library: c.Library, tmp_path: Path) -> None:
    single = tmp_path / "voice.onnx"
    single.touch()
    nothing = tmp_path / "nothing.so"
    nothing.write_bytes(b"no library")
    for folder, onnxruntime, threads, status in (
        (tmp_path, None, 1, c.VOICE),
        (single, None, 1, c.UNSUPPORTED),
        (TINY, str(nothing), 1, c.RUNTIME),
        (TINY, ctypes.util.find_library("c") or "libc.so.6", 1, c.RUNTIME),
        (TINY, None, 0, c.ARGUMENT),
        (TINY, None, 257, c.ARGUMENT),
    ):
        with pytest.raises(c.RefusedError) as refused, library.voice(folder, onnxruntime, threads):
            pass
        assert refused.value.status == status, refused.value.message


def test_null_is_refused(library: c.Library) -> None:
    raw, audio, place = library.raw, c.Audio(), ctypes.c_void_p()
    null = None
    assert raw.kalakan_open(null, null, 1, ctypes.byref(place)) == c.ARGUMENT
    assert raw.kalakan_open(b"x", null, 1, null) == c.ARGUMENT
    assert raw.kalakan_synthesize(null, b"x", null, ctypes.byref(audio)) == c.ARGUMENT
    assert raw.kalakan_normalize(null, ctypes.byref(place)) == c.ARGUMENT
    assert raw.kalakan_phonemize(b"x", null, null) == c.ARGUMENT
    with library.voice(TINY) as voice:
        assert raw.kalakan_synthesize(voice, null, null, ctypes.byref(audio)) == c.ARGUMENT
        assert raw.kalakan_synthesize(voice, b"x", null, null) == c.ARGUMENT
        assert raw.kalakan_stream(voice, b"x", null, c.SINK(0), null) == c.ARGUMENT
        assert raw.kalakan_synthesize(voice, b"Kofi", null, ctypes.byref(audio)) == c.OK
        raw.kalakan_audio_free(ctypes.byref(audio))
        raw.kalakan_audio_free(ctypes.byref(audio))  # empty now
    for free in (raw.kalakan_audio_free, raw.kalakan_string_free, raw.kalakan_close):
        free(null)
    assert raw.kalakan_sample_rate(null) == raw.kalakan_speaker_count(null) == 0


def test_what_a_voice_says_of_itself(library: c.Library, tiny: Synthesizer) -> None:
    with library.voice(TINY) as voice:
        assert library.raw.kalakan_sample_rate(voice) == tiny.sample_rate
        count = library.raw.kalakan_speaker_count(voice)
        names = [
            library.raw.kalakan_speaker(voice, ctypes.c_size_t(index)).decode() for index in range(count)
        ]
        assert tuple(names) == tiny.speakers
        assert library.raw.kalakan_speaker(voice, ctypes.c_size_t(count)) is None


def test_text_without_a_voice(library: c.Library) -> None:
    from kalakan.text.normalizer import normalize_text

    text = "Ɛbo yɛ GHS 25.50."
    for tones in ("predicted", "written"):
        wanted = " ".join(TwiG2P(english=False, tones=tones).text_to_phonemes(text))
        assert library.string("kalakan_phonemize", text.encode(), tones.encode()) == wanted
    assert library.string("kalakan_phonemize", text.encode(), None) != wanted
    assert library.string("kalakan_normalize", text.encode()) == normalize_text(text)
