"""Logs a run's metrics to `metrics.jsonl`, and to TensorBoard if it is installed."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kalakan.storage import naming, replacing


class MetricsLog:
    """Logs scalars, pictures and audio of one run; a line is on disk when `scalars` returns."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        """`step` is the run's current step: log entries of later steps are removed."""
        self._path, self._board_folder = folder / "metrics.jsonl", folder / "tensorboard"
        _cut(self._path, step)
        self._file: IO[str] = self._path.open("a", encoding="utf-8")
        self._board = _tensorboard(self._board_folder, step)

    def scalars(self, step: int, group: str, values: dict[str, float]) -> None:
        """Writes one line of `group` ("train", "time" or "validation"); non-finite values become null, as in JSON."""
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        record = {"step": step, "time": round(time.time(), 3), "group": group, **finite}
        with naming(self._path):
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()
        if self._board:
            with naming(self._board_folder):
                for name, value in values.items():
                    self._board.add_scalar(f"{group}/{name}", value, step)

    def picture(self, step: int, name: str, path: Path) -> None:
        """Logs a PNG to TensorBoard."""
        if self._board:
            from matplotlib.image import imread

            with naming(self._board_folder):
                self._board.add_image(name, imread(path)[:, :, :3], step, dataformats="HWC")

    def sound(self, step: int, name: str, audio: NDArray[np.float32], sample_rate: int) -> None:
        """Logs audio [S] to TensorBoard."""
        if self._board:
            with naming(self._board_folder):
                self._board.add_audio(name, audio[None], step, sample_rate=sample_rate)

    def close(self) -> None:
        """Flushes and closes the files."""
        with naming(self._path):
            self._file.close()
        if self._board:
            with naming(self._board_folder):
                self._board.close()


def _cut(path: Path, step: int) -> None:
    """Removes the lines of later steps, and a line truncated by a kill."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    kept = [line for line in lines if _step(line) <= step]
    if kept != lines:
        with replacing(path) as partial:
            partial.write_text("".join(kept), encoding="utf-8")


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _tensorboard(folder: Path, step: int) -> Any | None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
