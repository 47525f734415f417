"""An output module of speech-dispatcher: one long-running process, for Twi in Orca and `spd-say`.

The protocol is lines on standard input and output, described in speech-dispatcher's documentation ("Output Modules");
sound goes to the server ("server audio"), which plays it, as events of number 705.
"""

from __future__ import annotations

import html
import math
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

import click

from kalakan.audio.samples import pcm_bytes
from kalakan.cli.kinds import FILE, FOLDER
from kalakan.cli.start import catch_signals
from kalakan.errors import KalakanError, MarkupError, TextError
from kalakan.synthesis.options import CONTROLS, SpeakOptions

_STOP, _PAUSE, _END = "703 STOP", "704 PAUSE", "702 END"
"""The events that end a message."""
BLOCK_S = 0.1
"""Seconds of audio in one message: what may still play after a stop."""
_MARK = re.compile(r"<mark\b[^>]*?\bname\s*=\s*(?:\"([^\"]*)\"|'([^']*)')[^>]*?(?:/>|>\s*</mark\s*>)")
_SERVERS = "__spd_"
"""How the names of the server's own marks begin; it sets one behind each sentence, and pauses only at them."""
_TAG = re.compile(r"<[^>]*>")
_ESCAPED = {0x0A: b"\x7d\x2a", 0x7D: b"\x7d\x5d"}
"""Bytes that would end a message, and their escapes: 0x7d, then the byte with bit 5 flipped."""


