"""`kalakan serve`: the HTTP and WebSocket server, and the web page."""

from __future__ import annotations

import gc
import os
import signal
from ipaddress import ip_address

import click

from kalakan.cli.kinds import FILE, FOLDER, WORD
from kalakan.cli.streams import complain

PORT = 8000
WYOMING_PORT = 10200
"""The usual port of Wyoming servers."""


@click.command("serve")
@click.option("--host", type=WORD, metavar="ADDRESS", default="127.0.0.1", show_default=True)
@click.option(
    "--port", type=int, metavar="N", help="Port; 0 picks a free one; default: 8000, or 10200 with --wyoming."
)
@click.option("--wyoming", is_flag=True, help="Serve Home Assistant's protocol instead of HTTP.")
@click.option(
    "--workers", type=int, metavar="N", default=1, show_default=True, help="Number of worker processes."
)
@click.option(
    "--voice", type=FOLDER, metavar="FOLDER", help="Voice folder; default: the voice that comes with kalakan."
)
@click.option("--device", type=WORD, metavar="NAME", help="Torch device; default: cpu.")
@click.option("--lexicon", type=FILE, metavar="FILE", help="Readings of words: lines of word<TAB>units.")
def command(
    host: str,
    port: int | None,
    wyoming: bool,
    workers: int,
    voice: str | None,
    device: str | None,
    lexicon: str | None,
) -> None:
    """Serve speech over HTTP: a web page, an OpenAI-compatible API, JSON and WebSocket.

    Further settings are environment variables; see docs/serve.md. On Ctrl-C or SIGTERM, the server finishes open
    responses and exits.
    """
    # Workers are separate processes: they read their settings from the environment, like any other server.
    for name, value in (("KALAKAN_VOICE", voice), ("KALAKAN_DEVICE", device), ("KALAKAN_LEXICON", lexicon)):
        if value is not None:
            os.environ[name] = value
    gc.disable()  # during start-up: everything that is imported and loaded stays, so none of it is garbage
    try:
        _serve(host, port, wyoming, workers, voice)
    finally:
        gc.enable()


def _serve(host: str, port: int | None, wyoming: bool, workers: int, voice: str | None) -> None:
    from kalakan.api.run import serve, serve_wyoming
    from kalakan.voices.package import load_voice

    if voice is not None:
        load_voice(voice)
    if wyoming and workers != 1:
        raise click.UsageError("--wyoming has one worker; leave out --workers")
    if (
        not _is_local(host)
        and not wyoming
        and not any(map(os.environ.get, ("KALAKAN_API_KEYS", "KALAKAN_API_KEYS_FILE")))
    ):
        complain(f"kalakan: warning: {host} can be reached from elsewhere, and KALAKAN_API_KEYS is not set")
    # uvicorn stops on these signals and then raises them again for the previous handlers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)

    def announce(address: str) -> None:
        gc.freeze()
        gc.enable()
        complain(f"kalakan: serving {address}")

    if wyoming:
        serve_wyoming(host, WYOMING_PORT if port is None else port, announce)
    else:
        serve(host, PORT if port is None else port, workers, announce)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
