"""PNG plots of a benchmark run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kalakan.storage import replacing

WIDE = 65
"""Characters of a name of which two stand in one row of a legend."""


def draw(folder: Path, report: Mapping[str, Any]) -> list[str]:
    """Draws RTF against text length, latencies, throughput and memory over time; returns the names of the files."""
    subjects: Mapping[str, Any] = report["subjects"]
    drawn = {"rtf.png": _rtf, "latency.png": _latency, "memory.png": _memory}
    for kind in ("batch", "workers"):
        if any(kind in found["throughput"] for found in subjects.values()):
            drawn[f"throughput_{kind}.png"] = _throughput(kind)
    for name, fill in drawn.items():
        figure = Figure(figsize=(9, 5), layout="constrained")
        FigureCanvasAgg(figure)
        axis = figure.subplots()
        fill(axis, subjects)
        names = axis.get_legend_handles_labels()[1]
        # Beside the curves, not over them.
        figure.legend(
            fontsize="small", loc="outside lower center", ncols=1 if max(map(len, names)) > WIDE else 2
        )
        axis.grid(alpha=0.3)
        with replacing(folder / name) as partial:
            figure.savefig(partial, dpi=100, format="png")
    return list(drawn)


def _rtf(axis: Axes, subjects: Mapping[str, Any]) -> None:
    for name, found in subjects.items():
        points = sorted(
            (text["characters"], text["rtf"]["wall"]["median"], text["rtf"]["wall"]["spread"] / 2)
            for text in found["texts"].values()
        )
        lengths, middles, spreads = zip(*points, strict=True)
        axis.errorbar(lengths, middles, yerr=spreads, marker="o", capsize=3, label=name)
    axis.set(xlabel="characters of the text", ylabel="RTF (wall-clock time ÷ audio)")
    axis.set_ylim(bottom=0)


def _latency(axis: Axes, subjects: Mapping[str, Any]) -> None:
    for name, found in subjects.items():
        for text, of in found["texts"].items():
            values = [1000 * value for value in of["seconds"]]
            axis.hist(values, bins=max(5, min(30, len(values))), histtype="step", label=f"{name}: {text}")
    axis.set(xlabel="latency (ms)", ylabel="runs", xscale="log")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))


def _throughput(kind: str) -> Any:
    def fill(axis: Axes, subjects: Mapping[str, Any]) -> None:
        for name, found in subjects.items():
            sizes = found["throughput"].get(kind, {})
            if sizes:
                rates = [of["texts_per_s"]["median"] for of in sizes.values()]
                spreads = [of["texts_per_s"]["spread"] / 2 for of in sizes.values()]
                axis.errorbar(list(map(int, sizes)), rates, yerr=spreads, marker="o", capsize=3, label=name)
        axis.set(xlabel="batch size" if kind == "batch" else "workers", ylabel="texts a second")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_ylim(bottom=0)

    return fill


def _memory(axis: Axes, subjects: Mapping[str, Any]) -> None:
    for name, found in subjects.items():
        times, sizes = zip(*found["memory"]["rss_mb_at_s"], strict=True)
        axis.plot(times, sizes, label=name)
    axis.set(xlabel="seconds since the start", ylabel="resident memory of the process (MB)")
    axis.set_ylim(bottom=0)
