"""Data that no run can use: one line that names it, exit code 1, and no product. What is damaged in data that can be
used is left out, named and counted."""

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
from torch.utils.data import DataLoader

from kalakan.cli.main import main
from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig
from kalakan.data.dataset import TwiDataset
from kalakan.errors import AudioError, DamagedDataWarning, DataError
from kalakan.models import registry
from kalakan.text.phonemes import TABLE_HASH
from kalakan.training.checkpoint import FORMAT
from kalakan.training.damage import check_damage, leave_out_together
from kalakan.training.distributed import Group, Place
from kalakan.training.trainer import Trainer
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.weights import load_pt, save_pt
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


def not_finite(folder: Path, records: list[dict[str, Any]]) -> None:
    path = folder / "audio" / f"{records[1]['id']}.ogg"
    audio, rate = soundfile.read(path)
    audio[100:200] = float("nan")
    path.unlink()
    soundfile.write(path.with_suffix(".wav"), audio, rate, subtype="FLOAT")


def many_unreadable(folder: Path, records: list[dict[str, Any]]) -> None:
    for record in records[1:5]:
        (folder / "audio" / f"{record['id']}.ogg").write_bytes(b"OggS, and no more")


def all_unreadable(folder: Path, records: list[dict[str, Any]]) -> None:
    for record in records:
        (folder / "audio" / f"{record['id']}.ogg").write_bytes(b"OggS, and no more")


def all_unknown(folder: Path, records: list[dict[str, Any]]) -> None:
    for record in records:
        record["units"][0] = "qq"


DAMAGE = [
    (unknown_unit, "meta.jsonl:3: 'qq' is not a symbol of the phoneme table"),
    (missing_audio, "meta.jsonl:2: the recording audio/kwame_00028.ogg is not there"),
    (unreadable_audio, "kwame_00028.ogg cannot be read as audio"),
    (other_rate, "kwame_00028.ogg: is sampled at 16000 Hz and the audio settings say 24000"),
    (cut_short, "kwame_00028.ogg: has"),
    (not_finite, "kwame_00028.wav: holds samples that are not finite"),
]


@pytest.mark.filterwarnings("default::kalakan.errors.DamagedDataWarning")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_units, "meta.jsonl:4: lacks units"),
        (empty, "holds no utterance"),
        (only_tests, "holds no utterance of the split 'train'"),
        (unaligned, "has no durations yet; run `kalakan align"),
        (all_unknown, "holds no utterance that can be used; the first: "),
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


@pytest.mark.parametrize(("change", "message"), DAMAGE, ids=lambda value: getattr(value, "__name__", ""))
def test_a_damaged_item_is_named_left_out_and_counted(
    damaged: Callable[[Change], Path],
    tiny_config: dict[str, Any],
    tmp_path: Path,
    change: Change,
    message: str,
) -> None:
    run, folder = tmp_path / "run", damaged(change)
    tiny_config["training"] |= {"max_steps": 1}
    with pytest.warns(DamagedDataWarning) as caught:
        voice = Trainer("fastspeech2_small", tiny_config).train(folder, run, quiet=True)
    lines = [str(warning.message) for warning in caught if warning.category is DamagedDataWarning]
    assert any(message in line and "left out: 1 (" in line for line in lines)
    assert lines[-1] == f"damaged utterances left out: 1; {run / 'left_out.json'} says why"
    (reason,) = json.loads((run / "left_out.json").read_text(encoding="utf-8")).values()
    assert message in reason
    assert (voice / "voice.json").is_file()


@pytest.mark.parametrize("kind", ["hifigan", "tacotron2", "harmonic_noise", "aligner"])
def test_every_task_leaves_unreadable_audio_out(
    damaged: Callable[[Change], Path], tmp_path: Path, kind: str
) -> None:
    trainer = Trainer(kind, {"segments": {"frames": 16, "validation_frames": 16}})
    train, validation = trainer.task.datasets(damaged(unreadable_audio), tmp_path / "features")
    with pytest.warns(DamagedDataWarning, match=r"kwame_00028\.ogg cannot be read as audio"):
        train.prepare()
    validation.prepare()
    assert list(train.left_out) == ["kwame_00028"]
    names = {train.name(index) for index in range(len(train))}
    assert len(names) >= 8 and "kwame_00028" not in names
    for index in range(len(train)):
        train[index]
    assert len(train.frame_counts()) == len(train)


@pytest.mark.filterwarnings("default::kalakan.errors.DamagedDataWarning")
def test_the_command_counts_at_the_end(
    command: Command, damaged: Callable[[Change], Path], tiny_config: dict[str, Any], tmp_path: Path
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps(tiny_config))
    places = ("--data-dir", damaged(other_rate), "--output-dir", tmp_path / "run", "--config", settings)
    code, error = command("train", "--model-type", "fastspeech2_small", "-q", *places)
    assert code == 0
    first, *_, counted, written = error.splitlines()
    assert first.startswith("kalakan: warning: ") and "is sampled at 16000 Hz" in first
    assert (
        counted
        == f"kalakan: warning: damaged utterances left out: 1; {tmp_path / 'run' / 'left_out.json'} says why"
    )
    assert written.startswith("written: ")


