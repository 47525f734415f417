"""Facts about this installation, for bug reports: `python -m kalakan.native`."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import kalakan._rust as _rust


@dataclass(frozen=True)
class OpStatus:
    """One op and its implementations."""

    name: str
    """The op."""
    machine: tuple[tuple[str, str | None], ...]
    """Each implementation, best first, with the reason why this machine cannot run it, or None if it can."""

    @property
    def serves(self) -> str | None:
        """The best implementation that this machine can run, or None."""
        return next((name for name, reason in self.machine if reason is None), None)

    def __str__(self) -> str:
        states = (f"{name}: {'yes' if reason is None else reason}" for name, reason in self.machine)
        return f"{self.name} · {' · '.join(states)}"


@dataclass(frozen=True)
class Status:
    """Versions and, with torch, the ops. Its string form is a few lines of text."""

    kalakan: str
    """Version of the package."""
    rust: str
    """Version of the compiled core `kalakan._rust`."""
    python: str
    """Version and machine."""
    packages: tuple[tuple[str, str | None], ...]
    """Versions of the numerical packages onnxruntime, numpy and torch; None if not installed."""
    ops: tuple[OpStatus, ...]
    """Tensor ops; empty if torch was not imported."""
    devices: tuple[str, ...] = ()
    """CUDA devices that torch finds; empty if there is none or torch was not imported."""

    def __str__(self) -> str:
        packages = " · ".join(f"{name} {found or 'not installed'}" for name, found in self.packages)
        lines = [f"kalakan {self.kalakan} · rust core {self.rust} · python {self.python}", packages]
        if self.ops:
            lines.append(f"CUDA devices: {', '.join(self.devices) or 'none'}")
        return "\n".join([*lines, *map(str, self.ops)])


def status(*, ask_torch: bool = True) -> Status:
    """The facts about this installation. `ask_torch` imports torch, if it is installed, to check the ops."""
    packages = tuple((name, _version(name)) for name in ("onnxruntime", "numpy", "torch", "triton"))
    asked = ask_torch and dict(packages)["torch"] is not None
    return Status(
        kalakan=_version("kalakan") or _rust.__version__,
        rust=_rust.__version__,
        python=f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        packages=packages,
        ops=_ops() if asked else (),
        devices=_devices() if asked else (),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _ops() -> tuple[OpStatus, ...]:
    from kalakan.ops.griffin_lim import GRIFFIN_LIM
    from kalakan.ops.residual_blocks import RESIDUAL_BLOCKS
    from kalakan.ops.upsample import UPSAMPLE

    ops = (GRIFFIN_LIM, UPSAMPLE, RESIDUAL_BLOCKS)
    return tuple(OpStatus(op.name, tuple(op.machine().items())) for op in ops)


def _devices() -> tuple[str, ...]:
    import torch

    return tuple(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))


if __name__ == "__main__":
    sys.stdout.write(f"{status()}\n")
