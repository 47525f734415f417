"""A run in a folder where one was before: it goes on, or begins again and takes nothing of the other for its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kalakan.errors import ConfigError, TrainingError
from kalakan.storage import lock_file
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.metrics_log import MetricsLog
from kalakan.training.trainer import Trainer
from kalakan.voices.weights import load_pt
from tiny_corpus import make_corpus

Settings = dict[str, dict[str, Any]]


def _train(config: Settings, corpus: Path, output: Path, **options: Any) -> Path:
    return Trainer("fastspeech2_small", config).train(corpus, output, quiet=True, **options)


@pytest.fixture(scope="module")
def before(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four steps."""
    folder = tmp_path_factory.mktemp("before")
    _train(_settings(max_steps=4), corpus, folder)
    return folder


@pytest.fixture
def run(before: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(before, tmp_path / "run"))


def _settings(**training: Any) -> Settings:
    model = {"encoder_layers": 1, "encoder_width": 16, "decoder_layers": 1, "predictor_layers": 1}
    every = {"log_every": 1, "validate_every": 3, "picture_every": 100, "validation_utterances": 2}
    return {"model": model, "training": {"batch_size": 2, **every, **training}}


def _steps(folder: Path) -> list[int]:
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [record["step"] for record in records if record["group"] != "time"]


def test_a_run_begun_anew_leaves_its_own_weights_and_log(corpus: Path, run: Path) -> None:
    """It ends before it validates: the best weights in the folder are the other run's."""
    assert _steps(run) == [1, 2, 3, 3, 4]
    _train(_settings(max_steps=2, seed=7), corpus, run, resume=False)
    assert _steps(run) == [1, 2]
    expected = load_checkpoint(run / "last.pt")
    assert expected["position"]["step"] == 2
    for name, value in load_pt(run / "acoustic_model.pt").module.state_dict().items():
        assert torch.equal(value, expected["average"][f"acoustic.{name}"]), name
    board = EventAccumulator(str(run / "tensorboard")).Reload()
    assert [event.step for event in board.Scalars("train/loss")] == [1, 2]


def test_a_run_begun_anew_and_killed_does_not_go_on_with_the_other(corpus: Path, run: Path) -> None:
    trainer = Trainer("fastspeech2_small", _settings(max_steps=2))

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    trainer.task.phases = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trainer.train(corpus, run, quiet=True, resume=False)
    assert load_checkpoint(run / "last.pt")["position"]["step"] == 0
    _train(_settings(max_steps=2), corpus, run)
    assert _steps(run) == [1, 2]


def test_a_run_may_begin_anew_with_what_it_replaces(corpus: Path, run: Path) -> None:
    _train(_settings(max_steps=1), corpus, run, resume=False, start_from=run / "best.pt")
    assert json.loads((run / "started_from.json").read_text())["left_out"] == {}


def test_the_settings_of_a_run_are_those_of_its_model(corpus: Path, run: Path, tmp_path: Path) -> None:
    """Its `config.json` trains the same again, and the voice may be spoken with it."""
    settings = json.loads((run / "config.json").read_text())
    assert settings["model"]["speakers"] == ["akosua", "kwame"]
    assert load_checkpoint(run / "last.pt")["settings"] == settings
    again = Trainer("fastspeech2_small", str(run / "config.json")).train(
        corpus, tmp_path / "again", quiet=True
    )
    assert json.loads((tmp_path / "again" / "config.json").read_text()) == settings
    synthesizer = Synthesizer(again, engine="torch", config=str(run / "config.json"))
    assert synthesizer.speakers == ("akosua", "kwame")


@pytest.mark.parametrize("tail", ["", '{"step": 4, "gro'], ids=["whole", "cut short"])
def test_the_log_of_steps_that_are_taken_again_is_removed(tmp_path: Path, tail: str) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"step": step, "group": "train"}) + "\n" for step in (1, 2, 2, 3, 4)]
    path.write_text("".join(lines) + tail)
    MetricsLog(tmp_path, 3).close()
    assert path.read_text() == "".join(lines[:4])
    log = MetricsLog(tmp_path, 3)
    log.scalars(4, "train", {"loss": 1.0})
    log.close()
    assert _steps(tmp_path) == [1, 2, 2, 3, 4]


def test_a_run_of_other_sizes_or_speakers_does_not_go_on(corpus: Path, run: Path) -> None:
    settings = _settings(max_steps=5)
    settings["model"]["encoder_width"] = 32
    with pytest.raises(
        TrainingError, match=r"other sizes, parts or speakers .*\[96, 16\] there and \[96, 32\] here"
    ):
        _train(settings, corpus, run)
    more = shutil.copytree(corpus, run / "corpus")
    text = (more / "meta.jsonl").read_text(encoding="utf-8")
    (more / "meta.jsonl").write_text(
        text.replace('"speaker": "kwame"', '"speaker": "ama"', 1), encoding="utf-8"
    )
    with pytest.raises(TrainingError, match=r"pitch_mean has shape \[2\] there and \[3\] here"):
        _train(_settings(max_steps=5), more, run)


