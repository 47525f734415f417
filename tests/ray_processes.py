"""Finds the processes of a Ray cluster that a test started."""

from __future__ import annotations

from pathlib import Path


def processes_below(process: int, command: str) -> list[int]:
    """Descendants of a process whose command begins with `command`, as in "ray::RowWorker"."""
    parents, found = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if (folder / "cmdline").read_bytes().startswith(command.encode()):
                found.append(int(folder.name))
        except OSError:
            continue

    def descends(pid: int) -> bool:
        while pid > 1 and pid != process:
            pid = parents.get(pid, 0)
        return pid == process

    return [pid for pid in found if descends(pid)]
