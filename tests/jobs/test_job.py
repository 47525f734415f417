"""Corpus jobs: files, manifest, exact resume, errors."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from corpus_jobs import VOICE, contents, settings_of
from kalakan import Synthesizer
from kalakan.audio.files import read_audio
from kalakan.audio.meter import loudness, true_peak
from kalakan.data.phone_errors import sounds_of
from kalakan.errors import AudioError, ConfigError, DataError
from kalakan.jobs import job as job_module
from kalakan.jobs.job import Status, run_job
from kalakan.jobs.manifest import Manifest
from kalakan.jobs.record import Record
from kalakan.jobs.row import Row
from kalakan.jobs.runner import LocalRunner
from kalakan.jobs.settings import JobSettings, Storage
from kalakan.jobs.voices import Voices
from kalakan.storage import lock_file
from kalakan.synthesis.options import SpeakOptions

TEXTS = ("Maakye!", "Da yie.", "Me din de Kofi.", "Yoo", "Wo ho te sɛn? Ɛyɛ.", "Ɔbaa no resere.")
KALAKAN = Path(sys.executable).with_name("kalakan.exe" if os.name == "nt" else "kalakan")


def lines_of(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "manifest.jsonl").read_bytes().splitlines()]


def times(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in output.glob("*.wav")}


class Done(list[str]):
    """Runs rows as a job does, notes their names, and may stop in the middle as if the process were gone."""

    def __init__(self, settings: JobSettings, after: int | None = None) -> None:
        super().__init__()
        self.settings, self.after = settings, after

    def __call__(self, rows: Sequence[Row], voices: Voices, folder: Path) -> Generator[Record, None, None]:
        runner = LocalRunner(voices, folder, self.settings.storage, 1)
        for record in runner.run(rows):
            if len(self) == self.after:
                raise Killed
            self.append(record.id)
            yield record
        runner.close()


class Killed(BaseException):
    """No one handles it."""


def stopped_after(settings: JobSettings, rows: int) -> None:
    with pytest.raises(Killed):
        run_job(settings, run=Done(settings, rows))


def test_every_row_is_what_synthesize_gives(tmp_path: Path) -> None:
    table = (
        "id\ttext\tspeaker\tspeed\tpitch\tformat\n"
        "a\tMaakye, Kofi!\tkwame\t0.8\t\twav\nb\tDa yie.\t\t\t-3\tflac\nc\tYoo\t\t\t\t\n"
    )
    settings = settings_of(tmp_path, table, "corpus.tsv", storage=Storage(bits=24))
    status = run_job(settings)
    assert (status.rows, status.done, status.kept, status.failed) == (3, 3, 0, 0)
    synthesizer = Synthesizer(VOICE)
    expected = {
        "a.wav": synthesizer.synthesize("Maakye, Kofi!", speaker="kwame", speed=0.8),
        "b.flac": synthesizer.synthesize("Da yie.", pitch=-3.0),
        "c.wav": synthesizer.synthesize("Yoo"),
    }
    for name, audio in expected.items():
        found, rate = read_audio(settings.output / name)
        assert rate == synthesizer.sample_rate
        np.testing.assert_allclose(found, audio, atol=2**-22)
    assert [line["file"] for line in lines_of(settings.output)] == list(expected)


def test_the_manifest_says_what_there_is(tmp_path: Path) -> None:
    """DrewThomasson/ebook2audiobook#1084: nobody noticed chapters of silence."""
    settings = settings_of(tmp_path, "Maakye, Kofi!\n\nWo ho te sɛn?\n")
    run_job(settings)
    first, second = lines_of(settings.output)
    audio, rate = read_audio(settings.output / "000001.wav")
    assert first["seconds"] == pytest.approx(len(audio) / rate, abs=1e-4)
    assert first["chars_per_second"] == pytest.approx(13 / first["seconds"], abs=0.01)
    assert first["peak"] == pytest.approx(float(np.abs(audio).max()), abs=2e-4)
    assert first["loudness"] == pytest.approx(loudness(audio, rate), abs=0.02)
    assert first["clipped"] == 0
    assert 0 <= first["silence"] < 1
    assert first["sha256"] == hashlib.sha256((settings.output / "000001.wav").read_bytes()).hexdigest()
    assert first["error"] is None
    assert (first["n"], first["id"], first["text"]) == (1, "000001", "Maakye, Kofi!")
    assert first["options"] == {"speaker": "akosua"}
    assert (second["n"], second["id"]) == (2, "000002")


