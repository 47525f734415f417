"""Bars and counts of commands: on a terminal, and only there. That of `kalakan synthesize` is for long texts."""

import importlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

SENTENCE = "Me kɔɔ sukuu. "


def command(voice: Path) -> list[str]:
    """The command that reads `text.txt` aloud."""
    options = ["synthesize", "--voice", str(voice), "--file", "text.txt"]
    return [sys.executable, "-I", "-m", "kalakan", *options]


def shown(voice: Path, folder: Path, text: str, *options: str) -> bytes:
    """What the command writes to a terminal that is its standard error."""
    (folder / "text.txt").write_text(text, encoding="utf-8")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*command(voice), *options], stderr=theirs, stdout=subprocess.DEVNULL, cwd=folder
    ) as process:
        os.close(theirs)
        found = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not piece:
                break
            found += piece
        assert process.wait() == 0
    os.close(ours)
    return found


def test_a_long_text_shows_its_sentences_and_comes_to_its_end(tiny_voice: Path, tmp_path: Path) -> None:
    found = shown(tiny_voice, tmp_path, SENTENCE * 200, "-o", "out.wav").decode()
    assert "100%" in found
    assert "200 sentences" in found
    assert (tmp_path / "out.wav").is_file()


def test_a_short_text_and_a_stream_show_nothing(tiny_voice: Path, tmp_path: Path) -> None:
    assert shown(tiny_voice, tmp_path, SENTENCE, "-o", "out.wav") == b""
    assert shown(tiny_voice, tmp_path, SENTENCE * 200, "--stream", "-f", "pcm") == b""


def test_a_log_gets_no_bar(tiny_voice: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(SENTENCE * 200, encoding="utf-8")
    done = subprocess.run(
        [*command(tiny_voice), "-o", "out.wav"], capture_output=True, cwd=tmp_path, check=True
    )
    assert done.stderr == b""


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("command", "given", "unit"),
    [("benchmark", (), "turns"), ("evaluate", ("measured",), "measured"), ("listening_test", (), "items")],
)
def test_a_count_is_for_a_terminal(
    command: str, given: tuple[str, ...], unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = importlib.import_module(f"kalakan.cli.{command}")._progress
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    with counted(*given, False) as show:
        show(1, 2)
        show(2, 2)
    assert screen.getvalue() == f"\r1/2 {unit}\r2/2 {unit}\n"
    with counted(*given, True) as show:
        assert show is None
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with counted(*given, False) as show:
        assert show is None
