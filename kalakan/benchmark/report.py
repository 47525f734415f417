"""Formats a benchmark run as Markdown, and creates the report folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kalakan.benchmark.probe import ENGINES
from kalakan.errors import BenchmarkError
from kalakan.storage import way_out


def markdown(report: Mapping[str, Any]) -> str:
    """The report of `kalakan.benchmark.measure.measure` as tables; ends with a line break."""
    return "\n".join(_lines(report)) + "\n"


def made_folder(output: str) -> Path:
    """The folder of a report, created if necessary; raises `BenchmarkError` if that fails."""
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchmarkError(f"{folder}: cannot be made ({error.strerror}); {way_out(error)}") from error
    return folder


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)
    yield ""


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    machine, plan, subjects = report["machine"], report["plan"], report["subjects"]
    packages = ", ".join(f"{name} {found}" for name, found in machine["packages"].items() if found)
    threads = ", ".join(map(str, plan["threads"]))
    yield "# Kalakan benchmark"
    yield ""
    yield (
        f"{report['date']}, {machine['cpu']}, {machine['usable_cores']} of {machine['cores']} cores, "
        f"load {machine['load_1_min']} before and {machine['load_1_min_after']} after; {packages}, "
        f"Python {machine['python']}. {plan['rounds']} rounds in turns after {plan['warmup']} to warm up; {threads} "
        "thread(s)."
    )
    if report["command"]:
        yield f"`{report['command']}`"
    yield ""
    yield "RTF: time ÷ audio, lower is faster; median ± half the distance between the quartiles."
    yield ""
    yield from table(
        ("subject", "text", "audio", "RTF, wall", "RTF, CPU", "latency p50 / p95 / p99", "first audio"),
        (
            _text_cells(name, text, found)
            for name, of in subjects.items()
            for text, found in of["texts"].items()
        ),
    )
    yield from table(
        ("subject", "start-up", "peak memory", "peak CUDA memory", "model"),
        (_subject_cells(name, found) for name, found in subjects.items()),
    )
    rows = [
        (name, kind, size, _middle(found["texts_per_s"]), _middle(found["audio_s_per_s"]))
        for name, of in subjects.items()
        for kind, sizes in of["throughput"].items()
        for size, found in sizes.items()
    ]
    if rows:
        yield from table(("subject", "by", "size", "texts / s", "audio s / s"), rows)
    ratios = report["cpu_time_beside_the_first"]
    if ratios:
        first = next(iter(subjects))
        yield f"CPU time a second of audio over that of {first}: median of the rounds' ratios."
        yield ""
        yield from table(
            ("subject", "text", "ratio"),
            ((name, text, _middle(found)) for name, texts in ratios.items() for text, found in texts.items()),
        )
    yield from _target_lines(report["targets"])
    if any(found["kind"] == "peer" for found in subjects.values()):
        yield f"Peers ({', '.join(name for name in ENGINES if name in subjects)}) read English that lasts as long."
        yield ""


def _target_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "Targets of the performance guide (the RTF is that of the slowest text; quality is not measured here):"
    yield ""
    yield from table(
        ("scenario", "subject", "RTF", "memory", "result"),
        (
            (
                row["scenario"],
                row["subject"],
                f"{row['rtf']:.4f} < {row['rtf_below']}" if "rtf" in row else f"< {row['rtf_below']}",
                f"{row['memory_mb']:.0f} < {row['memory_mb_below']} MB"
                if "rtf" in row
                else f"< {row['memory_mb_below']} MB",
                row["result"] if "rtf" in row else f"{row['result']}: {row['reason']}",
            )
            for row in rows
        ),
    )


def _text_cells(name: str, text: str, found: Mapping[str, Any]) -> Sequence[object]:
    latency = " / ".join(f"{1000 * found['latency_s'][key]:.1f}" for key in ("p50", "p95", "p99"))
    first = found["first_audio_s"]["wall"]["median"]
    return (
        name,
        text,
        f"{found['audio_s']:.2f} s",
        _middle(found["rtf"]["wall"]),
        _middle(found["rtf"]["cpu"]),
        f"{latency} ms of {found['latency_s']['of']}",
        f"{1000 * first:.1f} ms",
    )


def _subject_cells(name: str, found: Mapping[str, Any]) -> Sequence[object]:
    size, cuda = found["bytes"], found["memory"]["peak_cuda_mb"]
    return (
        name,
        f"{found['start_up']['wall_s']['median']:.2f} s",
        f"{found['memory']['peak_rss_mb']:.0f} MB",
        "–" if cuda is None else f"{cuda:.0f} MB",
        "–" if size is None else f"{size / 1e6:.1f} MB",
    )


def _middle(found: Mapping[str, float]) -> str:
    return f"{found['median']:.4g} ± {found['spread'] / 2:.2g}"
