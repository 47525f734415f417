"""LJSpeech and WebDataset: Kalakan as the source of training data."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from corpus_jobs import contents, settings_of
from kalakan.data.preparation.layouts import read_layout
from kalakan.errors import DataError
from kalakan.jobs.job import run_job
from kalakan.jobs.record import Record
from kalakan.jobs.row import Row
from kalakan.jobs.runner import LocalRunner
from kalakan.jobs.settings import JobSettings, Storage
from kalakan.jobs.voices import Voices

TEXTS = ("Maakye!", "Da yie.", "Me din de Kofi.", "Yoo", "Wo ho te sɛn? Ɛyɛ.", "Ɔbaa no resere.")


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


class Killed(BaseException):
    """No one handles it."""


def killed_after(settings: JobSettings, count: int) -> None:
    def run(rows: Sequence[Row], voices: Voices, folder: Path) -> Generator[Record, None, None]:
        runner = LocalRunner(voices, folder, settings.storage, 1)
        for done, record in enumerate(runner.run(rows)):
            if done == count:
                raise Killed
            yield record

    with pytest.raises(Killed):
        run_job(settings, run=run)


def test_ljspeech_is_read_back_by_prepare(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "id\ttext\na\tWo ho te sɛn?\nb\t[en]Good morning[/en]  Ama\n", "c.tsv")
    run_job(replace(settings, layout="ljspeech"))
    assert (settings.output / "metadata.csv").read_text(encoding="utf-8") == (
        "a|Wo ho te sɛn?|Wo ho te sɛn?\nb|[en]Good morning[/en] Ama|Good morning Ama\n"
    )
    source = read_layout(settings.output, "ljspeech")
    assert [(clip.audio.name, clip.text) for clip in source.recordings] == [
        ("a.wav", "Wo ho te sɛn?"),
        ("b.wav", "Good morning Ama"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text\tspeaker\nYoo\takosua\nYoo\tkwame\n", "name 2 speakers and voices, and LJSpeech has one"),
        ("text\tformat\nYoo\tflac\n", "line 2: format is flac; the layout ljspeech holds wav"),
        ("text\nYoo | yoo\n", r"line 2: holds \|"),
    ],
)
def test_what_ljspeech_cannot_hold_is_refused(tmp_path: Path, content: str, message: str) -> None:
    settings = settings_of(tmp_path, content, "c.tsv", layout="ljspeech")
    with pytest.raises(DataError, match=message):
        run_job(settings)
    assert not (settings.output / "wavs").exists()


def test_shards_hold_audio_text_and_facts(tmp_path: Path) -> None:
    lines = [*TEXTS[:2], "???", *TEXTS[2:]]
    settings = settings_of(tmp_path, "\n".join(lines), layout="webdataset", shard_rows=3, format="flac")
    status = run_job(settings)
    assert (status.done, status.failed) == (7, 1)
    shards = sorted(path.name for path in settings.output.glob("*.tar"))
    assert shards == ["shard-000000.tar", "shard-000001.tar", "shard-000002.tar"]
    assert not (settings.output / "rows").exists()
    first = members(settings.output / shards[0])
    assert list(first) == [
        f"{name}.{kind}" for name in ("000001", "000002") for kind in ("flac", "txt", "json")
    ]
    assert first["000001.txt"].decode() == "Maakye!"
    facts = json.loads(first["000001.json"])
    assert soundfile.info(io.BytesIO(first["000001.flac"])).duration == pytest.approx(
        facts["seconds"], abs=1e-3
    )
    assert facts["file"] == "shard-000000.tar:000001.flac"
    with tarfile.open(settings.output / shards[0]) as tar:
        assert {(member.mtime, member.uid, member.uname) for member in tar} == {(0, 0, "")}


def test_shards_go_on_where_they_were(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, "\n".join(TEXTS * 3), layout="webdataset", shard_rows=4, storage=Storage(timing=True)
    )
    run_job(replace(settings, output=tmp_path / "whole"))
    killed_after(settings, 6)
    assert [path.name for path in settings.output.glob("*.tar")] == ["shard-000000.tar"]
    status = run_job(settings)
    assert (status.kept, status.done) == (6, 12)
    assert contents(settings.output) == contents(tmp_path / "whole")
    assert run_job(settings).kept == 18


def test_a_shard_that_was_not_packed_any_more_is(tmp_path: Path) -> None:
    """Killed between the last row of a shard and the shard, or between the shard and the rows it replaces."""
    settings = settings_of(tmp_path, "\n".join(TEXTS), layout="webdataset", shard_rows=3)
    run_job(settings)
    whole = contents(settings.output)
    shard = settings.output / "shard-000001.tar"
    (settings.output / "rows").mkdir()
    for name, content in members(shard).items():
        if name.endswith(".wav"):
            (settings.output / "rows" / name).write_bytes(content)
    assert run_job(settings).kept == 6
    assert contents(settings.output) == whole
    (settings.output / "rows").mkdir()
    for name, content in members(shard).items():
        if name.endswith(".wav"):
            (settings.output / "rows" / name).write_bytes(content)
    shard.unlink()
    assert run_job(settings).kept == 6
    assert contents(settings.output) == whole


def test_a_damaged_shard_is_made_again(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "\n".join(TEXTS), layout="webdataset", shard_rows=3)
    run_job(settings)
    whole = contents(settings.output)
    shard = settings.output / "shard-000001.tar"
    shard.write_bytes(shard.read_bytes()[:3000])
    status = run_job(settings)
    assert status.kept >= 3
    assert contents(settings.output) == whole


@pytest.mark.parametrize("keep", [5, 3, 1])
def test_rows_that_are_gone_leave_the_shards(tmp_path: Path, keep: int) -> None:
    settings = settings_of(tmp_path, "\n".join(TEXTS), layout="webdataset", shard_rows=2)
    run_job(settings)
    settings.corpus.write_text("\n".join(TEXTS[:keep]), encoding="utf-8")
    status = run_job(replace(settings, redo_changed=True))
    assert (status.kept, status.done) == (keep, 0)
    run_job(replace(settings, output=tmp_path / "fresh"))
    assert contents(settings.output) == contents(tmp_path / "fresh")


def test_a_dot_would_end_the_name_of_a_sample(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "id\ttext\na.b\tYoo\n", "c.tsv", layout="webdataset")
    with pytest.raises(DataError, match=r"line 2: id 'a\.b' holds a dot"):
        run_job(settings)
