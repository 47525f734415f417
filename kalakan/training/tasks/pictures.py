"""PNG pictures of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.storage import replacing


def draw_utterance(
    path: Path,
    target_mel: NDArray[np.float32],
    mel: NDArray[np.float32],
    target_pitch: NDArray[np.float32],
    pitch: NDArray[np.float32],
) -> None:
    """Plots target and predicted log-mel [M, T] one above the other, and both pitch tracks [T] in Hz below."""
    figure, axes = _mels(target_mel, mel, shared=True)
    for track, label in ((target_pitch, "target"), (pitch, "predicted")):
        axes[2].plot(np.where(track > 0, track, np.nan), label=label)
    axes[2].set_ylabel("F0 (Hz)")
    axes[2].set_xlabel("frame")
    axes[2].legend()
    _save(figure, path)


def draw_copy(path: Path, target_mel: NDArray[np.float32], mel: NDArray[np.float32]) -> None:
    """Plots the log-mel [M, T] of a recording and of its copy synthesis one above the other."""
    figure, _ = _mels(target_mel, mel, shared=True, rows=2)
    _save(figure, path)


def draw_attention(
    path: Path, target_mel: NDArray[np.float32], mel: NDArray[np.float32], alignment: NDArray[np.float32]
) -> None:
    """Plots target and predicted log-mel [M, T], and the attention weights [N, K] of the decoder's steps below."""
    figure, axes = _mels(target_mel, mel, shared=False)
    axes[2].imshow(alignment, origin="lower", aspect="auto", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes[2].set_ylabel("phoneme")
    axes[2].set_xlabel("decoder step")
    _save(figure, path)


def _rows(count: int, height: int, shared: bool) -> tuple[Any, Any]:
    """A figure of `count` rows, `height` inches in total, with one horizontal axis if `shared`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(count, 1, sharex=shared)


def _mels(
    target: NDArray[np.float32], mel: NDArray[np.float32], shared: bool, rows: int = 3
) -> tuple[Any, Any]:
    """A figure with two log-mels [M, T] in its first rows, and one time axis if `shared`."""
    figure, axes = _rows(rows, 8, shared)
    low, high = float(target.min()), float(target.max())
    for axis, picture, title in zip(axes, (target, mel), ("target mel", "predicted mel"), strict=False):
        axis.imshow(picture, origin="lower", aspect="auto", vmin=low, vmax=high, interpolation="nearest")
        axis.set_title(title)
        axis.set_ylabel("band")
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=70, format="png")


def draw_alignment(path: Path, mel: NDArray[np.float32], alignment: NDArray[np.float32]) -> None:
    """Plots a log-mel [M, T] and below it the probability [N, T] of each state at each frame."""
    figure, axes = _rows(2, 7, shared=True)
    axes[0].imshow(mel, origin="lower", aspect="auto", interpolation="nearest")
    axes[0].set_ylabel("band")
    axes[1].imshow(alignment, origin="lower", aspect="auto", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes[1].set_ylabel("state")
    axes[1].set_xlabel("frame")
    _save(figure, path)
