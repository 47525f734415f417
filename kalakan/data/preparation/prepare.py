"""`prepare`: a folder of recordings and transcripts to a corpus folder."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kalakan.data.preparation.corpus import check_corpus, split_of
from kalakan.data.preparation.items import Item, Preparer
from kalakan.data.preparation.layouts import Recording, read_layout
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.report import write_report
from kalakan.errors import DataError
from kalakan.storage import replacing

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Prepared:
    """What `prepare` made."""

    folder: Path
    """The corpus folder."""
    kept: tuple[Item, ...]
    """Utterances of the corpus."""
    left_out: tuple[Item, ...]
    """Those that a problem leaves out."""
    reused: int
    """Items that an earlier run had made."""

    @property
    def seconds(self) -> float:
        """Length of the recordings kept, as they were."""
        return sum(item.source_seconds - sum(item.trimmed) for item in self.kept)


def prepare(
    source: str | Path,
    output: str | Path,
    *,
    layout: str = "auto",
    speaker: str = "speaker",
    options: PrepareOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Prepared:
    """Makes a corpus folder of the recordings in `source`, which stays as it is.

    `output` receives `audio/<id>.flac`, `meta.jsonl` (written last, in one step), `report.md`, `histograms.png`, and
    `items/`, what was found about each item: a run that was stopped goes on there. `layout` and `speaker` are as in
    `read_layout`. A damaged item is reported and left out. Raises `DataError` for a source without recordings, an
    output inside the source or the other way round, and if nothing is left.
    """
    options = options or PrepareOptions()
    folder = Path(output)
    _check_apart(Path(source), folder)
    recordings = read_layout(source, layout, speaker)
    for name in ("audio", "items"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    items, reused = [], 0
    for item, was_ready in _run(Preparer(folder, options), recordings, workers):
        items.append(item)
        reused += was_ready
        if progress:
            progress(len(items), len(recordings))
    items = check_corpus(items)
    kept = tuple(item for item in items if item.is_kept(options.keep))
    left_out = tuple(item for item in items if not item.is_kept(options.keep))
    splits = split_of(kept, options)
    write_report(folder, items, splits, options)
    if not kept:
        raise DataError(
            f"{source}: none of its {len(items)} recordings can be kept; {folder / 'report.md'} says why for each"
        )
    _write_manifest(folder, kept, splits)
    _remove_strangers(folder, items)
    return Prepared(folder, kept, left_out, reused)


def _check_apart(source: Path, output: Path) -> None:
    one, other = source.resolve(), output.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise DataError(
            f"{output}: lies in {source}, or holds it; choose another place, the source is never changed"
        )
    if output.exists() and not output.is_dir():
        raise DataError(f"{output}: is a file; give a folder")


def _run(preparer: Preparer, recordings: Sequence[Recording], workers: int) -> Iterator[tuple[Item, bool]]:
    """Items in the order of `recordings`."""
    if workers <= 1:
        yield from map(preparer, recordings)
        return
    # Not fork: the parent may hold threads of BLAS or torch.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(recordings)), mp_context=context) as pool:
        try:
            yield from pool.map(preparer, recordings, chunksize=4)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _write_manifest(folder: Path, kept: Sequence[Item], splits: dict[str, str]) -> None:
    lines = (
        {
            "id": item.id,
            "speaker": item.speaker,
            "text": item.text,
            "split": splits[item.id],
            "audio": f"audio/{item.id}.flac",
            "units": item.units,
            "samples": item.samples,
        }
        for item in kept
    )
    with (
        replacing(folder / "meta.jsonl") as partial,
        partial.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _remove_strangers(folder: Path, items: Sequence[Item]) -> None:
    """Removes what an earlier run made of recordings that the source no longer has."""
    known = {item.id for item in items}
    for pattern in ("audio/*.flac", "items/*.json"):
        for path in folder.glob(pattern):
            if path.stem not in known:
                path.unlink()
