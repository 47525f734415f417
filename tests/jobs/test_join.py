"""One file of all rows, with chapters and subtitles."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corpus_jobs
from kalakan.audio.files import read_audio
from kalakan.errors import AudioError, DataError, SubtitleError
from kalakan.jobs.job import run_job
from kalakan.jobs.join import GAP_S, chapters_path
from kalakan.jobs.settings import JobSettings, Storage

TABLE = (
    "id\tchapter\ttext\tssml\n"
    "a\tTi 1\tMaakye, Kofi!\t\n"
    "b\tTi 1\t<speak>Da yie <break time='300ms'/> Ama.</speak>\t1\n"
    "c\tTi 1\t???\t\n"
    "d\tTi 2 = #2\tMe din de Kofi. Yoo.\t\n"
)


def settings_of(folder: Path, content: str = TABLE, name: str = "corpus.tsv", **changes: Any) -> JobSettings:
    """A job of a table in `folder`."""
    return corpus_jobs.settings_of(folder, content, name, **changes)


def test_the_joined_file_is_its_rows(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, join=tmp_path / "book.wav")
    status = run_job(settings)
    assert status.failed == 1  # a row that failed is left out, and the job says so
    joined, rate = read_audio(tmp_path / "book.wav")
    gap = np.zeros(round(GAP_S * rate), np.float32)
    a, b, d = (read_audio(settings.output / f"{name}.wav")[0] for name in "abd")
    np.testing.assert_allclose(joined, np.concatenate([a, gap, b, gap, d]), atol=2**-15)
    second = round(1000 * (len(a) + len(b) + 2 * len(gap)) / rate)
    text = chapters_path(tmp_path / "book.wav").read_text(encoding="utf-8")
    assert text.startswith(";FFMETADATA1\ntitle=book\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\n")
    assert f"END={second}\ntitle=Ti 1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART={second}\n" in text
    assert text.endswith("title=Ti 2 \\= \\#2\n")


def test_without_chapters_each_row_is_one(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "Yoo\nDa yie\n", "c.txt", join=tmp_path / "a.flac")
    run_job(settings)
    text = chapters_path(tmp_path / "a.flac").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("title=")] == [
        "title=a",
        "title=000001",
        "title=000002",
    ]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the judge, ffmpeg, is not installed")
def test_ffmpeg_reads_the_chapters(tmp_path: Path) -> None:
    run_job(settings_of(tmp_path, join=tmp_path / "book.wav"))
    book = tmp_path / "book.m4a"
    line = ["ffmpeg", "-v", "error", "-i", tmp_path / "book.wav", "-i", chapters_path(tmp_path / "book.wav")]
    subprocess.run([*line, "-map_metadata", "1", book], check=True)
    line = ["ffprobe", "-v", "error", "-show_chapters", "-of", "json", str(book)]
    found = json.loads(subprocess.run(line, check=True, capture_output=True).stdout)["chapters"]
    assert [chapter["tags"]["title"] for chapter in found] == ["Ti 1", "Ti 2 = #2"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the judge, ffmpeg, is not installed")
@pytest.mark.parametrize("kind", ["mp3", "flac"])
def test_mp3_and_flac_hold_the_chapters(tmp_path: Path, kind: str) -> None:
    book = tmp_path / f"book.{kind}"
    settings = settings_of(tmp_path, join=book)
    run_job(settings)
    line = ["ffprobe", "-v", "error", "-show_chapters", "-of", "json", str(book)]
    found = json.loads(subprocess.run(line, check=True, capture_output=True).stdout)["chapters"]
    assert [chapter["tags"]["title"] for chapter in found] == ["Ti 1", "Ti 2 = #2"]
    text = chapters_path(book).read_text(encoding="utf-8")
    starts = [int(line[6:]) for line in text.splitlines() if line.startswith("START=")]
    assert [round(1000 * float(chapter["start_time"])) for chapter in found] == starts
    decoded, rate = read_audio(book)
    run_job(replace(settings, join=tmp_path / "book.wav"))
    assert len(decoded) == pytest.approx(len(read_audio(tmp_path / "book.wav")[0]), abs=0.1 * rate)


@pytest.mark.parametrize("rate", [None, 16_000])
def test_subtitles_are_those_of_all_rows(tmp_path: Path, rate: int | None) -> None:
    names = [tmp_path / f"book.{kind}" for kind in ("srt", "vtt", "TextGrid", "json")]
    settings = settings_of(
        tmp_path, join=tmp_path / "book.wav", subtitles=tuple(names), storage=Storage(rate=rate, timing=True)
    )
    run_job(settings)
    joined, joined_rate = read_audio(tmp_path / "book.wav")
    document = json.loads((tmp_path / "book.json").read_bytes())
    assert document["sample_rate"] == joined_rate
    assert abs(document["samples"] - len(joined)) <= 2
    place = 0
    for sentence in document["sentences"]:
        for segment in sentence["segments"]:
            assert segment["start_sample"] == place
            place = segment["end_sample"]
    assert [sentence["text"] for sentence in document["sentences"]] == [
        "Maakye, Kofi!",
        "Da yie",
        "Ama.",
        "Me din de Kofi.",
        "Yoo.",
    ]
    a = len(read_audio(settings.output / "a.wav")[0])
    assert document["sentences"][1]["start"] == pytest.approx(a / joined_rate + GAP_S, abs=1e-3)
    srt = (tmp_path / "book.srt").read_text(encoding="utf-8")
    assert "Me din de Kofi." in srt
    assert "break" not in srt
    for path in names:
        assert path.stat().st_size > 0


def test_a_finished_job_is_joined_later(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, storage=Storage(timing=True))
    run_job(settings)
    status = run_job(replace(settings, join=tmp_path / "book.mp3", subtitles=(tmp_path / "book.srt",)))
    assert (status.kept, status.done) == (3, 1)  # the row that cannot be read is tried again
    assert read_audio(tmp_path / "book.mp3")[0].size
    assert (tmp_path / "book.srt").is_file()


def test_a_timing_that_is_gone_is_made_again(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, storage=Storage(timing=True))
    run_job(settings)
    (settings.output / "a.timing.json").unlink()
    assert run_job(settings).done == 2


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"join": Path("book.xyz")}, AudioError, "no known audio suffix"),
        (
            {"join": Path("nowhere/book.wav")},
            AudioError,
            r"cannot write .*nowhere/book\.wav: .*make its folder first",
        ),
        ({"join": Path("out/a.wav")}, DataError, r"a\.wav would be written twice"),
        ({"join": Path("b.wav"), "subtitles": (Path("b.ass"),)}, SubtitleError, "no known suffix"),
        (
            {"join": Path("b.wav"), "subtitles": (Path("b.srt"), Path("b.srt"))},
            DataError,
            "would be written twice",
        ),
    ],
)
def test_places_are_checked_before_the_first_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], kind: type, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings_of(tmp_path, **changes)
    with pytest.raises(kind, match=message):
        run_job(settings)
    assert not list(settings.output.glob("*.wav"))


def test_nothing_to_join_is_an_error(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "???\n", "c.txt", join=tmp_path / "a.wav")
    with pytest.raises(DataError, match="no row has audio"):
        run_job(settings)
    assert not (tmp_path / "a.wav").exists()
