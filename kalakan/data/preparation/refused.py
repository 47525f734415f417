"""Formats that `prepare` does not read directly, each with the command that converts it."""

from __future__ import annotations

import shlex
from pathlib import Path

from kalakan.data.preparation.source_files import SourceFiles

_PARQUET = (
    "import json, sys, pathlib as p, pyarrow as a, pyarrow.parquet as q; out = p.Path('UNPACKED'); out.mkdir(); "
    "[(out.joinpath(f'{f.stem}-{i:06}' + (p.Path(r['audio']['path'] or '').suffix or '.wav'))"
    ".write_bytes(r['audio']['bytes']), "
    "out.joinpath(f'{f.stem}-{i:06}.json').write_text(json.dumps("
    "{k: v for k, v in r.items() if k != 'audio'}, default=str))) "
    "for f in sorted(p.Path(sys.argv[1]).rglob('*.SUFFIX')) "
    "for i, r in enumerate(READ.to_pylist())]"
)
"""Writes a recording, and a .json with the other columns, for each row. Has nothing that a shell expands between double
quotes."""
_METADATA = (
    "import sys, pathlib as p, pyarrow.parquet as q, pyarrow.csv as c; "
    "[c.write_csv(q.read_table(f), f.with_suffix('.csv')) "
    "for f in p.Path(sys.argv[1]).rglob('metadata.parquet')]"
)
"""Writes a `metadata.csv` next to each `metadata.parquet`."""
_SHEETS = (".xlsx", ".xls", ".ods")


def refusal(files: SourceFiles, in_place: bool = False) -> str | None:
    """What a folder contains that has no known layout, or lacks the recordings that its tables name, and the command
    that converts it; None if unknown.

    The command writes to `UNPACKED`, or, with `in_place` (for existing tables), next to the files that it unpacks.
    """
    root = shlex.quote(str(files.root))
    metadata = [path for path in files.others if path.name == "metadata.parquet"]
    if metadata:
        return (
            f"{metadata[0].name} is a Parquet table, which is not read; convert it (pip install pyarrow): "
            f'python -c "{_METADATA}" {root}'
        )
    for suffix, what, read in (
        (".parquet", "a Parquet table", "q.read_table(f)"),
        (".arrow", "an Arrow table of datasets.save_to_disk", "a.ipc.open_stream(f).read_all()"),
    ):
        if found := _with_suffix(files, suffix):
            code = _PARQUET.replace("SUFFIX", suffix[1:]).replace("READ", read)
            return (
                f"{found[0].name} is {what}, which is not read; convert it (pip install pyarrow): "
                f'python -c "{code}" {root}'
            )
    for suffix, what, command in (
        (".tar", "a WebDataset shard or another tar archive", "tar -xf"),
        (".gz", "a compressed archive", "tar -xzf"),
        (".tgz", "a compressed archive", "tar -xzf"),
        (".bz2", "a compressed archive", "tar -xjf"),
        (".xz", "a compressed archive", "tar -xJf"),
    ):
        if found := _with_suffix(files, suffix):
            home = shlex.quote(str(found[0].parent))
            target = home if in_place else "UNPACKED"
            loop = f'mkdir -p {target} && for f in {home}/*{suffix}; do {command} "$f" -C {target}; done'
            return f"{found[0].name} is {what}, which is not read; unpack it: {loop}"
    if found := _with_suffix(files, ".zip"):
        target = shlex.quote(str(found[0].parent)) if in_place else "UNPACKED"
        return (
            f"{found[0].name} is an archive, which is not read; unpack it: "
            f"unzip {shlex.quote(str(found[0]))} -d {target}"
        )
    sheets = [path for path in files.others if path.suffix.lower() in _SHEETS]
    if sheets:
        return f"{sheets[0].name} is not read: save the sheet as CSV in UTF-8"
    return None


def _with_suffix(files: SourceFiles, suffix: str) -> list[Path]:
    return [path for path in files.others if path.suffix.lower() == suffix]
