"""What serves this installation: `python -m kalakan.native`, and the first lines of a good bug report."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from kalakan import _rust


@dataclass(frozen=True)
class OpStatus:
    """One op and its implementations."""

    name: str
    """The op."""
    machine: tuple[tuple[str, str | None], ...]
    """Each implementation, best first, and why this machine cannot run it; None: it can."""

    def __str__(self) -> str:
        states = (f"{name}: {'yes' if reason is None else reason}" for name, reason in self.machine)
        return f"{self.name} · {' · '.join(states)}"


@dataclass(frozen=True)
class Status:
    """Versions and, with torch, the ops; prints as a few lines."""

    kalakan: str
    """Version of the package."""
    rust: str
    """Version of the compiled core `kalakan._rust`."""
    python: str
    """Version and machine."""
    packages: tuple[tuple[str, str | None], ...]
    """Versions of what computes: onnxruntime, numpy, torch; None: not installed."""
    ops: tuple[OpStatus, ...]
    """Tensor ops; empty where torch was not asked."""

    def __str__(self) -> str:
        packages = " · ".join(f"{name} {found or 'not installed'}" for name, found in self.packages)
        lines = [f"kalakan {self.kalakan} · rust core {self.rust} · python {self.python}", packages]
        return "\n".join([*lines, *map(str, self.ops)])


def status(*, ask_torch: bool = True) -> Status:
    """The facts about this installation. `ask_torch` imports torch, where it is installed, to ask the ops."""
    packages = tuple((name, _version(name)) for name in ("onnxruntime", "numpy", "torch"))
    ops = _ops() if ask_torch and dict(packages)["torch"] is not None else ()
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Status(_version("kalakan") or _rust.__version__, _rust.__version__, python, packages, ops)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _ops() -> tuple[OpStatus, ...]:
    from kalakan.ops.griffin_lim import GRIFFIN_LIM

    return tuple(OpStatus(op.name, tuple(op.machine().items())) for op in (GRIFFIN_LIM,))


if __name__ == "__main__":
    sys.stdout.write(f"{status()}\n")
