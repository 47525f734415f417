"""A command that was stopped says that it was, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import recordings
from kalakan.cli import train
from kalakan.cli.align import command as align_command
from kalakan.cli.prepare import command as prepare_command
from kalakan.config.training import TrainingConfig
from kalakan.errors import TrainingError
from kalakan.training import align
from kalakan.training.checkpoint import Position


def test_prepare_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings.plain(tmp_path / "source")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kalakan.data.preparation.items.read_stretch", stop)
    done = CliRunner().invoke(prepare_command, [str(tmp_path / "source"), str(tmp_path / "out")])
    assert done.exit_code != 0
    assert done.stderr.startswith("stopped; the same command goes on")


@pytest.mark.parametrize(
    ("step", "stale", "said"),
    [
        (6, 0, "stopped at step 6 of 12; the same command goes on\n"),
        (6, 3, ""),
        (12, 0, ""),
    ],
)
def test_train_says_where_it_was(
    step: int,
    stale: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    position = {"step": step, "stale": stale}
    monkeypatch.setattr("kalakan.training.checkpoint.load_checkpoint", lambda _: {"position": position})
    train._tell_rest(tmp_path, TrainingConfig(max_steps=12, patience=3))
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(("step", "stale"), [(6, 0), (6, 3), (12, 0)])
def test_a_stopped_aligner_aligns_nothing(
    step: int, stale: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    position = {"step": step, "stale": stale}
    monkeypatch.setattr(align, "reached", lambda _: Position(**position))
    product = tmp_path / "aligner.pt"
    product.write_bytes(b"x")
    config = TrainingConfig(max_steps=12, patience=3)
    if (step, stale) == (6, 0):
        with pytest.raises(TrainingError, match=r"stopped at step 6 of 12, and nothing is aligned; the same"):
            align._check_trained(tmp_path, product, config)
        assert not product.exists()
    else:
        align._check_trained(tmp_path, product, config)
        assert product.exists()


@pytest.mark.parametrize(("signals", "code"), [([2], 130), ([15], 143), ([], 0)])
def test_a_signal_that_ended_training_is_the_exit_code(
    signals: list[int], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, on_signal: Callable[[int], object], **__: object) -> Path:
        for number in signals:
            on_signal(number)
        return tmp_path / "vocoder_model.pt"

    monkeypatch.setattr("kalakan.training.trainer.Trainer.train", stopped)
    monkeypatch.setattr(train, "_tell_rest", lambda *_: None)
    places = ["--data-dir", str(tmp_path), "--output-dir", str(tmp_path)]
    done = CliRunner().invoke(train.command, ["--model-type", "harmonic_noise", *places])
    assert done.exit_code == code
    assert "written: " in done.stderr
    monkeypatch.setattr("kalakan.recipes.voice_recipe.run_recipe", stopped_recipe(signals))
    done = CliRunner().invoke(train.command, ["--recipe", "default_voice", *places])
    assert done.exit_code == code
    assert done.stderr == "stopped; the same command goes on\n"


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(143), SystemExit(129)])
def test_a_stop_between_the_steps_says_how_to_go_on(
    stop: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In features, exports and measurements too, of which training knows nothing."""

    def stopped(*_: object, **__: object) -> None:
        raise stop

    places = ["--data-dir", str(tmp_path), "--output-dir", str(tmp_path)]
    for place, command, arguments in (
        ("training.trainer.Trainer.train", train.command, ["--model-type", "harmonic_noise", *places]),
        ("recipes.my_voice.make_my_voice", train.command, ["--recipe", "my_voice", *places]),
        ("recipes.voice_recipe.make_voice", train.command, ["--recipe", "default_voice", *places]),
        ("training.align.align", align_command, [str(tmp_path)]),
        ("data.preparation.prepare.prepare", prepare_command, [str(tmp_path), str(tmp_path / "out")]),
    ):
        monkeypatch.setattr(f"kalakan.{place}", stopped)
        done = CliRunner().invoke(command, arguments)
        assert done.exit_code == (1 if isinstance(stop, KeyboardInterrupt) else stop.code)
        assert done.stderr.splitlines()[0] == "stopped; the same command goes on"
    anew = ["--model-type", "harmonic_noise", "--no-resume", *places]
    assert "goes on" not in CliRunner().invoke(train.command, anew).stderr


def stopped_recipe(signals: list[int]) -> Callable[..., None]:
    def stopped(*_: object, on_signal: Callable[[int], object], **__: object) -> None:
        for number in signals:
            on_signal(number)

    return stopped
