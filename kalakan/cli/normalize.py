"""`kalakan normalize`: text as the words that will be spoken."""

from __future__ import annotations

import click

from kalakan.cli.streams import read_lines, text_argument, write_line
from kalakan.text.normalizer import normalize_text


@click.command("normalize")
@click.argument("text", required=False)
@click.option("--variety", type=click.Choice(["asante", "akuapem"]), default="asante", show_default=True)
@click.option("--chat", type=click.Choice(["off", "narrow", "wide"]), default="narrow", show_default=True)
@click.option("--clock-to-hour", is_flag=True, help="Read 3:45 as minutes to the coming hour.")
def command(text: str | None, variety: str, chat: str, clock_to_hour: bool) -> None:
    """Write TEXT, or each line of standard input, as words and pause marks."""
    lines = read_lines() if text in (None, "-") else [text_argument(text or "")]
    for line in lines:
        write_line(normalize_text(line, variety=variety, chat=chat, clock_to_hour=clock_to_hour))