class Module:
    """Answers the commands of one speech-dispatcher until it quits."""

    def __init__(self, synthesizer: Any, source: BinaryIO, sink: BinaryIO) -> None:
        self._synthesizer = synthesizer
        self._source = source
        self._sink = sink
        self._lock = threading.Lock()
        self._settings: dict[str, str] = {}
        self._speaking: threading.Thread | None = None
        self._ending = ""

    def run(self) -> None:
        """Reads commands until QUIT or the end of the input."""
        answers: dict[str, Callable[[], None]] = {
            "INIT": lambda: self._send("299-Kalakan speaks Twi", "299 OK LOADED SUCCESSFULLY"),
            "AUDIO": lambda: self._receive_settings(
                "207 OK RECEIVING AUDIO SETTINGS", "203 OK AUDIO INITIALIZED"
            ),
            "LOGLEVEL": lambda: self._receive_settings(
                "207 OK RECEIVING LOGLEVEL SETTINGS", "203 OK LOGLEVEL SET"
            ),
            "SET": lambda: self._receive_settings("203 OK RECEIVING SETTINGS", "203 OK SETTINGS RECEIVED"),
            "LIST VOICES": self._list_voices,
            "SPEAK": lambda: self._speak("text"),
            "CHAR": lambda: self._speak("char"),
            "KEY": lambda: self._speak("key"),
            "SOUND_ICON": lambda: self._speak("icon"),
            "STOP": self._stop,
            "PAUSE": self._pause,
        }
        for line in self._source:
            command = line.decode("utf-8", "replace").strip()
            if command == "QUIT":
                self._stop()
                self._send("210 OK QUIT")
                return
            answers.get(command, lambda: self._send("300 ERR UNKNOWN COMMAND"))()

    def _send(self, *lines: str) -> None:
        self._write(b"".join(line.encode() + b"\n" for line in lines))

    def _write(self, content: bytes) -> None:
        with self._lock:
            self._sink.write(content)
            self._sink.flush()

    def _data(self) -> str:
        """The lines up to a single dot, with the escaping dot at the beginning of a line removed."""
        lines = []
        for line in self._source:
            if line in (b".\n", b".\r\n"):
                break
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines).decode("utf-8", "replace").removesuffix("\n")

    def _receive_settings(self, ready: str, done: str) -> None:
        self._send(ready)
        for line in self._data().splitlines():
            name, _, value = line.partition("=")
            self._settings[name.strip()] = value.strip()
        self._send(done)

    def _list_voices(self) -> None:
        names = [f"200-{name}\ttw\tnone" for name in self._synthesizer.speakers]
        self._send(*names, "200 OK VOICE LIST SENT")

    def _speak(self, kind: str) -> None:
        self._send("202 OK RECEIVING MESSAGE")
        text = self._data()
        self._wait()
        if kind == "icon" or not text.strip():
            self._send("301 ERROR CANT SPEAK")
            return
        self._send("200 OK SPEAKING")
        self._ending = ""
        self._speaking = threading.Thread(target=self._utter, args=(text, kind), daemon=True)
        self._speaking.start()

    def _stop(self) -> None:
        """Ends the current message, if there is one."""
        if self._speaking is not None and self._speaking.is_alive():
            self._ending = _STOP
            self._wait()

    def _pause(self) -> None:
        """Has the current message end at its next mark of the server, which resumes it there."""
        if self._speaking is not None and self._speaking.is_alive() and not self._ending:
            self._ending = _PAUSE

    def _wait(self) -> None:
        if self._speaking is not None:
            self._speaking.join()
            self._speaking = None

    def _utter(self, text: str, kind: str) -> None:
        self._send("701 BEGIN")
        try:
            end = self._utter_parts(_document(text, kind), text)
        except KalakanError as error:
            sys.stderr.write(f"kalakan: error: {error}\n")
            end = _END
        self._send(_STOP if self._ending == _STOP else end)

    def _utter_parts(self, document: Marked, text: str) -> str:
        """Sends the sound of a message and its marks, each where it stands; returns the event that ends it."""
        marks = deque(document.marks)
        try:
            for part in self._parts(document, text):
                if self._ending == _STOP:
                    return _STOP
                if not isinstance(part, str):
                    self._write(_message(part, self._synthesizer.sample_rate))
                    continue
                marks.popleft()
                self._send(f"700-{part}", "700 INDEX MARK")
                if self._ending == _PAUSE and part.startswith(_SERVERS):
                    return _PAUSE
        except TextError:
            pass  # nothing to synthesize: screen readers send such messages, and wait for their end
        for mark in marks:
            self._send(f"700-{mark.name}", "700 INDEX MARK")
        return _END

    def _parts(self, document: Marked, text: str) -> Iterator[Any]:
        """Blocks of samples, and between them the names of marks; SSML that Kalakan does not support is plain text."""
        options = speak_options(self._settings, self._synthesizer.speakers)
        try:
            stream = self._synthesizer.stream(document.text, options, ssml=True)
            first = next(stream.chunks(), None)
        except MarkupError:
            document = _marked(text, "", lambda piece: html.unescape(_TAG.sub(" ", piece)))
            stream = self._synthesizer.stream(document.text, options)
            first = next(stream.chunks(), None)
        size = round(BLOCK_S * self._synthesizer.sample_rate)
        marks, due, at = deque(document.marks), deque[tuple[int, str]](), 0
        with stream:
            for chunk in chain(() if first is None else (first,), stream.chunks()):
                for begun in chunk.begins:
                    while marks and marks[0].place <= begun.phrase.source[1]:
                        due.append((begun.sample_at(marks[0].place), marks.popleft().name))
                rest = chunk.audio
                while len(rest):
                    while due and due[0][0] <= at:
                        yield due.popleft()[1]
                    length = min(size, due[0][0] - at) if due else size
                    block, rest = rest[:length], rest[length:]
                    at += len(block)
                    yield block


def speak_options(settings: dict[str, str], speakers: tuple[str, ...]) -> SpeakOptions:
    """The options a client set: rate, pitch and volume, each -100 to 100, within a voice's limits, and the speaker.

    Rate -100 is half the tempo and 100 twice, pitch 100 an octave up, volume 100 full and 0 half the amplitude.
    """
    rate, pitch, volume = (
        _number(settings, "rate", 0),
        _number(settings, "pitch", 0),
        _number(settings, "volume", 100),
    )
    wanted = settings.get("synthesis_voice", "")
    speaker = wanted if wanted in speakers else None
    if speaker is None and settings.get("voice", "").lower().startswith("male") and "kwame" in speakers:
        speaker = "kwame"
    return SpeakOptions(
        speaker=speaker,
        speed=_within("speed", 1 + rate / (200 if rate < 0 else 100)),
        pitch=_within("pitch", pitch * 0.12),
        volume=_within("volume", 20 * math.log10(max((volume + 100) / 200, 1e-3))),
    )


