"""How every command starts and ends: one-line errors, exit codes, quiet pipes."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from typing import Any, NoReturn

import click

from kalakan.cli.start import catch_signals, ignore_signals
from kalakan.cli.streams import STDOUT, complain, naming_stdout
from kalakan.errors import KalakanError, how_to_install

EXTRAS: dict[str, tuple[str, ...]] = {
    "torch": ("torch", "export", "train", "evaluate"),
    "safetensors": ("torch", "export", "train", "evaluate"),
    "onnx": ("export", "train"),
    "tqdm": ("train",),
    "matplotlib": ("train", "evaluate", "benchmark"),
    "tensorboard": ("train",),
    "parselmouth": ("train", "evaluate"),
    "pesq": ("evaluate",),
    "pystoi": ("evaluate",),
    "fastapi": ("serve",),
    "uvicorn": ("serve",),
    "prometheus_client": ("serve",),
    "pydantic": ("serve",),
    "starlette": ("serve",),
    "websockets": ("serve",),
    "wyoming": ("serve",),
    "pyloudnorm": ("train",),
    "docx": ("documents",),
    "pypdf": ("documents",),
    "redis": ("redis",),
    "ray": ("ray",),
}
"""The extras that install an optional package; the first is the smallest."""
OWN_EXTRAS = {
    "align": "train",
    "benchmark": "benchmark",
    "evaluate": "evaluate",
    "export": "export",
    "prepare": "train",
    "serve": "serve",
    "train": "train",
}
"""The extra with everything that a command may need: of several that bring a package, it is the one to install."""


def run(command: click.Command, name: str) -> NoReturn:
    """Runs a command with the process's arguments and exits.

    0 done, 1 `kalakan: error: …`, 2 wrong usage, 129 SIGHUP, 130 Ctrl-C, 143 SIGTERM; a closed pipe ends it quietly.
    """
    catch_signals()
    _open_closed_streams()
    warnings.showwarning = _show_warning
    try:
        status = _status(command, name)
    except KeyboardInterrupt:  # interrupted while reporting the result
        status = 130
    ignore_signals()
    sys.exit(status)


def _status(command: click.Command, name: str) -> int:
    try:
        result = command.main(prog_name=name, standalone_mode=False)
        with naming_stdout():
            sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption) and not error.possibilities and _takes_text(error.ctx):
            path = "kalakan" if error.ctx is None else error.ctx.command_path
            complain(f"A text that begins with - goes behind --, as in: {path} -- '-hello'")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        _give_up_stdout()
        return 1
    except KalakanError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        extra = extra_of(error.name or "", command)
        if extra is None:
            raise
        return _fail(f"this needs {error.name}; {how_to_install(extra)}")
    except OSError as error:
        _give_up_stdout()
        return _fail(_reason(error))


def extra_of(module: str, command: click.Command) -> str | None:
    """The extra that installs a module which a command lacks: the command's own, if it does; None for an unknown one.

    A group's command is the one that the process's arguments name.
    """
    names = [command.name, *sys.argv[1:2]] if isinstance(command, click.Group) else [command.name]
    extras = EXTRAS.get(module.partition(".")[0], ())
    own = next((OWN_EXTRAS[name] for name in names if name in OWN_EXTRAS), None)
    return own if own in extras else next(iter(extras), None)


def _takes_text(context: click.Context | None) -> bool:
    parameters = [] if context is None else context.command.params
    return any(item.name == "text" and item.param_type_name == "argument" for item in parameters)


def _open_closed_streams() -> None:
    """Opens the null device where a standard stream is closed (`>&-`): the next file would get its descriptor.

    Reads are empty, error messages are discarded, and writes to standard output still fail.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def _give_up_stdout() -> None:
    """Discards the stream's buffer, which must not raise again when the interpreter closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reason(error: OSError) -> str:
    if error.errno == errno.EBADF and error.filename in (None, STDOUT):
        return f"{STDOUT} is closed; leave it open, or name a file to write to"
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


def show_error(message: str) -> None:
    """One line on standard error."""
    complain(f"kalakan: error: {message}")


def _fail(message: str) -> int:
    show_error(message)
    return 1


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    complain(f"kalakan: warning: {message}")
