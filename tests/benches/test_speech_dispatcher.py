"""The bench of Speech Dispatcher's module hears what it says."""

from __future__ import annotations

from pathlib import Path

from speech_dispatcher import Module, _unescaped, check


def test_bytes_are_unescaped() -> None:
    assert _unescaped(b"a\x7d*b\x7d\x5d\x7d*") == b"a\nb\x7d\n"


def test_the_module_says_what_a_process_writes(tmp_path: Path) -> None:
    module = Module()
    check(module, "Maakye.", tmp_path / "a.wav")
    assert module.speak("Maakye.")[0] > 0
    module.close()
