"""PNG pictures of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kalakan.evaluation.measure import MeasuredSentence
from kalakan.evaluation.pitch import STEP_S, PitchTrack
from kalakan.evaluation.timeline import HIGH, LOW, Segment
from kalakan.storage import replacing

RECORDING, VOICE = "#1f5a96", "#d1571f"
_SHADES = {HIGH: "#f6d9b8", LOW: "#cfe0ef"}
_DOWNSTEPPED_SHADE = "#dcebd0"


def draw_mels(path: Path, heard: MeasuredSentence, frame_s: float) -> None:
    """Plots log-mels of recording and voice with the same durations, and their difference, above the unit symbols."""
    figure, axes = _canvas(3, (13, 9))
    target, spoken = heard.sample.mel, heard.given.mel
    limits = {"vmin": float(target.min()), "vmax": float(target.max())}
    pictures: tuple[tuple[Any, str, dict[str, Any]], ...] = (
        (target, "recording", limits),
        (spoken, "voice, given durations", limits),
        (spoken - target, "voice − recording", {"vmin": -3.0, "vmax": 3.0, "cmap": "RdBu_r"}),
    )
    extent = (0.0, target.shape[1] * frame_s, -0.5, target.shape[0] - 0.5)
    for axis, (picture, title, options) in zip(axes, pictures, strict=True):
        image = axis.imshow(picture, origin="lower", aspect="auto", extent=extent, **options)
        axis.set_title(title)
        axis.set_ylabel("mel band")
        figure.colorbar(image, ax=axis, label="ln magnitude", pad=0.01)
    _label_units(axes[-1], heard.segments, -0.08)
    _save(figure, path, heard)


def draw_pitch(path: Path, heard: MeasuredSentence) -> None:
    """Plots Praat's F0 of the recording and of the voice with the same durations, above the tone labels."""
    figure, axes = _canvas(1, (13, 5))
    axis = axes[0]
    for segment in heard.segments:
        if segment.tone:
            shade = _SHADES.get(segment.tone, _DOWNSTEPPED_SHADE)
            axis.axvspan(segment.start_s, segment.end_s, color=shade, linewidth=0)
            axis.text(segment.at(0.5), 0.97, segment.tone, ha="center", transform=axis.get_xaxis_transform())
    for track, color, label in (
        (heard.recorded_pitch, RECORDING, "recording"),
        (heard.given_pitch, VOICE, "voice, given durations"),
    ):
        axis.plot(_times(track), np.where(track.hertz > 0, track.hertz, np.nan), color=color, label=label)
    axis.set_ylabel("F0 (Hz)")
    axis.set_xlim(0.0, heard.segments[-1].end_s)
    axis.legend(loc="lower right")
    _label_units(axis, heard.segments, -0.07)
    _save(figure, path, heard)


def draw_vowels(path: Path, speaker: str, medians: dict[str, dict[str, dict[str, float]]]) -> None:
    """Plots median F1 against F2 of the oral vowels (voice and recordings), close ones at the top, front ones left."""
    figure, axes = _canvas(1, (8, 7))
    axis = axes[0]
    for name, color in (("recordings", RECORDING), ("voice", VOICE)):
        table = medians[name]
        axis.scatter(
            [value["f2"] for value in table.values()],
            [value["f1"] for value in table.values()],
            s=380,
            facecolor="white",
            edgecolor=color,
            label=name,
        )
        for symbol, value in table.items():
            axis.annotate(
                symbol,
                (value["f2"], value["f1"]),
                color=color,
                fontsize=14,
                ha="center",
                va="center_baseline",
            )
    for symbol in medians["recordings"].keys() & medians["voice"].keys():
        one, other = medians["recordings"][symbol], medians["voice"][symbol]
        axis.plot([one["f2"], other["f2"]], [one["f1"], other["f1"]], color="0.6", linewidth=0.8, zorder=0)
    axis.invert_xaxis()
    axis.invert_yaxis()
    axis.set_xlabel("F2 (Hz)")
    axis.set_ylabel("F1 (Hz)")
    axis.set_title(f"oral vowels of {speaker}, medians")
    if medians["recordings"] or medians["voice"]:
        axis.legend(loc="lower left", markerscale=0.5)
    _write(figure, path)


def _canvas(rows: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)
    return figure, list(axes[:, 0])


def _save(figure: Figure, path: Path, heard: MeasuredSentence) -> None:
    utterance = heard.sample.utterance
    figure.suptitle(f"{utterance.id} · {utterance.text}", fontsize=10)
    _write(figure, path)


def _write(figure: Figure, path: Path) -> None:
    with replacing(path) as partial:
        figure.savefig(partial, dpi=80, format="png")


def _times(track: PitchTrack) -> Any:
    return track.start_s + STEP_S * np.arange(len(track.hertz))


def _label_units(axis: Axes, segments: list[Segment], height: float) -> None:
    """Labels the axis with symbols instead of times."""
    named = [segment for segment in segments if segment.kind not in ("special", "boundary")]
    axis.set_xticks([segment.start_s for segment in segments], labels=[""] * len(segments))
    for segment in named:
        axis.text(
            segment.at(0.5),
            height,
            segment.symbol,
            ha="center",
            va="center",
            fontsize=9,
            transform=axis.get_xaxis_transform(),
        )
    axis.set_xlabel("units", labelpad=18)
