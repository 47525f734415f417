"""`kalakan listening-test` and `kalakan evaluate --ratings`: the page, a listener's way through it, and the table."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from browser import CHROMIUM, DRIVER, browser
from kalakan.cli.evaluate import command as evaluate
from kalakan.cli.listening_test import command as listening_test
from kalakan.errors import DataError, SynthesisError
from kalakan.evaluation.listening import page
from kalakan.evaluation.listening.items import KINDS, TONE_WORDS, VOWEL_PAIRS, VOWEL_WORDS, items
from kalakan.evaluation.listening.page import write_page
from kalakan.evaluation.listening.ratings import evaluate_ratings, format_ratings, mean_interval, wilson
from kalakan.text.twi_g2p import TwiG2P
from kalakan.voices.package import load_voice, save_voice

SENTENCES = ("Yoo.", "Maakye, Kofi.")


@pytest.fixture
def voice(streaming_voice: Path, tmp_path: Path) -> Path:
    """A voice that predicts tones, so that there are items of every kind."""
    found = load_voice(streaming_voice)
    files: dict[str, bytes | Path] = {name: found.file(name) for name in found.manifest.files}
    return save_voice(tmp_path / "voice", replace(found.manifest, tones="predicted"), files).path


def data_of(folder: Path) -> dict[str, Any]:
    """The data in a page."""
    match = re.search(r"const TEST = (\{.*\});\n", (folder / "index.html").read_text(encoding="utf-8"))
    assert match
    return json.loads(match[1])  # type: ignore[no-any-return]


def key_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "key.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def answer(
    folder: Path, listener: str, choose: Any, saved: str = "2026-01-01", test: str | None = None
) -> Path:
    """A file of answers, as the page saves them."""
    key = key_of(folder)
    record = {
        "format": key["format"],
        "test": test or key["test"],
        "id": listener,
        "listener": {"language": "Asante", "device": "headphones"},
        "saved": saved,
        "answers": {name: {"choice": choose(item)} for name, item in key["items"].items()},
    }
    path = folder / f"{listener}-{saved}.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_items_of_a_voice() -> None:
    found = list(items("v", ["a", "b"], SENTENCES, TwiG2P(), predicts_tones=True))
    counts = {kind: sum(item.kind == kind for item in found) for kind in KINDS}
    assert counts == {"mos": 4, "tones": 2, "words": 6, "vowels": 8}
    assert {item.speaker for item in found if item.kind == "vowels"} == {"a", "b"}
    for item in found:
        if item.kind == "tones":
            assert {name: clip.options.tones for name, clip in item.clips.items()} == {
                "predicted": "predicted",
                "written": "written",
            }
        if item.kind == "words":
            assert item.answer == item.clips["only"].text in TONE_WORDS
    assert not [item for item in items("v", ["a"], SENTENCES, TwiG2P(), False) if item.kind == "tones"]


@pytest.mark.parametrize("word", VOWEL_WORDS)
def test_vowel_words_have_a_vowel_to_swap(word: str) -> None:
    units = TwiG2P().text_to_phonemes(word)
    assert set(units) & set(VOWEL_PAIRS)
    (item,) = (item for item in items("v", ["a"], (), TwiG2P(), False) if item.prompt == word)
    right, other = (re.search(r"ph=\"([^\"]*)\"", clip.text) for clip in item.clips.values())
    assert right and other
    assert right[1].split() == units != other[1].split()
    assert len(units) == len(other[1].split())


def test_tone_words_differ_by_their_tones_alone() -> None:
    readings = [TwiG2P().text_to_phonemes(word) for word in TONE_WORDS]
    assert len({tuple(units) for units in readings}) == 3
    assert len({tuple(unit for unit in units if unit not in "˥˩˧") for units in readings}) == 1


def test_the_page_holds_everything_and_names_nothing(voice: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    written = write_page(
        [voice], tmp_path / "out", (), SENTENCES, progress=lambda *given: calls.append(given)
    )
    content = written.page.read_text(encoding="utf-8")
    assert written.bytes == len(content.encode()) < page.MOST_BYTES
    assert written.format == "flac"
    assert calls[-1] == (written.items, written.items)
    assert not re.search(r"https?:|src=\"|href=\"|@import|url\(", content.replace("data:", ""))
    test, key = data_of(tmp_path / "out"), key_of(tmp_path / "out")
    assert test["test"] == key["test"]
    assert {item["id"] for item in test["items"]} == set(key["items"])
    for item in test["items"]:
        hidden = key["items"][item["id"]]
        assert item["kind"] == hidden["kind"]
        assert hidden["voice"] not in json.dumps({**item, "clips": None})
        for clip in item["clips"].values():
            media, _, sound = clip.partition(";base64,")
            assert media == "data:audio/flac"
            audio, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)), dtype="float32")
            assert rate == 8000 and np.abs(audio).max() <= 0.96
            root = float(np.sqrt(np.mean(audio**2)))
            assert root == pytest.approx(page.LEVEL, rel=0.02) or np.abs(audio).max() == pytest.approx(
                0.95, abs=0.01
            )


def test_seeds_and_voices(voice: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_page([voice], tmp_path / name, ("kwame",), SENTENCES[:1], seed=seed)
    assert key_of(tmp_path / "a") == key_of(tmp_path / "b")
    assert key_of(tmp_path / "a")["test"] != key_of(tmp_path / "c")["test"]
    write_page([voice, voice], tmp_path / "two", ("kwame",), SENTENCES[:1])
    found = {item["voice"] for item in key_of(tmp_path / "two")["items"].values()}
    manifest = load_voice(voice).manifest
    assert found == {f"{number}: {manifest.name} {manifest.version}" for number in (1, 2)}


def test_a_page_that_is_too_large(voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SynthesisError, match="nobody"):
        write_page([voice], tmp_path / "c", ("nobody",), SENTENCES[:0])
    size = write_page([voice], tmp_path / "a", ("kwame",), SENTENCES).bytes
    monkeypatch.setattr(page, "MOST_BYTES", size - 1)
    assert write_page([voice], tmp_path / "b", ("kwame",), SENTENCES).format == "mp3"
    monkeypatch.setattr(page, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match=r"the page would have .* MB; it may have 0: give fewer voices"):
        write_page([voice], tmp_path / "c", ("kwame",), SENTENCES)
    assert not (tmp_path / "c").exists()
    monkeypatch.setattr(page, "MOST_ITEMS", 5)
    with pytest.raises(DataError, match="there would be 15 questions; at most 5 can be asked"):
        write_page([voice], tmp_path / "c", ("kwame",), SENTENCES)


def test_ratings_become_a_table(voice: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_page([voice], folder, (), SENTENCES)
    key = key_of(folder)

    def generous(item: dict[str, Any]) -> Any:
        return {"mos": 5, "tones": "predicted", "words": item["answer"], "vowels": "right"}[item["kind"]]

    def strict(item: dict[str, Any]) -> Any:
        return {"mos": 3, "tones": "same", "words": "pàpà", "vowels": "other"}[item["kind"]]

    answer(folder, "one", strict, saved="2026-01-01")
    answer(folder, "one", generous, saved="2026-01-02")  # this one counts
    answer(folder, "two", strict)
    report = evaluate_ratings(folder)
    assert report["listeners"] == 2 and report["languages"] == {"Asante": 2}
    assert report["answers"] == 2 * len(key["items"])
    rows = {(row["kind"], row["speaker"]): row for row in report["results"]}
    assert rows["mos", None]["value"] == 4.0
    low, high = rows["mos", None]["interval_95"]
    assert 3.0 <= low < 4.0 < high <= 5.0
    assert rows["tones", None]["value"] == 100.0  # of those who decided
    assert rows["tones", None]["no_difference"] == 2
    assert rows["words", "akosua"]["value"] == pytest.approx(100 * 4 / 6)
    assert rows["words", None]["chance"] == pytest.approx(100 / 3)
    assert rows["vowels", None]["value"] == 50.0 and rows["vowels", None]["chance"] == 50.0
    table = format_ratings(report)
    assert table.startswith("2 listeners (2 Asante), ")
    assert "MOS" in table and "2 heard no difference" in table


def test_the_commands(voice: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("Yoo.\n", encoding="utf-8")
    folder = tmp_path / "out"
    arguments = [str(voice), "--out", str(folder), "--speaker", "kwame", "--texts", str(texts)]
    result = CliRunner().invoke(listening_test, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert re.search(r"index.html: 13 questions, \d+\.\d MB, sounds as FLAC", result.output)
    answer(folder, "one", lambda item: item["choices"][0])
    output = tmp_path / "report" / "deep"
    result = CliRunner().invoke(
        evaluate, ["--ratings", str(folder), "--output", str(output)], catch_exceptions=False
    )
    assert result.exit_code == 0
    report = json.loads((output / "ratings.json").read_text(encoding="utf-8"))
    assert report["answers"] == 13
    assert report["results"][0]["interval_95"] == [None, None]  # one listener
    result = CliRunner().invoke(evaluate, [str(voice), "--ratings", str(folder)])
    assert "--ratings are of the voices in the test; leave out VOICE" in result.output
    texts.write_text("\n", encoding="utf-8")
    result = CliRunner().invoke(listening_test, arguments)
    assert "holds no sentence; give one a line" in str(result.exception)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": "abc"}, r"answers another test \(abc\) than the key"),
        ({"format": "x"}, "is not of the format kalakan-listening-1"),
        ({"answers": []}, "is damaged, it has no answers or no id"),
        ({"id": 3}, "is damaged, it has no answers or no id"),
        ({"answers": {"zzz": {"choice": 1}}}, "answers 'zzz', which is no item of this test"),
    ],
)
def test_answers_that_cannot_be_used(
    voice: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    folder = tmp_path / "out"
    write_page([voice], folder, ("kwame",), SENTENCES[:1])
    path = answer(folder, "one", lambda item: item["choices"][0])
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        evaluate_ratings(folder)


@pytest.mark.parametrize("choice", [0, 6, 3.5, "5", None, True, [], "right"])
def test_choices_that_there_are_not(voice: Path, tmp_path: Path, choice: object) -> None:
    folder = tmp_path / "out"
    write_page([voice], folder, ("kwame",), SENTENCES[:1])
    answer(folder, "one", lambda item: choice if item["kind"] == "mos" else item["choices"][0])
    with pytest.raises(DataError, match=r"the choice for \w{6} is .*; it must be one of 1, 2, 3, 4, 5"):
        evaluate_ratings(folder)


def test_an_answer_without_a_choice_says_its_form(voice: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_page([voice], folder, ("kwame",), SENTENCES[:1])
    path = answer(folder, "one", lambda item: item["choices"][0])
    record = json.loads(path.read_text())
    record["answers"] = {item: given["choice"] for item, given in record["answers"].items()}
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(
        DataError, match=r'the answer to \w{6} is .*; it must be an object, as \{"choice": 4\}'
    ):
        evaluate_ratings(folder)


def test_folders_without_a_test_or_answers(voice: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"key\.json: is not there; give the folder"):
        evaluate_ratings(tmp_path)
    folder = tmp_path / "out"
    write_page([voice], folder, ("kwame",), SENTENCES[:1])
    with pytest.raises(DataError, match="holds no answers; put the listeners' files there"):
        evaluate_ratings(folder)
    (folder / "a.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.json: is no JSON file that can be read"):
        evaluate_ratings(folder)


def test_wilson_intervals_of_the_literature() -> None:
    low, high = wilson(81, 263)  # Newcombe 1998, table I
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 20)[0] == pytest.approx(0.0, abs=1e-12)
    assert wilson(0, 20)[1] == pytest.approx(0.1611, abs=1e-4)
    assert math.isnan(wilson(0, 0)[0])


def test_an_interval_of_a_mean_covers_it_as_often_as_it_says() -> None:
    draw = np.random.default_rng(5)
    hits = 0
    for _ in range(60):
        listeners, clips = draw.normal(size=30), draw.normal(size=30)
        scores = 3 + 0.5 * listeners[:, None] + 0.5 * clips[None] + 0.3 * draw.normal(size=(30, 30))
        ratings = [
            (f"l{row}", f"c{column}", scores[row, column]) for row in range(30) for column in range(30)
        ]
        low, high = mean_interval(ratings)
        hits += low <= 3 <= high
    assert hits >= 52  # of 60; 57 are expected


@pytest.mark.browser
@pytest.mark.skipif(DRIVER is None or CHROMIUM is None, reason="needs the programs chromium and chromedriver")
def test_a_listener_on_a_phone(voice: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    written = write_page([voice], folder, (), SENTENCES)
    with browser(tmp_path, is_phone=True) as phone:
        phone.call("POST", "/url", url=written.page.as_uri())
        assert phone.run("return document.documentElement.scrollWidth <= innerWidth")
        phone.run("document.querySelector('select').value = 'Asante'")
        phone.run("document.querySelector('.next').click()")
        for number in range(written.items):
            assert phone.run("return document.querySelector('progress').value") == number
            assert phone.run("return document.documentElement.scrollWidth <= innerWidth")
            assert phone.run("return document.querySelector('.next').disabled")
            for place in range(phone.run("return document.querySelectorAll('.play').length")):
                assert phone.run("return document.querySelector('button:not(.play):not(.next)').disabled")
                phone.run(f"document.querySelectorAll('.play')[{place}].click()")
                phone.wait(
                    f"return document.querySelectorAll('.play')[{place}].classList.contains('playing')"
                )
                phone.wait("return sound.currentTime > 0 || sound.ended")
            phone.wait("return !document.querySelector('button:not(.play):not(.next)').disabled")
            phone.run("document.querySelector('button:not(.play):not(.next)').click()")
            if number == 3:  # what was answered stays when the page is opened again
                phone.run("document.querySelector('.next').click()")
                phone.call("POST", "/refresh")
                assert phone.run("return document.querySelector('progress').value") == 4
                continue
            phone.run("document.querySelector('.next').click()")
        assert "Thank you" in phone.run("return document.body.innerText")
        phone.run("document.querySelector('.next').click()")
        for _ in range(400):
            if saved := list(tmp_path.glob("answers-*.json")):
                break
            phone.wait("return true")
        log = phone.log()
    assert not [entry for entry in log if entry["level"] == "SEVERE"], log
    (path,) = saved
    assert json.loads(path.read_text(encoding="utf-8"))["listener"]["language"] == "Asante"
    path.rename(folder / path.name)
    report = evaluate_ratings(folder)
    assert report["listeners"] == 1 and report["answers"] == written.items
    rows = {(row["kind"], row["speaker"]): row for row in report["results"]}
    assert rows["mos", None]["value"] == 1.0  # the first choice each time
    assert rows["words", None]["value"] == pytest.approx(100 / 3)
