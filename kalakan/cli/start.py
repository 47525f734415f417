"""Where the programs begin: signals have their meaning before anything else is imported, and until the end."""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = (
    False  # typing's own takes as long to import as all the rest here, in which a signal has no handler
)
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, NoReturn

_AGAIN_S = 0.01
"""How soon a signal that came at a bad moment is looked at again."""


def kalakan() -> NoReturn:
    """The program `kalakan`."""
    _start("main")


def kalakan_train() -> NoReturn:
    """The program `kalakan-train`."""
    _start("train")


def kalakan_export() -> NoReturn:
    """The program `kalakan-export`."""
    _start("export")


def _start(module: str) -> NoReturn:
    catch_signals()
    try:
        from importlib import import_module

        import_module(f"kalakan.cli.{module}").main()
    except KeyboardInterrupt:
        ignore_signals()
        sys.exit(130)
    raise AssertionError("main exits")


def catch_signals() -> None:
    """Ctrl-C becomes `KeyboardInterrupt`, SIGTERM and SIGHUP become `SystemExit` with 128 and their number.

    Neither comes inside an import: numpy and others make another error of it, or swallow it. What the parent ignores
    stays ignored, as with nohup.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def ignore_signals() -> None:
    """The work is over and its status known: Ctrl-C no longer breaks into the interpreter's end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == _stop:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    """Raises what a signal means, later if an import is under way."""
    if _imports(frame) and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, lambda _, later: _stop(number, later))
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)  # so that temporary files are cleaned up on the way out


def _imports(frame: Any) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