def test_equal_texts_are_files_of_their_own_with_the_same_bytes_at_every_run(tmp_path: Path) -> None:
    """erew123/alltalk_tts#67: names by clock time lost 556 of several thousand files."""
    settings = settings_of(tmp_path, "Aane.\n" * 120, workers=4)
    run_job(settings)
    first = contents(settings.output)
    assert len([name for name in first if name.endswith(".wav")]) == 120
    assert len({first[name] for name in first if name.endswith(".wav")}) == 1
    shutil.rmtree(settings.output)
    run_job(replace(settings, workers=1))
    assert contents(settings.output) == first


def test_a_row_that_fails_costs_no_other(tmp_path: Path) -> None:
    """The row of `synthesize_batch` in bugreports.tsv: one text that cannot be spoken lost the results of all."""
    table = (
        "text\tspeaker\tvoice\tspeed\n"
        f"Maakye\t\t\t\n???\t\t\t\nDa yie\tnobody\t\t\nDa yie\t\t{tmp_path / 'nowhere'}\t\nYoo\t\t\tfast\nYoo\t\t\t\n"
    )
    settings = settings_of(tmp_path, table, "corpus.tsv")
    status = run_job(settings)
    assert (status.done, status.failed) == (6, 4)
    assert sorted(row.number for row, _ in status.first_errors) == [2, 3, 4, 5]
    lines = lines_of(settings.output)
    assert [line["n"] for line in lines] == [1, 2, 3, 4, 5, 6]
    errors = [line["error"] or "" for line in lines]
    for error, part in zip(
        errors, ("", "pronounceable", "nobody", "nowhere", "speed is 'fast'", ""), strict=True
    ):
        assert part in error and bool(part) == bool(error)
    assert [line["file"] for line in lines] == ["000001.wav", None, None, None, None, "000006.wav"]
    assert {path.name for path in settings.output.glob("*.wav")} == {"000001.wav", "000006.wav"}
    again = Done(settings)
    run_job(settings, run=again)
    assert sorted(again) == ["000002", "000003", "000004", "000005"]  # tried once more, the others are kept
    assert len(lines_of(settings.output)) == 6


def test_a_stopped_job_goes_on_where_it_was(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "\n".join(TEXTS * 4))
    run_job(replace(settings, output=tmp_path / "whole"))
    stopped_after(settings, 9)
    before, recorded = times(settings.output), lines_of(settings.output)
    assert len(recorded) == 9
    names = {line["file"] for line in recorded}
    again = Done(settings)
    status = run_job(settings, run=again)
    assert status.kept == 9
    assert len(again) == 24 - 9
    assert not names & {f"{name}.wav" for name in again}
    after = times(settings.output)
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    assert contents(settings.output) == contents(tmp_path / "whole")
    assert run_job(settings, run=Done(settings, 0)).kept == 24  # nothing is left to do


def test_files_that_are_damaged_or_gone_are_made_again(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "\n".join(TEXTS))
    run_job(settings)
    whole = contents(settings.output)
    half = settings.output / "000002.wav"
    half.write_bytes(half.read_bytes()[:-100])
    (settings.output / "000003.wav").unlink()
    other = settings.output / "000005.wav"
    other.write_bytes(other.read_bytes()[:-2] + b"\1\2")
    again = Done(settings)
    run_job(settings, run=again)
    assert sorted(again) == ["000002", "000003", "000005"]
    assert contents(settings.output) == whole


