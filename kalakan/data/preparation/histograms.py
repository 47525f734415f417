"""`histograms.png`: duration, speech rate, loudness and share of ɛ and ɔ of the utterances of a corpus."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kalakan.data.preparation.corpus import by_speaker
from kalakan.data.preparation.items import Item
from kalakan.storage import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEPT, LEFT_OUT, BARS = "#2a6f97", "#c8553d", "#a9c9dc"
MOST_SPEAKERS = 12
TWI_SHARE = (9.0, 13.0)
"""Per cent of ɛ and ɔ among the letters of longer Twi texts."""


OUTLIERS = (0.005, 0.995)
"""Quantiles at which a histogram is cut; values outside count in its first and last bar."""


def draw_histograms(path: Path, items: Sequence[Item], kept: Collection[str]) -> None:
    """Draws the utterances of `items` that have audio: those with an id in `kept`, stacked with the excluded ones."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heard = [item for item in items if item.samples]
    groups = [item for item in heard if item.id in kept], [item for item in heard if item.id not in kept]
    figure = Figure(
        figsize=(14, 7)
    )  # panels placed by hand: matplotlib's layout engine takes as long as everything else
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.05, right=0.98, bottom=0.08, top=0.93, wspace=0.2, hspace=0.25)
    figure.suptitle(f"{len(groups[0])} utterances kept (blue), {len(items) - len(groups[0])} left out (red)")
    axes = figure.subplots(2, 3).flat
    panels = {
        "speech in an utterance (s)": [
            [item.source_seconds - sum(item.trimmed) for item in group] for group in groups
        ],
        "silence cut off (s)": [[sum(item.trimmed) for item in group] for group in groups],
        "loudness as recorded (LUFS)": [[item.loudness for item in group] for group in groups],
        "sounds a second": [[item.rate for item in group if item.rate] for group in groups],
        "ɛ and ɔ among the letters (%)": [
            [100 * item.open_vowels / item.letters for item in group if item.letters] for group in groups
        ],
    }
    for name, values in panels.items():
        _histogram(panel := next(axes), name, values)
    panel.axvspan(*TWI_SHARE, color="black", alpha=0.12, label="Twi texts as a whole")
    panel.legend(loc="upper right", fontsize="small")
    _speakers(next(axes), groups[0])
    with replacing(path) as partial:
        figure.savefig(partial, dpi=100, format="png")


def _histogram(axes: Axes, name: str, values: Sequence[Sequence[float]]) -> None:
    everything = np.concatenate([np.asarray(group, float) for group in values])
    if len(everything):  # an outlier must not squeeze all other values into one bar
        least, most = np.quantile(everything, OUTLIERS)
        values = [np.clip(np.asarray(group, float), least, most).tolist() for group in values]
    bins = min(40, max(8, math.ceil(2 * math.sqrt(len(everything)))))
    axes.hist(values, bins=bins, stacked=True, color=[KEPT, LEFT_OUT])
    if values[0]:
        middle = float(np.median(values[0]))
        axes.axvline(middle, color="black", linestyle=":", linewidth=1)
        name = f"{name}; median {middle:.1f}"
    axes.set_xlabel(name)
    axes.set_ylabel("utterances")
    axes.locator_params(axis="y", integer=True)
    axes.locator_params(axis="x", nbins=8)


def _speakers(axes: Axes, kept: Sequence[Item]) -> None:
    minutes = {
        speaker: sum(item.source_seconds - sum(item.trimmed) for item in group) / 60
        for speaker, group in by_speaker(kept).items()
    }
    most = sorted(minutes.items(), key=lambda pair: pair[1], reverse=True)
    shown = most[:MOST_SPEAKERS]
    axes.barh(range(len(shown)), [value for _, value in shown], color=BARS)
    axes.invert_yaxis()
    axes.set_yticks([])
    for row, (name, value) in enumerate(shown):
        axes.text(0, row, f" {name[:24]}: {value:.1f}", va="center", fontsize="small")
    more = f" ({len(most) - len(shown)} more speakers)" if len(most) > len(shown) else ""
    axes.set_xlabel(f"minutes of each speaker{more}")
