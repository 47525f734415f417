"""Data that no run can use: one line that names it, exit code 1, and no product."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from kalakan.cli.main import main
from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig
from kalakan.models import registry
from kalakan.text.phonemes import TABLE_HASH
from kalakan.training.state import FORMAT
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.weights import save_pt
from recordings import plain
from spoken_corpus import make_spoken_corpus

Change = Callable[[Path, list[dict[str, Any]]], None]
Command = Callable[..., "tuple[int, str]"]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Runs `kalakan` in this process: exit code and standard error."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["kalakan", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capfd.readouterr().err

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def damaged(corpus: Path, tmp_path: Path) -> Callable[[Change], Path]:
    """A copy of the corpus with a change in its files or records."""

    def make(change: Change) -> Path:
        folder = tmp_path / "damaged"
        shutil.copytree(corpus, folder)
        path = folder / "meta.jsonl"
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        change(folder, records)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return folder

    return make


def check_failure(result: tuple[int, str], message: str) -> None:
    code, error = result
    assert code == 1, error
    assert error.startswith("kalakan: error: ") and error.count("\n") == 1, error
    assert message in error


def no_units(folder: Path, records: list[dict[str, Any]]) -> None:
    del records[3]["units"]


def unknown_unit(folder: Path, records: list[dict[str, Any]]) -> None:
    records[2]["units"][0] = "qq"


def empty(folder: Path, records: list[dict[str, Any]]) -> None:
    records.clear()


def only_tests(folder: Path, records: list[dict[str, Any]]) -> None:
    for record in records:
        record["split"] = "test"


def unaligned(folder: Path, records: list[dict[str, Any]]) -> None:
    for record in records:
        for key in ("frames", "lead", "tones", "f0"):
            record.pop(key, None)


def missing_audio(folder: Path, records: list[dict[str, Any]]) -> None:
    (folder / "audio" / f"{records[1]['id']}.ogg").unlink()


def unreadable_audio(folder: Path, records: list[dict[str, Any]]) -> None:
    (folder / "audio" / f"{records[1]['id']}.ogg").write_bytes(b"OggS, and no more")


def other_rate(folder: Path, records: list[dict[str, Any]]) -> None:
    path = folder / "audio" / f"{records[1]['id']}.ogg"
    audio, _ = soundfile.read(path)
    soundfile.write(path, audio, 16_000)


def cut_short(folder: Path, records: list[dict[str, Any]]) -> None:
    path = folder / "audio" / f"{records[1]['id']}.ogg"
    audio, rate = soundfile.read(path)
    soundfile.write(path, audio[: len(audio) // 2], rate)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_units, "meta.jsonl:4: lacks units"),
        (unknown_unit, "meta.jsonl:3: 'qq' is not a symbol of the phoneme table"),
        (empty, "holds no utterance"),
        (only_tests, "holds no utterance of the split 'train'"),
        (unaligned, "has no durations yet; run `kalakan align"),
        (missing_audio, "is not there"),
        (unreadable_audio, "kwame_00028.ogg"),
        (other_rate, "kwame_00028.ogg: is sampled at 16000 Hz and the audio settings say 24000"),
        (cut_short, "kwame_00028.ogg: has"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_corpus(
    command: Command,
    damaged: Callable[[Change], Path],
    tmp_path: Path,
    change: Change,
    message: str,
) -> None:
    places = ("--data-dir", damaged(change), "--output-dir", tmp_path / "run")
    check_failure(command("train", "--model-type", "fastspeech2_small", "-q", *places), message)
    assert not (tmp_path / "run" / "voice").exists()


@pytest.mark.parametrize("kind", ["hifigan", "tacotron2", "harmonic_noise"])
def test_every_task_names_unreadable_audio(
    command: Command, damaged: Callable[[Change], Path], tmp_path: Path, kind: str
) -> None:
    places = ("--data-dir", damaged(unreadable_audio), "--output-dir", tmp_path / "run")
    segments = ("--set", "segments.frames=16", "--set", "segments.validation_frames=16")
    check_failure(command("train", "--model-type", kind, "-q", *segments, *places), "kwame_00028.ogg")


@pytest.mark.parametrize("verb", ["align", "train"])
def test_a_folder_that_is_no_corpus(command: Command, tmp_path: Path, verb: str) -> None:
    places = (tmp_path,) if verb == "align" else ("--data-dir", tmp_path, "--output-dir", tmp_path / "run")
    kind = ("--model-type", "fastspeech2") if verb == "train" else ()
    check_failure(command(verb, *kind, *places), "holds no meta.jsonl; give a corpus folder")


def test_aligning_names_unreadable_audio(command: Command, tmp_path: Path) -> None:
    make_spoken_corpus(tmp_path / "corpus", clips=4)
    (tmp_path / "corpus" / "audio" / "clip_00002.flac").write_bytes(b"fLaC, and no more")
    check_failure(command("align", tmp_path / "corpus", "-q"), "clip_00002.flac")
    assert "frames" not in (tmp_path / "corpus" / "meta.jsonl").read_text(encoding="utf-8")


def test_preparing_leaves_damaged_recordings_out_and_counts_them(command: Command, tmp_path: Path) -> None:
    plain(tmp_path / "source")
    (tmp_path / "source" / "one.wav").write_bytes(b"RIFF, and no more")
    (tmp_path / "source" / "two.txt").write_text("漢字", encoding="utf-8")
    assert command("prepare", tmp_path / "source", tmp_path / "corpus", "-q") == (0, "")
    report = (tmp_path / "corpus" / "report.md").read_text(encoding="utf-8")
    assert "4 recordings: 2 kept, 2 left out." in report
    assert "`one`" in report and "`two`" in report


def test_models_and_checkpoints_of_another_phoneme_table(
    command: Command, corpus: Path, tmp_path: Path
) -> None:
    model, audio = registry.create_acoustic("fastspeech2_small"), AudioConfig()
    record = ModelRecord("fastspeech2_small", to_dict(model.config))  # type: ignore[arg-type]
    save_pt(tmp_path / "model.pt", model, record, audio)
    contents = torch.load(tmp_path / "model.pt", weights_only=True)
    assert contents["phoneme_table"] == TABLE_HASH
    torch.save(contents | {"phoneme_table": "0" * 16}, tmp_path / "model.pt")
    check_failure(command("inspect", tmp_path / "model.pt"), "was trained on another phoneme table")
    checkpoint = {"format": FORMAT, "model_type": "fastspeech2_small", "phoneme_table": "0" * 16}
    torch.save({**checkpoint, "average": {}}, tmp_path / "last.pt")
    places = ("--data-dir", corpus, "--output-dir", tmp_path / "run", "--start-from", tmp_path / "last.pt")
    result = command("train", "--model-type", "fastspeech2_small", "-q", *places)
    check_failure(result, "last.pt: was trained on another phoneme table (000000000000)")
