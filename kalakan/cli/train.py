"""`kalakan train` and `kalakan-train`: the command line of `kalakan.training.trainer.Trainer`."""

from __future__ import annotations

from typing import Any, NoReturn

import click
import yaml

from kalakan.cli.entry import run
from kalakan.errors import ConfigError
from kalakan.utils.config import Config
from kalakan.voices.package import MANIFEST


@click.command("train")
@click.option("--model-type", required=True, help="A trainable model type, such as fastspeech2_small.")
@click.option("--data-dir", metavar="FOLDER", required=True, help="Dataset folder.")
@click.option("--output-dir", metavar="FOLDER", required=True, help="Run folder; a run found there goes on.")
@click.option("--config", metavar="FILE", help="YAML settings (audio, model, data, training).")
@click.option(
    "--set", "changes", metavar="KEY=VALUE", multiple=True, help="One setting, as training.batch_size=8."
)
@click.option("--device", default="cpu", show_default=True, help="Torch device, such as cuda:0.")
@click.option("--features", metavar="FOLDER", help="Where mels are cached; default: in the run folder.")
@click.option("--resume/--no-resume", default=True, help="Go on with a run found in the folder (default).")
@click.option("--start-from", metavar="FILE", help="Checkpoint whose weights a new run begins with.")
@click.option("--max-minutes", type=float, help="Stop, with a checkpoint, after so many minutes.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
def command(
    model_type: str,
    data_dir: str,
    output_dir: str,
    config: str | None,
    changes: tuple[str, ...],
    device: str,
    features: str | None,
    resume: bool,
    start_from: str | None,
    max_minutes: float | None,
    quiet: bool,
) -> None:
    """Train a model; Ctrl-C stops it with a checkpoint."""
    settings = _settings(config, changes, max_minutes)
    from kalakan.training.trainer import Trainer

    trainer = Trainer(model_type, settings, device)
    product = trainer.train(
        data_dir, output_dir, features=features, resume=resume, start_from=start_from, quiet=quiet
    )
    if (product / MANIFEST).is_file():
        from kalakan.export.voice import add_onnx

        add_onnx(product)  # so that the voice speaks without torch
    click.echo(f"written: {product}", err=True)


def _settings(config: str | None, changes: tuple[str, ...], max_minutes: float | None) -> Config:
    values = Config(config).to_dict()
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set {change}: write KEY=VALUE, as in training.batch_size=8")
        _put(values, key.split("."), _value(change, value))
    if max_minutes is not None:
        _put(values, ["training", "max_minutes"], max_minutes)
    return Config(values)


def _value(change: str, text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {change}: {text!r} is not a YAML value") from error
    if isinstance(value, str):
        try:
            return float(value)  # YAML 1.1 reads 1e-3 as a string
        except ValueError:
            return value
    return value


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{'.'.join(path)} is not a setting; {name} holds a value")
    values[path[-1]] = value


def main() -> NoReturn:
    """Entry point of `kalakan-train`."""
    run(command, "kalakan-train")
