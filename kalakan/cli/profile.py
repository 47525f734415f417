"""`kalakan profile`: shows where a voice or a training run spends time and memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kalakan.cli.kinds import FOLDER, WORD
from kalakan.cli.streams import write_line

if TYPE_CHECKING:
    from kalakan.synthesis.synthesizer import Synthesizer


@click.command("profile")
@click.argument("text", type=WORD, metavar="[TEXT]", required=False)
@click.option(
    "--voice", type=FOLDER, metavar="FOLDER", help="Voice folder; default: the voice that comes with kalakan."
)
@click.option("--engine", type=click.Choice(["auto", "onnx", "torch"]), default="auto", show_default=True)
@click.option("--device", type=WORD, default="cpu", show_default=True, metavar="NAME")
@click.option(
    "--runs",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    metavar="N",
    help="Number of runs of each stage.",
)
@click.option("--torch", "wants_torch", is_flag=True, help="Show torch operators; torch engine only.")
@click.option("--memory", "wants_memory", is_flag=True, help="Show what one synthesis allocates.")
@click.option(
    "--leaks",
    type=click.IntRange(8, 100_000),
    metavar="N",
    help="Check over N runs that memory does not grow.",
)
@click.option(
    "--transfers", "wants_transfers", is_flag=True, help="Show copies between CPU and GPU; torch engine only."
)
@click.option(
    "--output", type=FOLDER, metavar="FOLDER", help="Folder for trace.json and, on CUDA, cuda_memory.pickle."
)
@click.option(
    "--run", "training_run", type=FOLDER, metavar="RUN", help="Show the efficiency of a training run instead."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures of --run as JSON.")
def command(
    text: str | None,
    voice: str | None,
    engine: str,
    device: str,
    runs: int,
    wants_torch: bool,
    wants_memory: bool,
    leaks: int | None,
    wants_transfers: bool,
    output: str | None,
    training_run: str | None,
    as_json: bool,
) -> int:
    """Show how long each stage of a synthesis takes: text, acoustic model, vocoder, file, queue.

    TEXT is a five-second sentence by default. Exits with code 1 if --leaks finds a leak.
    """
    if as_json and training_run is None:
        raise click.UsageError("--json is the form of --run; give --run RUN")
    if training_run is not None:
        if text is not None or voice is not None or wants_torch or wants_memory or leaks or wants_transfers:
            raise click.UsageError("--run looks at a log; leave out what is for a voice")
        return _training(training_run, as_json)
    if output is not None and not wants_torch and not wants_memory:
        raise click.UsageError("--output keeps what --torch and --memory find; give one of them")
    from kalakan.benchmark.profiling.stages import breakdown
    from kalakan.benchmark.report import made_folder
    from kalakan.benchmark.texts import SENTENCE
    from kalakan.synthesis.synthesizer import Synthesizer

    wants_engine = "torch" if engine == "auto" and (wants_torch or wants_transfers) else engine
    synthesizer = Synthesizer(voice, engine=wants_engine, device=device)
    text = SENTENCE if text is None else text
    folder = None if output is None else made_folder(output)
    for line in breakdown(synthesizer, text, runs).lines():
        write_line(line)
    if wants_torch:
        from kalakan.benchmark.profiling.torch_profile import operators

        _section("torch operators", operators(synthesizer, text, folder).splitlines())
    if wants_memory:
        _section("memory", _memory(synthesizer, text, device, folder))
    if wants_transfers:
        _section("transfers between devices", _transfers(synthesizer, text))
    return 0 if leaks is None else _leaks(synthesizer, text, leaks)


def _training(folder: str, as_json: bool) -> int:
    from kalakan.benchmark.profiling.training_run import efficiency, lines

    found = efficiency(folder)
    for line in [json.dumps(found)] if as_json else lines(found):
        write_line(line)
    return 0


def _memory(synthesizer: Synthesizer, text: str, device: str, folder: Path | None) -> Iterator[str]:
    from kalakan.benchmark.profiling.memory import python_heap

    yield from python_heap(lambda: synthesizer.synthesize(text))
    if device.startswith("cuda"):
        from kalakan.benchmark.profiling.torch_profile import cuda_memory

        yield from cuda_memory(synthesizer, text, device, folder)


def _transfers(synthesizer: Synthesizer, text: str) -> Iterator[str]:
    from kalakan.benchmark.profiling.torch_profile import require_torch

    require_torch(synthesizer)
    from kalakan.benchmark.profiling.transfers import transfers

    found = transfers(lambda: synthesizer.synthesize(text))
    yield from found.lines()
    if not found.counts:
        yield "none"


def _leaks(synthesizer: Synthesizer, text: str, runs: int) -> int:
    from kalakan.benchmark.profiling.memory import leaks

    found = leaks(lambda: synthesizer.synthesize(text), runs)
    _section(f"memory over {runs} runs", map(str, found))
    return int(any(item.is_leak for item in found))


def _section(title: str, lines: Any) -> None:
    write_line("")
    write_line(title)
    for line in lines:
        write_line(line)
