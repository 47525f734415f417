"""`kalakan benchmark`: compares the speed of voices with each other and with other programs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kalakan.cli.kinds import FILE, FOLDER, WORD
from kalakan.cli.streams import complain, read_file, write_file, write_line
from kalakan.errors import BenchmarkError, how_to_install


@click.command("benchmark")
@click.argument("voices", type=FOLDER, metavar="[VOICE]...", nargs=-1)
@click.option(
    "--models",
    "pairs",
    type=WORD,
    metavar="ACOUSTIC+VOCODER",
    multiple=True,
    help="A pair of model types or files, such as fastspeech2+hifigan; may be repeated.",
)
@click.option(
    "--engine",
    "engines",
    type=click.Choice(["onnx", "torch"]),
    multiple=True,
    help="Engine to measure; may be repeated; default: onnx for voices, torch for --models.",
)
@click.option(
    "--device",
    "devices",
    type=WORD,
    metavar="NAME",
    multiple=True,
    help="Device to measure on; may be repeated; default: cpu.",
)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(["full", "mixed"]),
    multiple=True,
    help="mixed is fp16 on CUDA and bf16 on a CPU, torch engine only; may be repeated; default: full.",
)
@click.option(
    "--peer",
    "peers",
    type=WORD,
    metavar="NAME",
    multiple=True,
    help="Also measure hibari-tts, piper-tts[:MODEL], kokoro-onnx:MODEL:VOICES, tiny-tts[:MODEL] or espeak-ng; "
    "may be repeated.",
)
@click.option(
    "--peers-python",
    type=FILE,
    metavar="PYTHON",
    help="Python interpreter of the environment that has the peers.",
)
@click.option(
    "--texts",
    type=FILE,
    metavar="FILE",
    help="Texts to measure, one per line, instead of the three built-in ones.",
)
@click.option("--rounds", type=click.IntRange(1, 10_000), default=7, show_default=True, metavar="N")
@click.option("--warmup", type=click.IntRange(0, 1_000), default=2, show_default=True, metavar="N")
@click.option(
    "--starts",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    metavar="N",
    help="Number of processes started to measure start-up.",
)
@click.option(
    "--batch-size",
    "batch_sizes",
    type=click.IntRange(1, 1024),
    default=(1, 8),
    show_default=True,
    multiple=True,
    metavar="N",
    help="Batch size for throughput; may be repeated.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=(1, 2),
    show_default=True,
    multiple=True,
    metavar="N",
    help="Number of workers for throughput; may be repeated.",
)
@click.option("--no-throughput", is_flag=True, help="Do not measure throughput.")
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="Threads per call.",
)
@click.option(
    "--output", type=FOLDER, metavar="FOLDER", help="Folder for benchmark.json, benchmark.md and plots."
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress on standard error.")
def command(
    voices: tuple[str, ...],
    pairs: tuple[str, ...],
    engines: tuple[str, ...],
    devices: tuple[str, ...],
    precisions: tuple[str, ...],
    peers: tuple[str, ...],
    peers_python: str | None,
    texts: str | None,
    rounds: int,
    warmup: int,
    starts: int,
    batch_sizes: tuple[int, ...],
    workers: tuple[int, ...],
    no_throughput: bool,
    threads: int,
    output: str | None,
    quiet: bool,
) -> None:
    """Measure the speed, latency, memory and start-up of VOICE folders and --models (default: the voice that comes with
    kalakan).

    Every voice and pair is measured with every given engine, device and precision. Each combination runs in its own
    process, and the processes take turns. Prints Markdown; --output also saves JSON and plots.

    kalakan benchmark --engine onnx --engine torch --peer espeak-ng --output RESULT
    """
    from kalakan.benchmark.measure import Plan, measure
    from kalakan.benchmark.report import made_folder, markdown
    from kalakan.benchmark.subjects import peer, subjects

    if peers_python is not None and not peers:
        raise click.UsageError("--peers-python says where the peers are; it needs --peer")
    if texts is not None and peers:
        raise click.UsageError("--texts are Twi, which no peer reads; leave out --peer")
    combine = (devices or ("cpu",), precisions or ("full",), threads)
    sources = voices or (() if pairs else (None,))
    found = subjects(sources, (), engines or ("onnx",), *combine) if sources else []
    if pairs:
        found += subjects((), pairs, engines or ("torch",), *combine)
    found += [peer(name, threads) for name in peers]
    more: dict[str, Any] = {} if texts is None else {"texts": _texts(texts)}
    plan = Plan(
        rounds=rounds,
        warmup=warmup,
        starts=starts,
        batch_sizes=() if no_throughput else batch_sizes,
        workers=() if no_throughput else workers,
        python=peers_python,
        **more,
    )
    folder = None if output is None else made_folder(output)
    with _progress(quiet) as progress:
        report = measure(found, plan, shlex.join(["kalakan", *sys.argv[1:]]), progress)
    content = markdown(report)
    write_line(content.rstrip("\n"))
    if folder is not None:
        write_file(folder / "benchmark.json", [json.dumps(report, indent=2, ensure_ascii=False)])
        write_file(folder / "benchmark.md", [content.rstrip("\n")])
        _draw(folder, report)


def _texts(path: str) -> dict[str, str]:
    lines = [line.strip() for line in read_file(path).splitlines() if line.strip()]
    if not lines:
        raise BenchmarkError(f"{path}: holds no text; give one a line")
    return {f"line {number}": line for number, line in enumerate(lines, 1)}


def _draw(folder: Path, report: dict[str, Any]) -> None:
    try:
        from kalakan.benchmark.plots import draw
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "matplotlib":
            raise
        complain(f"no pictures: matplotlib is not installed; {how_to_install('benchmark')}")
        return
    draw(folder, report)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Shows "12/48 turns" on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    yield lambda done, total: click.echo(f"\r{done}/{total} turns", err=True, nl=done == total)
