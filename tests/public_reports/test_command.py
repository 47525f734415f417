"""Public reports of other programs' faults at their edges, as trials of the command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kalakan.audio.files import read_audio

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_every_line_of_standard_input_is_in_the_output(kalakan: Run, quick_voice: Path) -> None:
    """rhasspy/piper#112 and matatonic/openedai-speech#102: the last line has no newline."""
    lines = b"Maakye\nDa yie\nAkwaaba"
    whole = kalakan("synthesize", "--voice", quick_voice, "-f", "pcm", "-o", "-", stdin=lines)
    each = kalakan("synthesize", "--voice", quick_voice, "--lines", "-f", "pcm", "-o", "-", stdin=lines)
    first = kalakan("synthesize", "--voice", quick_voice, "-f", "pcm", "-o", "-", stdin=b"Maakye")
    assert len(whole.stdout) > len(first.stdout) and len(each.stdout) > 2 * len(first.stdout)


@pytest.mark.parametrize("speaker", ["0", ""])
def test_a_speaker_that_is_none_is_no_default(kalakan: Run, quick_voice: Path, speaker: str) -> None:
    """matatonic/openedai-speech#102"""
    ran = kalakan(
        "synthesize", "Maakye", "--voice", quick_voice, "--speaker", speaker, "-f", "pcm", "-o", "-"
    )
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert b"choose one of akosua, kwame" in ran.stderr


def test_a_voice_may_lie_where_names_are_of_no_locale(
    kalakan: Run, quick_voice: Path, tmp_path: Path
) -> None:
    """k2-fsa/sherpa-onnx#2473, thewh1teagle/kokoro-onnx#62"""
    folder = tmp_path / "Ɔdɔ Kofi's 声"
    voice = shutil.copytree(quick_voice, folder / "nne")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    out, cues = folder / "ɛna.wav", folder / "ɛna.srt"
    ran = kalakan(
        "synthesize", "Ɛyɛ", "--voice", voice, "-o", out, "--subtitles", cues, env=environment, cwd=tmp_path
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert len(read_audio(out)[0]) and "Ɛyɛ" in cues.read_text(encoding="utf-8")