@pytest.mark.parametrize(
    ("kind", "model", "message"),
    [
        (
            "fastspeech2_small",
            {"speakers": ["ama"]},
            r"speakers is \(.ama.,\) and the speakers of the corpus are",
        ),
        ("tacotron2", {"speakers": ["kwame", "akosua"]}, r"model\.speakers is .*; leave it out"),
        ("fastspeech2", {"n_mels": 40}, r"model\.n_mels is 40 and audio\.n_mels is 80; leave it out"),
        (
            "aligner",
            {"n_phonemes": 12},
            r"model\.n_phonemes is 12 and the phoneme table has 96; leave it out",
        ),
    ],
)
def test_sizes_that_the_corpus_decides(
    corpus: Path, tmp_path: Path, kind: str, model: dict[str, Any], message: str
) -> None:
    trainer = Trainer(kind, {"model": model})
    trainer.task.datasets(corpus, tmp_path)
    with pytest.raises(ConfigError, match=message):
        trainer.task.build(trainer.settings)


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Trainer("fastspeech2_small", device="cuda:1").device.index == 1
    with pytest.raises(ConfigError, match=r"'cuda:2' was asked for and the last CUDA device is 'cuda:1'"):
        Trainer("fastspeech2_small", device="cuda:2")


def test_a_run_that_goes_on_says_what_is_not_as_it_was(
    tiny_config: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quiet runs say it too: only bars and scores are not shown."""
    folder = make_corpus(tmp_path / "corpus")
    tiny_config["training"] |= {"max_steps": 1}
    Trainer("fastspeech2_small", tiny_config).train(folder, tmp_path / "run", quiet=True)
    Trainer("fastspeech2_small", tiny_config).train(folder, tmp_path / "run", quiet=True)
    assert capsys.readouterr().err == ""
    tiny_config["training"] |= {"max_steps": 2, "batch_size": 3}
    records = [json.loads(line) for line in (folder / "meta.jsonl").read_text().splitlines()]
    last = next(record for record in reversed(records) if int(record["id"][-5:]) % 20 != 7)
    records.remove(last)
    (folder / "meta.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    Trainer("fastspeech2_small", tiny_config).train(folder, tmp_path / "run", quiet=True)
    now = len(
        Trainer("fastspeech2_small", tiny_config).task.datasets(folder, tmp_path / "features")[0].utterances
    )
    assert sorted(capsys.readouterr().err.splitlines()) == [
        f"goes on with {now} train utterances, which were {now + 1}",
        "goes on with training.batch_size 3, which was 2",
        "goes on with training.max_steps 2, which was 1",
    ]
    other = next(record for record in records if int(record["id"][-5:]) % 20 != 7)
    place = next(i for i, unit in enumerate(other["units"]) if unit == "a")
    other["units"][place] = "e"
    (folder / "meta.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    Trainer("fastspeech2_small", tiny_config).train(folder, tmp_path / "run", quiet=True)
    said = capsys.readouterr().err.splitlines()
    assert said == ["goes on with other transcripts, durations or lengths of the train utterances"]


def test_frames_that_mean_another_sound_are_refused(
    tiny_config: Settings, corpus: Path, tmp_path: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 1}
    voice = Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "run", quiet=True)
    other = {**tiny_config, "audio": {"hop_length": 240}}
    message = r"was trained with audio\.hop_length 300 and this is 240: its frames mean another sound"
    with pytest.raises(TrainingError, match=message):
        Trainer("fastspeech2_small", other).train(corpus, tmp_path / "run", quiet=True)
    for number, source in enumerate((voice, tmp_path / "run" / "last.pt")):
        with pytest.raises(TrainingError, match=message):
            folder = tmp_path / f"begun-{number}"
            Trainer("fastspeech2_small", other).train(corpus, folder, start_from=source, quiet=True)
        assert not (folder / "features").exists()  # refused before an hour's features are computed
    assert len(list((tmp_path / "run" / "features").iterdir())) == 1


def test_the_best_checkpoint_is_no_larger_than_its_weights(
    tiny_config: Settings, corpus: Path, tmp_path: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 1, "validate_every": 1}
    _train(tiny_config, corpus, tmp_path / "run")
    best = load_checkpoint(tmp_path / "run" / "best.pt")
    assert "optimizers" not in best
    assert "optimizers" in load_checkpoint(tmp_path / "run" / "last.pt")
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "run" / "best.pt", tmp_path / "other" / "last.pt")
    with pytest.raises(
        TrainingError, match=r"has no optimizers, as a best\.pt; begin a run in another folder"
    ):
        _train(tiny_config, corpus, tmp_path / "other")
    _train(tiny_config, corpus, tmp_path / "third", start_from=tmp_path / "run" / "best.pt")


def test_two_runs_do_not_share_a_folder(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    tiny_config["training"] |= {"max_steps": 1}
    lock = lock_file(tmp_path / ".lock")
    assert lock is not None
    with lock, pytest.raises(TrainingError, match="another process trains here now"):
        _train(tiny_config, corpus, tmp_path)
    _train(tiny_config, corpus, tmp_path)


@pytest.mark.parametrize("part", ["modules", "average"])
def test_a_flipped_bit_in_a_checkpoint_is_found(run: Path, corpus: Path, part: str) -> None:
    path = run / "last.pt"
    weights = max(load_checkpoint(path)[part].values(), key=lambda value: value.numel())
    content = bytearray(path.read_bytes())
    place = content.find(weights.numpy().tobytes())
    assert place > 0
    content[place + 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"last\.pt: is damaged or no checkpoint"):
        _train(_settings(max_steps=5), corpus, run)