def _number(settings: dict[str, str], name: str, default: float) -> float:
    try:
        value = float(settings.get(name, default))
    except ValueError:
        return default
    return min(max(value, -100.0), 100.0) if math.isfinite(value) else default


def _within(name: str, value: float) -> float:
    control = CONTROLS[name]
    assert control.low is not None and control.high is not None, "a number has limits"
    return min(max(value, control.low), control.high)


@dataclass(frozen=True)
class Mark:
    """A place in a message."""

    name: str
    """Its name, for the client."""
    place: int
    """The number of characters before it."""


@dataclass(frozen=True)
class Marked:
    """A message without its marks."""

    text: str
    """The rest of the message."""
    marks: tuple[Mark, ...] = ()
    """The marks in their order."""


def _marked(text: str, before: str, change: Callable[[str], str]) -> Marked:
    """A text without its marks; what lies between two is changed for itself, and `before` stands before it all."""
    result, marks, at = before, [], 0
    for found in _MARK.finditer(text):
        result += change(text[at : found.start()])
        name = html.unescape(found[1] or found[2] or "")
        marks.append(Mark(" ".join(name.splitlines()), len(result)))  # a line of its own would be an answer
        at = found.end()
    return Marked(result + change(text[at:]), tuple(mark for mark in marks if mark.name))


def _document(text: str, kind: str) -> Marked:
    """A message as SSML, without the marks in it; signs and keys are spelled."""
    if kind == "text":
        if text.lstrip().startswith("<speak"):
            return _marked(text, "", str)
        plain = _marked(text, "<speak>", lambda piece: html.escape(piece, quote=False))
        return Marked(f"{plain.text}</speak>", plain.marks)
    sign = " " if text == "space" else text.replace("_", " ") if len(text) > 1 else text
    if sign.isspace() or (kind == "key" and len(sign) > 1):
        return Marked(f"<speak>{html.escape(sign, quote=False)}</speak>")
    spelled = html.escape(sign, quote=False)
    return Marked(f'<speak><say-as interpret-as="characters">{spelled}</say-as></speak>')


def _message(samples: Any, sample_rate: int) -> bytes:
    """Event 705: mono 16-bit sound for the server to play."""
    facts = (("bits", 16), ("num_channels", 1), ("sample_rate", sample_rate), ("num_samples", len(samples)))
    head = "".join(f"705-{name}={value}\n" for name, value in (*facts, ("big_endian", 0)))
    content = pcm_bytes(samples, "PCM_16")
    return f"{head}705-AUDIO\0".encode() + _escaped(content) + b"\n705 AUDIO\n"


def _escaped(content: bytes) -> bytes:
    return content.replace(b"\x7d", _ESCAPED[0x7D]).replace(b"\n", _ESCAPED[0x0A])


@click.command("sd_kalakan")
@click.option("--voice", type=FOLDER, metavar="FOLDER", help="Voice folder.")
@click.option("--lexicon", type=FILE, metavar="FILE", help="Readings of words.")
@click.argument("given", nargs=-1)
def command(voice: str | None, lexicon: str | None, given: tuple[str, ...]) -> None:
    """Serve speech-dispatcher, which starts this with the names of its files."""
    from kalakan.synthesis.synthesizer import Synthesizer

    module = Module(Synthesizer(voice, lexicon=lexicon), sys.stdin.buffer, sys.stdout.buffer)
    module.run()


if __name__ == "__main__":
    catch_signals()
    command()
