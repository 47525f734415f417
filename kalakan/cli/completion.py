"""`kalakan completion`: completion scripts for the shells that click supports."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from kalakan.cli.streams import write_line


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of SHELL: eval "$(kalakan completion bash)"."""
    from kalakan.cli.export import command as export
    from kalakan.cli.main import cli
    from kalakan.cli.train import command as train

    kind = get_completion_class(shell)
    assert kind is not None, "click knows these three"
    for name, told in (("kalakan", cli), ("kalakan-train", train), ("kalakan-export", export)):
        variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
        write_line(kind(told, {}, name, variable).source())