@pytest.mark.parametrize("tail", [b'{"n": 99, "id": "0000', b"\x00\x00\x00", b"not json\n", b"{}\n", b"[]\n"])
def test_a_torn_or_damaged_line_counts_for_nothing(tmp_path: Path, tail: bytes) -> None:
    settings = settings_of(tmp_path, "\n".join(TEXTS))
    run_job(settings)
    whole = contents(settings.output)
    path = settings.output / "manifest.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + tail)
    again = Done(settings)
    run_job(settings, run=again)
    assert len(again) == 3
    assert contents(settings.output) == whole


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"options": SpeakOptions(speed=0.9)}, r"speed was 1\.0 and is 0\.9"),
        ({"storage": Storage(loudness=-16.0)}, r"loudness was None and is -16\.0"),
        ({"storage": Storage(rate=16000)}, "rate was None and is 16000"),
        ({"format": "flac"}, "format was wav and is flac"),
    ],
)
def test_changed_settings_are_noticed(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    settings = settings_of(tmp_path, "\n".join(TEXTS))
    run_job(settings)
    with pytest.raises(DataError, match=f"holds a job that began otherwise: {message}. --redo-changed does"):
        run_job(replace(settings, **changes))
    changed = replace(settings, redo_changed=True, **changes)
    again = Done(changed)
    run_job(changed, run=again)
    assert len(again) == len(TEXTS)
    run_job(replace(changed, output=tmp_path / "fresh"))
    assert contents(settings.output) == contents(tmp_path / "fresh")  # nothing of the old ones stays


def test_a_changed_corpus_is_noticed_and_only_its_changes_are_made(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "id\ttext\na\tMaakye\nb\tYoo\nc\tDa yie\n", "corpus.tsv")
    run_job(settings)
    before = times(settings.output)
    changed = "id\ttext\nn\tAkwaaba\na\tMaakye\nc\tDa yie paa\n"
    settings.corpus.write_text(changed, encoding="utf-8")
    with pytest.raises(DataError, match=r"the corpus changed \(3 rows then, 3 now\)"):
        run_job(settings)
    assert times(settings.output) == before
    again = Done(settings)
    run_job(replace(settings, redo_changed=True), run=again)
    assert sorted(again) == ["c", "n"]
    assert times(settings.output)["a.wav"] == before["a.wav"]
    run_job(replace(settings, output=tmp_path / "fresh"))
    assert contents(settings.output) == contents(tmp_path / "fresh")


def test_no_audio_stays_of_a_text_that_is_gone(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "Maakye\nYoo\n")
    run_job(settings)
    settings.corpus.write_text("???\nYoo\n", encoding="utf-8")
    status = run_job(replace(settings, redo_changed=True))
    assert (status.kept, status.done, status.failed) == (1, 1, 1)
    assert [path.name for path in settings.output.glob("*.wav")] == ["000002.wav"]


def test_a_voice_that_moved_is_the_same_voice(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "Yoo\n")
    run_job(settings)
    shutil.copytree(VOICE, tmp_path / "moved")
    moved = replace(settings, voice=str(tmp_path / "moved"))
    with pytest.raises(DataError, match=r"voice was .* and is .*moved"):
        run_job(moved)
    assert run_job(replace(moved, redo_changed=True)).kept == 1
    assert lines_of(settings.output)[0]["voice"] == str(tmp_path / "moved")


def test_a_changed_voice_is_noticed(tmp_path: Path) -> None:
    voice = tmp_path / "voice"
    shutil.copytree(VOICE, voice)
    settings = settings_of(tmp_path, "Yoo\n", voice=str(voice))
    run_job(settings)
    manifest = voice / "voice.json"
    record = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps(record | {"version": "99"}), encoding="utf-8")
    with pytest.raises(DataError, match=rf"voice {voice} changed, or Kalakan did\. --redo-changed"):
        run_job(settings)
    again = Done(settings)
    run_job(replace(settings, redo_changed=True), run=again)
    assert again == ["000001"]


def test_another_layout_needs_another_folder(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "Yoo\n")
    run_job(settings)
    with pytest.raises(
        DataError, match=r"another layout \(files, not webdataset of 10 rows\); choose another"
    ):
        run_job(replace(settings, layout="webdataset", shard_rows=10, redo_changed=True))


def test_files_of_somebody_else_are_not_overwritten(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "Yoo\n")
    settings.output.mkdir()
    (settings.output / "other.wav").write_bytes(b"mine")
    (settings.output / "000001.wav").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"holds 000001\.wav and no job; choose an empty folder"):
        run_job(settings)
    (settings.output / "000001.wav").unlink()
    run_job(settings)
    assert (settings.output / "other.wav").read_bytes() == b"mine"


def test_a_damaged_state_is_an_error(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "Yoo\n")
    run_job(settings)
    (settings.output / "job.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"job\.json: is not the state of a job"):
        run_job(settings)


def test_two_jobs_do_not_share_a_folder(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "Yoo\n")
    settings.output.mkdir()
    lock = lock_file(settings.output / job_module.LOCK)
    assert lock is not None
    with lock, pytest.raises(DataError, match="another job works there; wait for it"):
        run_job(settings)
    assert run_job(settings).done == 1


def test_a_full_disk_stops_the_job_and_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, "\n".join(TEXTS))
    write_bytes, written = Path.write_bytes, []

    def until_full(path: Path, content: bytes) -> int:
        if path.name.endswith(".partial") and len(content) > 500:
            written.append(path)
            if len(written) > 3:
                write_bytes(path, content[:100])
                raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", until_full)
        with pytest.raises(
            AudioError, match=r"cannot write .*000\d+\.wav: No space left.*same command then goes on"
        ):
            run_job(replace(settings, workers=1))
    assert not list(settings.output.glob(".kalakan-*.partial"))
    for path in settings.output.glob("*.wav"):
        assert soundfile.info(path).frames > 0
    assert len(lines_of(settings.output)) <= 3
    run_job(settings)
    run_job(replace(settings, output=tmp_path / "fresh"))
    assert contents(settings.output) == contents(tmp_path / "fresh")


