"""`prepare`: converts a folder of recordings and transcripts to a corpus folder."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kalakan.data.phone_errors import Ear
from kalakan.data.preparation.corpus import check_corpus, split_of
from kalakan.data.preparation.hearing import Hearing
from kalakan.data.preparation.items import Item, Preparer
from kalakan.data.preparation.layouts import read_layout
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.output import Output
from kalakan.data.preparation.recording import Source
from kalakan.data.preparation.report import write_report
from kalakan.errors import DataError
from kalakan.storage import real_path

Progress = Callable[[int, int], None]
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Prepared:
    """Result of `prepare`."""

    folder: Path
    """The corpus folder."""
    source: Source
    """The source of the recordings."""
    kept: tuple[Item, ...]
    """Utterances of the corpus."""
    left_out: tuple[Item, ...]
    """Items excluded because of a problem."""
    reused: int
    """Number of items reused from an earlier run."""
    options: PrepareOptions
    """The settings."""

    @property
    def seconds(self) -> float:
        """Total length of the kept recordings before trimming."""
        return sum(item.source_seconds - sum(item.trimmed) for item in self.kept)


def prepare(
    source: str | Path,
    output: str | Path,
    *,
    layout: str = "auto",
    speaker: str | None = None,
    options: PrepareOptions | None = None,
    ear: Ear | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Prepared:
    """Creates a corpus folder from the recordings in `source`, which is not modified.

    Writes to `output`: `audio/<id>.flac`, `meta.jsonl` (last and atomically), `report.md`, `histograms.png`, and
    `items/` with the findings about each item. An interrupted run resumes from these, and a repeated run keeps the
    durations of unchanged items. `ear` is a recognizer that names the transcripts that do not fit their audio.
    `layout` and `speaker` are as in `read_layout`. Damaged items are reported and excluded.

    Raises `DataError` for a source without recordings, an output inside the source or vice versa, an output
    with other contents or in use by another process, and if nothing is left.
    """
    options = options or PrepareOptions()
    folder = Path(output)
    _check_apart(Path(source), folder)
    found = read_layout(source, layout, speaker)
    with Output(folder, {item.id for item in found.recordings}) as corpus:
        items, reused = [], 0
        for item, was_ready in _run(Preparer(folder, options), found.recordings, workers):
            items.append(item)
            reused += was_ready
            if progress:
                progress(len(items), len(found.recordings))
        rates = {} if ear is None else _heard(Hearing(folder, ear), items, workers)
        choice = (options.keep, options.leave_out)
        items = check_corpus(items, *choice, rates)
        kept = tuple(item for item in items if item.is_kept(*choice))
        left_out = tuple(item for item in items if not item.is_kept(*choice))
        splits = split_of(kept, options)
        write_report(folder, found, items, splits, options)
        if not kept:
            raise DataError(
                f"{source}: none of its {len(items)} recordings can be kept ({count_kinds(left_out, options)}); "
                f"{folder / 'report.md'} says why for each"
            )
        corpus.finish(kept, splits)
    return Prepared(folder, found, kept, left_out, reused, options)


def count_kinds(items: Sequence[Item], options: PrepareOptions) -> str:
    """Number of items excluded by each problem, counting the first one of each item: "3 silent, 1 same_audio"."""
    counts = Counter(item.left_out_by(options.keep, options.leave_out) for item in items)
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common())


def _check_apart(source: Path, output: Path) -> None:
    one, other = real_path(source), real_path(output)
    if one == other or one in other.parents or other in one.parents:
        raise DataError(
            f"{output}: lies in {source}, or holds it; choose another place, the source is never changed"
        )


def _heard(hearing: Hearing, items: Sequence[Item], workers: int) -> dict[str, float]:
    """The phone error rates of the items that have audio and units, by id."""
    rates = zip(items, _run(hearing, items, workers), strict=True)
    return {item.id: rate for item, rate in rates if rate is not None}


def _run(function: Callable[[Given], Made], things: Sequence[Given], workers: int) -> Iterator[Made]:
    """The results of a function that can be pickled, in the order of `things`."""
    if workers <= 1:
        yield from map(function, things)
        return
    # Not fork: the parent may have BLAS or torch threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(things)), mp_context=context) as pool:
        try:
            yield from pool.map(function, things, chunksize=4)
        except BrokenProcessPool as error:
            raise DataError(
                f"a worker process was ended from outside, perhaps for want of memory; the same command goes on; "
                f"{workers} workers may be too many"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