@pytest.mark.filterwarnings("ignore::kalakan.errors.DamagedDataWarning")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            many_unreadable,
            r"4 of 12 utterances are damaged and training\.max_damaged is 0\.25; .*kwame_00028",
        ),
        (all_unreadable, r"no utterance of 9 can be used; the first: .*kwame_00028"),
    ],
)
def test_too_much_damage_ends_a_run(
    damaged: Callable[[Change], Path],
    tiny_config: dict[str, Any],
    tmp_path: Path,
    change: Change,
    message: str,
) -> None:
    with pytest.raises(DataError, match=message):
        Trainer("fastspeech2_small", tiny_config).train(damaged(change), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run" / "last.pt").exists()


@pytest.mark.filterwarnings("ignore::kalakan.errors.DamagedDataWarning")
def test_the_limit_can_be_raised(
    damaged: Callable[[Change], Path], tiny_config: dict[str, Any], tmp_path: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 1, "max_damaged": 0.5}
    Trainer("fastspeech2_small", tiny_config).train(damaged(many_unreadable), tmp_path / "run", quiet=True)
    assert len(json.loads((tmp_path / "run" / "left_out.json").read_text())) == 4


@pytest.mark.filterwarnings("ignore::kalakan.errors.DamagedDataWarning")
def test_processes_agree_on_what_is_left_out(damaged: Callable[[Change], Path], tmp_path: Path) -> None:
    """The other process finds damage that this one does not, as on another machine's disk."""

    class TwoProcesses(Group):
        def collect(self, value: Any) -> list[Any]:
            return [value, {"akosua_00048": "a disk error"}]

    data = TwiDataset(damaged(unreadable_audio), features=tmp_path / "features")
    data.prepare()
    leave_out_together([data], TwoProcesses(Place(), torch.device("cpu")))
    assert data.left_out.keys() == {"kwame_00028", "akosua_00048"}
    assert not {"kwame_00028", "akosua_00048"} & {data.name(index) for index in range(len(data))}
    assert check_damage([data], 0.25) == data.left_out


@pytest.mark.filterwarnings("ignore::kalakan.errors.DamagedDataWarning")
@pytest.mark.parametrize("workers", [0, 2])
def test_the_seeds_loader_leaves_damaged_recordings_out(
    damaged: Callable[[Change], Path], tmp_path: Path, workers: int
) -> None:
    data = TwiDataset(damaged(unreadable_audio), features=tmp_path / "features")
    batches = list(DataLoader(data, batch_size=3, num_workers=workers))
    assert sum(len(batch["phonemes"]) for batch in batches) == len(data) - 1
    place = [item.id for item in data.utterances].index("kwame_00028")
    with pytest.raises(DataError, match=r"a whole batch is damaged; the first: .*kwame_00028\.ogg"):
        list(DataLoader(data, sampler=[place]))
    with pytest.raises(AudioError, match=r"kwame_00028\.ogg cannot be read"):
        data[place]
    with pytest.warns(DamagedDataWarning, match=r"left out: 1 .*kwame_00028\.ogg"):
        data.__getitems__([place, place + 1])


@pytest.mark.parametrize("verb", ["align", "train"])
def test_a_folder_that_is_no_corpus(command: Command, tmp_path: Path, verb: str) -> None:
    places = (tmp_path,) if verb == "align" else ("--data-dir", tmp_path, "--output-dir", tmp_path / "run")
    kind = ("--model-type", "fastspeech2") if verb == "train" else ()
    check_failure(command(verb, *kind, *places), "holds no meta.jsonl; give a corpus folder")


@pytest.mark.filterwarnings("default::kalakan.errors.DamagedDataWarning")
def test_aligning_leaves_damage_out(
    command: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "corpus"
    make_spoken_corpus(corpus, clips=8)
    (corpus / "audio" / "clip_00002.flac").write_bytes(b"fLaC, and no more")
    path = corpus / "meta.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[3] = (
        lines[3].replace('"k"', '"qq"').replace('"t"', '"qq"').replace('"m"', '"qq"').replace('"n"', '"qq"')
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, error = command("align", corpus, "-q", "--set", "training.max_steps=2", "--set", "model.width=16")
    assert code == 0, error
    assert "clip_00002.flac" in error and "meta.jsonl:4: 'qq' is not a symbol" in error
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [record["id"] for record in records if "frames" not in record] == ["clip_00002", "clip_00003"]
    table = (corpus / "alignment.tsv").read_text(encoding="utf-8")
    assert "clip_00002\t\t" in table and "meta.jsonl:4\t\t" in table
    assert len(list((corpus / "textgrids").iterdir())) == 6


@pytest.mark.filterwarnings("ignore::kalakan.errors.DamagedDataWarning")
def test_aligning_a_corpus_of_damage_fails(command: Command, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    make_spoken_corpus(corpus, clips=4)
    for name in ("clip_00002", "clip_00003"):
        (corpus / "audio" / f"{name}.flac").write_bytes(b"fLaC, and no more")
    check_failure(command("align", corpus, "-q"), "2 of 4 utterances are damaged")
    assert "frames" not in (corpus / "meta.jsonl").read_text(encoding="utf-8")


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
    save_pt(tmp_path / "v.pt", registry.create_vocoder("melgan", audio), ModelRecord("melgan", {}), audio)
    contents = torch.load(tmp_path / "v.pt", weights_only=True)
    torch.save(contents | {"phoneme_table": "0" * 16}, tmp_path / "v.pt")
    assert load_pt(tmp_path / "v.pt").record.type == "melgan"  # a vocoder knows no ids
    checkpoint = {"format": FORMAT, "model_type": "fastspeech2_small", "phoneme_table": "0" * 16}
    torch.save({**checkpoint, "average": {}}, tmp_path / "last.pt")
    places = ("--data-dir", corpus, "--output-dir", tmp_path / "run", "--start-from", tmp_path / "last.pt")
    result = command("train", "--model-type", "fastspeech2_small", "-q", *places)
    check_failure(result, "last.pt: was trained on another phoneme table (000000000000)")
