"""`prepare` into a folder where something is: runs that were killed, that are repeated, that go at once."""

from __future__ import annotations

import json
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import recordings as sources
from kalakan.data.manifest import read_manifest, read_records
from kalakan.data.preparation import prepare as module
from kalakan.data.preparation.corpus import check_corpus
from kalakan.data.preparation.items import Item
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.output import Output
from kalakan.data.preparation.prepare import prepare
from kalakan.errors import DataError


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kalakan.data.preparation.report.draw_histograms", lambda *_: None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    sources.plain(tmp_path / "source")
    return tmp_path / "source"


def test_what_is_no_corpus_stays_as_it_is(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "audio").mkdir(parents=True)
    (out / "audio" / "mine.flac").write_bytes(b"mine")
    with pytest.raises(DataError, match="out: holds files that are no corpus of prepare"):
        prepare(source, out)
    assert [path.name for path in out.rglob("*")] == ["audio", "mine.flac"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="file: is a file"):
        prepare(source, tmp_path / "file")


def test_another_corpus_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out")
    sources.bibletts(tmp_path / "other")
    with pytest.raises(DataError, match="4 of 4 recordings would be removed, such as four; choose another"):
        prepare(tmp_path / "other", tmp_path / "out")
    assert len(read_manifest(tmp_path / "out")) == 4


def test_two_processes_do_not_write_to_one_folder(source: Path, tmp_path: Path) -> None:
    with (
        Output(tmp_path / "out", {"one"}),
        pytest.raises(DataError, match="out: another process prepares it now"),
    ):
        prepare(source, tmp_path / "out")
    assert len(prepare(source, tmp_path / "out").kept) == 4


def test_a_killed_run_leaves_no_halves(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out")
    for name in ("audio/.one.flac.00.partial", "items/.one.json.00.partial", ".meta.jsonl.00.partial"):
        (tmp_path / "out" / name).write_bytes(b"half")
    prepare(source, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.partial"))


def test_durations_and_features_stay_while_they_are_true(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(source, out)
    records = [record for _, record in read_records(out / "meta.jsonl")]
    for record in records:
        record |= {"frames": [1] * len(record["units"]), "lead": 3, "label_samples": 300}
    (out / "meta.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for name in ("one", "two"):
        for path in (out / "features" / "abc" / f"{name}.npy", out / "textgrids" / f"{name}.TextGrid"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    sources.write(source / "two.wav", np.roll(sources.tone(seed=9), 100))
    (source / "three.txt").write_text("Yɛbɛhyia anɔpa yi bio.", encoding="utf-8")
    (source / "four.wav").unlink()
    prepare(source, out)
    found = {item.id: item for item in read_manifest(out)}
    assert sorted(found) == ["one", "three", "two"]
    assert found["one"].frames == (1,) * len(found["one"].units)
    assert found["one"].label_samples == 300
    assert not found["three"].is_aligned
    assert sorted(path.name for path in (out / "features" / "abc").iterdir()) == ["one.npy"]
    assert sorted(path.name for path in (out / "textgrids").iterdir()) == ["one.TextGrid"]
    assert sorted(path.name for path in (out / "audio").iterdir()) == ["one.flac", "three.flac", "two.flac"]


def test_a_worker_that_is_killed_is_one_error(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed:
        def __init__(self, *_: object, **__: object) -> None: ...
        def __enter__(self) -> Killed:
            return self

        def __exit__(self, *_: object) -> None: ...
        def map(self, *_: object, **__: object) -> object:
            raise BrokenProcessPool("killed")

    monkeypatch.setattr(module, "ProcessPoolExecutor", Killed)
    with pytest.raises(
        DataError, match=r"a worker process was ended from outside.*3 workers may be too many"
    ):
        prepare(source, tmp_path / "out", workers=3)


def item(name: str, **changes: object) -> Item:
    plain = Item(name, "s", "", "", "", (), 1, 1.0, (0.0, 0.0), -20.0, 0.0, 0.0, "", 5.0, 0, 0, (), ())
    return replace(plain, **changes)


def test_of_equal_audio_the_usable_one_is_kept() -> None:
    from kalakan.data.preparation.problems import Problem

    first = item("a", audio_hash="x", text="?", problems=(Problem("empty_text", ""),))
    second, third = item("b", audio_hash="x", text="Yoo"), item("c", audio_hash="x", text="Daabi")
    checked = {entry.id: entry for entry in check_corpus([first, second, third])}
    assert checked["b"].is_kept(())
    details = [problem.detail for problem in checked["c"].problems]
    assert details == ["as b, whose text is another: one of them is wrong"]


def test_an_outlier_does_not_squeeze_a_histogram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    from kalakan.data.preparation.histograms import draw_histograms

    lengths: dict[str, list[float]] = {}

    def watch(axes: Axes, values: list[list[float]], **options: object) -> None:
        lengths[f"panel {len(lengths)}"] = [value for group in values for value in group]

    monkeypatch.setattr(Axes, "hist", watch)
    usual = [item(f"a{number}", source_seconds=3.0 + number / 100) for number in range(300)]
    draw_histograms(tmp_path / "a.png", [*usual, item("long", source_seconds=900.0)], {"a1", "long"})
    seconds = lengths["panel 0"]
    assert len(seconds) == 301
    assert max(seconds) < 6.1
    assert min(seconds) < 3.1


def test_short_texts_of_a_speaker_whose_texts_lost_letters_lost_them_too() -> None:
    lost = [item(f"a{number}", speaker="ama", letters=30) for number in range(10)]
    good = [item(f"b{number}", speaker="yaa", letters=30, open_vowels=3) for number in range(20)]
    checked = check_corpus([*lost, *good, item("c", speaker="kofi", letters=10)])
    assert [entry.id for entry in checked if not entry.is_kept(())] == [entry.id for entry in lost]
    assert all(entry.is_kept(("lost_letters",)) for entry in checked)


def test_the_report_shows_repairs_and_what_was_not_used(source: Path, tmp_path: Path) -> None:
    (source / "one.txt").write_text("• Wo ho te sÉ›n? 😀", encoding="utf-8")
    sources.write(source / "nobody.wav", sources.tone(seed=8))
    (source / "README.txt").write_text("Yoo.")
    prepare(source, tmp_path / "out", options=PrepareOptions(validation_share=0))
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    for line in (
        "- `one`: • Wo ho te sÉ›n? 😀 → Wo ho te sɛn?",
        "## Not used: 1 audio files that no transcript goes with\n\n- `nobody.wav`",
        "## Not used: 1 transcripts that no audio file goes with\n\n- `README.txt`",
        "| all | 4 |",
    ):
        assert line in report
