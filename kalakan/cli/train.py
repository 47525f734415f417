"""`kalakan train` and `kalakan-train`: the command line of `kalakan.training.trainer.Trainer`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import click
import yaml

from kalakan.cli.entry import run
from kalakan.cli.kinds import FILE, FOLDER, MODEL_TYPE, WORD, Suggested
from kalakan.cli.streams import going_on
from kalakan.config.yaml_values import load_yaml
from kalakan.errors import ConfigError, MissingDependencyError, how_to_install
from kalakan.models import registry
from kalakan.recipes.names import MY_VOICE, RECIPES
from kalakan.utils.config import Config
from kalakan.utils.config import read_values as read_source
from kalakan.voices.package import MANIFEST

if TYPE_CHECKING:
    from kalakan.config.training import TrainingConfig

NEEDED = ("torch", "safetensors", "onnx", "tqdm", "matplotlib")
"""Packages that a run uses, some only at its end."""


@click.command("train")
@click.option("--model-type", type=MODEL_TYPE, help="A trainable model type, such as fastspeech2_small.")
@click.option(
    "--recipe",
    type=Suggested(lambda _: RECIPES),
    help="Train a whole voice instead of one model; my_voice makes one from a folder of recordings.",
)
@click.option(
    "--data-dir", type=FOLDER, metavar="FOLDER", help="Corpus folder; for my_voice also plain recordings."
)
@click.option("--output-dir", type=FOLDER, metavar="FOLDER", help="Run folder; an existing run is resumed.")
@click.option(
    "--config",
    type=FILE,
    metavar="FILE",
    help="YAML settings (audio, model, data, training); for my_voice also what `kalakan new-voice` writes.",
)
@click.option(
    "--set",
    "changes",
    type=WORD,
    metavar="KEY=VALUE",
    multiple=True,
    help="One setting, such as training.batch_size=8.",
)
@click.option("--device", default="cpu", show_default=True, help="Torch device, such as cuda:0.")
@click.option(
    "--features",
    type=FOLDER,
    metavar="FOLDER",
    help="Where mels, F0 and audio are cached; default: in the run folder.",
)
@click.option("--resume/--no-resume", default=True, help="Resume an existing run in the folder (default).")
@click.option(
    "--start-from", type=FILE, metavar="PATH", help="Checkpoint or voice whose weights training starts from."
)
@click.option(
    "--teacher",
    type=FOLDER,
    metavar="VOICE",
    help="Voice that an acoustic model learns from in addition to the recordings (distillation).",
)
@click.option("--max-minutes", type=float, help="Save a checkpoint and stop after this many minutes.")
@click.option(
    "--distributed", is_flag=True, help="Run as one of several processes; not needed with torchrun."
)
@click.option("--world-size", type=int, default=1, help="With --distributed: number of processes.")
@click.option("--rank", type=int, default=0, help="With --distributed: index of this process, from 0.")
@click.option("--address", metavar="HOST:PORT", help="With --distributed: address on which rank 0 listens.")
@click.option("--profile", is_flag=True, help="Report at the end how long steps waited for data.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress bar.")
def command(
    model_type: str | None,
    recipe: str | None,
    data_dir: str | None,
    output_dir: str | None,
    config: str | None,
    changes: tuple[str, ...],
    max_minutes: float | None,
    resume: bool,
    distributed: bool,
    world_size: int,
    rank: int,
    address: str | None,
    teacher: str | None,
    **options: Any,
) -> None:
    """Train a model, or a whole voice with --recipe. Ctrl-C saves a checkpoint and exits with code 130."""
    if (model_type is None) == (recipe is None):
        raise click.UsageError("give --model-type or --recipe")
    if not distributed and (world_size, rank, address) != (1, 0, None):
        raise click.UsageError("--world-size, --rank and --address need --distributed")
    values = read_values(config, changes, max_minutes)
    stopped: list[int] = []
    options["on_signal"] = stopped.append
    product: Path | None
    if recipe is not None:
        if not resume:
            raise click.UsageError("a recipe always goes on; choose another --output-dir to begin again")
        if teacher is not None:
            raise click.UsageError("a recipe has no teacher; give --model-type with --teacher")
        if options.pop("profile"):
            raise click.UsageError("--profile is for one run; give --model-type with it")
        if distributed:
            raise click.UsageError("a recipe runs in one process; give --model-type with --distributed")
        with going_on():
            product = _follow(recipe, data_dir, output_dir, values, options)
    else:
        from kalakan.training.distributed import DEFAULT_ADDRESS, Place, local_device
        from kalakan.training.trainer import Trainer

        data_dir, output_dir = _given(data_dir, "--data-dir"), _given(output_dir, "--output-dir")
        settings = Config(values)
        check_installed()
        given = Place(rank, world_size, address or DEFAULT_ADDRESS) if distributed else None
        place = given or Place.of_launcher() or Place()
        trainer = Trainer(
            cast(str, model_type), settings, local_device(options.pop("device"), place), teacher=teacher
        )
        with going_on() if resume and not place.rank else nullcontext():
            product = trainer.train(data_dir, output_dir, resume=resume, place=place, **options)
        if place.rank:
            return
        if (product / MANIFEST).is_file() and registry.entry(cast(str, model_type)).has_onnx:
            from kalakan.export.voice import add_onnx

            add_onnx(product)  # so that the voice runs without torch
        _tell_rest(Path(output_dir), trainer.settings.training)
    click.echo(f"written: {product}" if product else "stopped; the same command goes on", err=True)
    if stopped:
        sys.exit(128 + stopped[0])


def _follow(
    recipe: str,
    data_dir: str | None,
    output_dir: str | None,
    values: dict[str, Any],
    options: dict[str, Any],
) -> Path | None:
    """The voice of a recipe; None if it was stopped."""
    if recipe not in RECIPES:
        raise click.UsageError(f"recipe {recipe!r} is not known; choose one of {', '.join(RECIPES)}")
    if recipe != MY_VOICE:
        data, output = _given(data_dir, "--data-dir"), _given(output_dir, "--output-dir")
        settings = Config(values)
        check_installed()
        from kalakan.recipes.voice_recipe import make_voice

        return make_voice(recipe, data, output, changes=settings, **options)
    from kalakan.recipes.plan import split_plan

    plan, configs = split_plan(values)
    data = _given(data_dir or plan.recordings, "--data-dir")
    output = _given(output_dir or plan.output, "--output-dir")
    check_installed()
    from kalakan.recipes.my_voice import make_my_voice

    def say(line: str) -> None:
        if not options["quiet"]:
            click.echo(line, err=True)

    return make_my_voice(data, output, plan=plan, configs=configs, say=say, **options)


def _given(value: str | None, option: str) -> str:
    if not value:
        raise click.UsageError(f"Missing option '{option}'.")
    return value


def _tell_rest(output: Path, config: TrainingConfig) -> None:
    """Reports that a run ended before its last step: its output looks like that of a complete run."""
    from kalakan.training.checkpoint import reached

    position = reached(output)
    if not position.is_done(config):
        click.echo(
            f"stopped at step {position.step} of {config.max_steps}; the same command goes on", err=True
        )


def check_installed() -> None:
    """Checks at the start for packages that the run needs later."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(f"training needs {', '.join(missing)}; {how_to_install('train')}")


def read_settings(config: str | None, changes: tuple[str, ...], max_minutes: float | None) -> Config:
    """The settings of a YAML file, with individual overrides."""
    return Config(read_values(config, changes, max_minutes))


def read_values(config: str | None, changes: tuple[str, ...], max_minutes: float | None) -> dict[str, Any]:
    """Like `read_settings`, but not validated, because a recipe has its own sections."""
    values = read_source(config)
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set {change}: write KEY=VALUE, as in training.batch_size=8")
        _put(values, key.split("."), _value(change, value))
    if max_minutes is not None:
        _put(values, ["training", "max_minutes"], max_minutes)
    return values


def _value(change: str, text: str) -> Any:
    try:
        return load_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {change}: {text!r} is not a YAML value") from error


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{'.'.join(path)} is not a setting; {name} holds a value")
    values[path[-1]] = value


def main() -> NoReturn:
    """Entry point of `kalakan-train`."""
    run(command, "kalakan-train")
