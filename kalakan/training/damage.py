"""Damaged utterances of a run: all processes skip the same ones, too many abort the run, and the end reports them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kalakan.errors import DamagedDataWarning, DataError, UnalignedWarning
from kalakan.storage import replacing
from kalakan.training.distributed import Group
from kalakan.training.tasks.contract import BatchSource

REPORT = "left_out.json"
"""File in the output folder with the reason why each utterance was skipped, by id."""


@contextmanager
def heard_once(group: Group) -> Iterator[None]:
    """Only the first process emits data warnings: the others read the same folder."""
    with warnings.catch_warnings():
        if not group.is_first:
            for kind in (DamagedDataWarning, UnalignedWarning):
                warnings.simplefilter("ignore", kind)
        yield


def leave_out_together(sources: Sequence[BatchSource], group: Group) -> None:
    """Skips, in every process, the items that any process found damaged, so that all draw the same batches."""
    for source in sources:
        found: dict[str, str] = {}
        for part in group.collect(dict(source.left_out)):
            found |= part
        source.leave_out(found)


def check_damage(sources: Sequence[BatchSource], limit: float) -> dict[str, str]:
    """What the sources skipped; raises `DataError` if it exceeds the share `limit` of all their utterances."""
    damaged: dict[str, str] = {}
    for source in sources:
        damaged |= source.left_out
    total = len(damaged) + sum(len(source.utterances) for source in sources)
    if len(damaged) > limit * total:
        raise DataError(
            f"{sources[0].folder}: {len(damaged)} of {total} utterances are damaged and training.max_damaged is "
            f"{limit:g}; mend them or raise it; the first: {next(iter(damaged.values()))}"
        )
    return damaged


def write_report(damaged: Mapping[str, str], folder: Path) -> None:
    """Writes `left_out.json` if anything was skipped."""
    path = folder / REPORT
    if not damaged:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as partial:
        partial.write_text(json.dumps(damaged, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def count_damage(damaged: Mapping[str, str], folder: Path) -> None:
    """Warns at the end of a run how many utterances were skipped."""
    if damaged:
        warnings.warn(
            f"damaged utterances left out: {len(damaged)}; {folder / REPORT} says why",
            DamagedDataWarning,
            stacklevel=2,
        )