def test_a_manifest_without_room_keeps_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, "\n".join(TEXTS))
    write = Manifest._write

    def half(self: Manifest, line: bytes) -> None:
        if b'"000003"' in line:
            write(self, line[:40])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, line)

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "_write", half)
        with pytest.raises(AudioError, match=r"cannot write .*manifest\.jsonl: No space left"):
            run_job(replace(settings, workers=1))
    assert (settings.output / "manifest.jsonl").read_bytes().endswith(b"\n")
    assert "000003" not in [line["id"] for line in lines_of(settings.output)]
    assert run_job(settings).failed == 0


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "Yoo\n")
    settings.output.write_text("a file")
    with pytest.raises(AudioError, match=r"cannot write .*out: .*; .*; the same command then goes on"):
        run_job(settings)
    with pytest.raises(AudioError, match="cannot write"):
        run_job(replace(settings, output=settings.output / "deeper"))


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "opus", "mp3", "pcm"])
def test_formats(tmp_path: Path, name: str) -> None:
    settings = settings_of(tmp_path, "Maakye!\nDa yie.\n", format=name, storage=Storage(loudness=-20.0))
    run_job(settings)
    first = contents(settings.output)
    if name != "pcm":
        info = soundfile.info(settings.output / f"000001.{name}")
        assert info.format == {"opus": "OGG"}.get(name, name.upper())
        assert info.duration == pytest.approx(lines_of(settings.output)[0]["seconds"], abs=0.1)
    shutil.rmtree(settings.output)
    run_job(settings)
    assert contents(settings.output) == first


def test_loudness_and_rate_are_those_of_the_files(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, "\n".join(TEXTS), storage=Storage(rate=16_000, bits="float", loudness=-18.0)
    )
    run_job(settings)
    for line in lines_of(settings.output):
        audio, rate = read_audio(settings.output / line["file"])
        assert rate == 16_000
        assert line["loudness"] == pytest.approx(loudness(audio, rate), abs=0.01)
        assert line["loudness"] == pytest.approx(-18.0, abs=0.2)
        assert true_peak(audio) <= -1.5


def test_odd_rows_are_named(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        "text\tlead_in\tvolume\nMaakye, me nua Kofi\t10\t0\nMaakye, me nua Kofi\t0\t0\n",
        "corpus.tsv",
    )
    for _ in range(2):  # also when they were done before
        status = run_job(settings)
        ((_, odd),) = [(row, odd) for row, odd in status.odd if row.number == 1]
        assert "% silence" in " ".join(odd)


