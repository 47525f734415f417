"""Entry points of the programs: signal handlers are set before anything else is imported, and until the end."""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False  # importing typing would take as long as everything else here, without a signal handler
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, NoReturn

_AGAIN_S = 0.01
"""Seconds after which a deferred signal is checked again."""


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

    Neither is raised inside an import, where numpy and others turn it into another error, or in a function that
    libsndfile calls, where cffi prints and swallows it. Signals that the parent ignores stay ignored, as with nohup.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)
    sys.unraisablehook = _not_lost


def ignore_signals() -> None:
    """For the end of the process: Ctrl-C no longer interrupts the interpreter's shutdown."""
    sys.unraisablehook = sys.__unraisablehook__
    if hasattr(signal, "setitimer"):  # a deferred signal would kill the process by the alarm
        signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == _stop:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    """Raises the exception of a signal, later where it would be lost."""
    if _would_swallow(frame) and hasattr(signal, "setitimer"):
        _stop_later(number)
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)  # so that temporary files are cleaned up on the way out


def _stop_later(number: int) -> None:
    signal.signal(signal.SIGALRM, lambda _, later: _stop(number, later))
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)


def _not_lost(ignored: sys.UnraisableHookArgs) -> None:
    """Raises the exception of a signal again that Python dropped, as in the callback of a weak reference."""
    error = ignored.exc_value
    number = 0
    if isinstance(error, KeyboardInterrupt):
        number = signal.SIGINT
    elif isinstance(error, SystemExit) and isinstance(error.code, int):
        number = error.code - 128
    if number > 0 and hasattr(signal, "setitimer"):
        _stop_later(number)
    else:
        sys.__unraisablehook__(ignored)


def _would_swallow(frame: Any) -> bool:
    while frame is not None:
        code = frame.f_code
        if code.co_filename == "<frozen importlib._bootstrap>":
            return True
        # The functions by which libsndfile reads and writes a Python file object.
        if code.co_name.startswith("vio_") and code.co_filename.endswith("soundfile.py"):
            return True
        frame = frame.f_back
    return False