def test_progress_counts(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "\n".join(TEXTS))
    stopped_after(settings, 2)
    seen: list[tuple[int, int, int]] = []

    def note(status: Status) -> None:
        seen.append((status.kept, status.done, status.rows))
        assert status.remaining_s is not None and status.remaining_s >= 0
        assert status.rtf is not None and status.rtf > 0

    status = run_job(settings, progress=note)
    assert seen == [(2, done, 6) for done in range(1, 5)]
    assert status.remaining_s == 0
    assert status.seconds == pytest.approx(
        sum(line["seconds"] for line in lines_of(settings.output)[2:]), abs=1e-3
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workers": 0}, "workers is 0; it must be a whole number from 1 to 1024"),
        ({"workers": 10**6}, "workers is 1000000"),
        ({"shard_rows": 0}, "shard_rows is 0"),
        ({"layout": "tar"}, "layout is 'tar'; choose files, ljspeech, webdataset"),
        ({"subtitles": (Path("a.srt"),)}, "subtitles are those of the joined file"),
        ({"layout": "webdataset", "join": Path("a.wav")}, "cannot be joined"),
    ],
)
def test_settings_out_of_range(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings_of(tmp_path, "Yoo\n", **changes)


def started(settings: JobSettings, *options: str) -> subprocess.Popen[bytes]:
    line = ["synthesize", "--input", settings.corpus, "--output-dir", settings.output, "--voice", VOICE]
    return subprocess.Popen(
        [str(KALAKAN), *map(str, line), "--workers", "1", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits until something holds, or the process has ended."""
    while process.poll() is None and not holds():
        time.sleep(0.005)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.parametrize("layout", ["files", "webdataset"])
def test_files_come_one_by_one_and_survive_kill_9(tmp_path: Path, layout: Any) -> None:
    """0xShug0/audio.cpp#21; prakharsr/audiobook-creator#7: files appeared only when the whole job was over."""
    settings = settings_of(tmp_path, "\n".join(TEXTS * 50), layout=layout, shard_rows=70)
    run_job(replace(settings, output=tmp_path / "whole"))
    options = ["--layout", layout, *(["--shard-rows", "70"] if layout == "webdataset" else [])]
    kills = 0
    for rows in (1, 60, 150):
        process = started(settings, *options)
        path = settings.output / "manifest.jsonl"
        until(lambda: path.is_file() and path.read_bytes().count(b"\n") >= rows, process)  # noqa: B023
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        assert process.stderr is not None
        process.stderr.close()
        for wav in settings.output.rglob("*.wav"):
            assert soundfile.info(wav).frames > 0
    assert kills >= 2  # the last one may come too late on a fast machine
    process = started(settings, *options)
    error = process.communicate()[1]
    assert (process.returncode, error) == (0, b"")
    assert contents(settings.output) == contents(tmp_path / "whole")


SCHOOLBOOK = (
    "Saa ɔfa yi kasa fa asɛm, nhyehyɛeɛ ne ne ho.",
    "Yɛmfa nsa (,) mma adeɛ no akyi.",
    "Nhwɛsoɔ, wode m- si barima ho a, ɛdane mmarima.",
    "Sɛ wowɔ sukuu mu a, kae sɛ ɛyɛ sekan- nufanu.",
    "Kyerɛkyerɛ \u2018adwene\u2019 ase.",
    "Fa w\u2019ankasa nsɛm kyerɛ.",
    "Asɛm (edin) firi baako mu kɔ dodoɔ mu.",
    "Kasem, Ewe, ne deɛ ɛkeka ho.",
    "1. Twerɛ nsɛm a ɛdi soɔ yi: (a) fie, (b) dua.",
    "Ɛyɛ \u201cadeɛ\u201d / \u201cade\u201d?",
    "KYERƐ BAAKO NE MMIENU!",
    "Hwɛ kratafa 12 so, 2024.",
)


def test_texts_of_schoolbooks_all_become_audio(tmp_path: Path) -> None:
    """The rows of stable-twi-tts in GhanaNLP/nsanku-tts-benchmark: 83 of 200 clips could not be made."""
    settings = settings_of(tmp_path, "\n".join(SCHOOLBOOK), voice=None)
    status = run_job(settings)
    assert (status.done, status.failed) == (len(SCHOOLBOOK), 0)
    for line in lines_of(settings.output):
        assert line["seconds"] > 0.2
        assert 4 <= line["chars_per_second"] <= 30, line["text"]  # figures are longer when they are read


class Ear:
    """Hears the text, but in a row of one word the word twice, and in the second row nothing of the first word."""

    def compare(
        self, audio: np.ndarray, rate: int, units: Iterable[str]
    ) -> list[tuple[str | None, str | None]]:
        assert rate == 8000
        said = sounds_of(units)
        pairs: list[tuple[str | None, str | None]] = [(sound, sound) for sound in said]
        if len(said) < 8:
            return pairs + [(None, sound) for sound in said]
        return [(sound, None) for sound in said[:5]] + pairs[5:]


def test_a_recognizer_finds_skipped_and_repeated_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kalakan.jobs.writer._load_ear", lambda path: Ear())
    content = "Maakye\nMaakye, me nua Kofi\n"
    status = run_job(settings_of(tmp_path, content, storage=Storage(recognizer="ear.pt")))
    first, second = lines_of(tmp_path / "out")
    assert (first["phone_errors"], first["skipped"], first["repeated"]) == (1.0, 0, first["repeated"])
    assert first["repeated"] >= 4
    assert (second["skipped"], second["repeated"]) == (5, 0)
    assert 0.2 < second["phone_errors"] < 0.6
    odd = {row.number: " ".join(found) for row, found in status.odd}
    assert "sounds in a row heard and not in the text" in odd[1]
    assert "5 sounds in a row not heard" in odd[2]
    assert not list((tmp_path / "out").glob("*.timing.json"))
    plain = tmp_path / "plain"
    plain.mkdir()
    run_job(settings_of(plain, content))
    assert {line["phone_errors"] for line in lines_of(plain / "out")} == {None}
    assert [line["sha256"] for line in lines_of(plain / "out")] == [first["sha256"], second["sha256"]]
