"""The output module of speech-dispatcher, asked as the server asks."""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.cli.integrate import default_folder, script
from kalakan.cli.speech_dispatcher import Module, speak_options

EVENT = re.compile(
    rb"705-bits=16\n705-num_channels=1\n705-sample_rate=8000\n705-num_samples=(\d+)\n705-big_endian=0\n"
)


def answers(tiny_voice: Path, *commands: str) -> bytes:
    """What the module says to commands; a message is waited for before QUIT, as the server does."""
    source = io.BytesIO("".join(f"{line}\n" for line in commands).encode())
    sink = io.BytesIO()
    module = Module(Synthesizer(tiny_voice), source, sink)
    module.run()
    module._wait()
    return sink.getvalue()


def sound(said: bytes) -> np.ndarray:
    """The samples of all events 705."""
    blocks = []
    for found in EVENT.finditer(said):
        rest = said[found.end() :]
        assert rest.startswith(b"705-AUDIO\0")
        body = rest[len(b"705-AUDIO\0") : rest.index(b"\n705 AUDIO\n")]
        assert b"\n" not in body
        content = re.sub(rb"\x7d(.)", lambda sign: bytes([sign[1][0] ^ 0x20]), body, flags=re.S)
        blocks.append(np.frombuffer(content, "<i2"))
        assert len(blocks[-1]) == int(found[1])
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)


def test_it_tells_who_it_is_and_who_speaks(tiny_voice: Path) -> None:
    said = answers(
        tiny_voice, "INIT", "AUDIO", "audio_output_method=server", ".", "LIST VOICES", "NONSENSE", "QUIT"
    )
    assert said.decode().splitlines() == [
        "299-Kalakan speaks Twi",
        "299 OK LOADED SUCCESSFULLY",
        "207 OK RECEIVING AUDIO SETTINGS",
        "203 OK AUDIO INITIALIZED",
        "200-akosua\ttw\tnone",
        "200-kwame\ttw\tnone",
        "200 OK VOICE LIST SENT",
        "300 ERR UNKNOWN COMMAND",
        "210 OK QUIT",
    ]


@pytest.mark.parametrize(
    "message",
    [
        "<speak>Maakye &amp; da yie</speak>",
        'Maakye &amp; <mark name="a"/>da yie',
        "<speak>Kofi <bogus/></speak>",
    ],
)
def test_a_message_is_heard_from_begin_to_end(tiny_voice: Path, message: str) -> None:
    said = answers(tiny_voice, "SET", "synthesis_voice=kwame", ".", "SPEAK", *message.split("\n"), ".")
    assert said.index(b"202 OK RECEIVING MESSAGE") < said.index(b"200 OK SPEAKING") < said.index(b"701 BEGIN")
    assert said.endswith(b"702 END\n")
    assert len(sound(said)) > 1000


@pytest.mark.parametrize(
    ("command", "text"), [("CHAR", "a"), ("CHAR", "space"), ("KEY", "shift_a"), ("SPEAK", "😀")]
)
def test_signs_keys_and_nothing(tiny_voice: Path, command: str, text: str) -> None:
    assert answers(tiny_voice, command, text, ".").endswith(b"702 END\n")


def test_what_cannot_be_spoken_is_told(tiny_voice: Path) -> None:
    assert answers(tiny_voice, "SPEAK", ".").endswith(b"301 ERROR CANT SPEAK\n")
    assert answers(tiny_voice, "SOUND_ICON", "bell", ".").endswith(b"301 ERROR CANT SPEAK\n")


def marked(sentences: int) -> str:
    """What the server makes of a text: a mark of its own behind each sentence but the last."""
    marks = (f'Me din de Kofi.<mark name="__spd_{number}"/> ' for number in range(sentences))
    return f"<speak>{''.join(marks)}Da yie.</speak>"


@pytest.mark.parametrize(("command", "event"), [("STOP", "703 STOP"), ("PAUSE", "704 PAUSE")])
def test_a_long_message_can_be_ended(tiny_voice: Path, command: str, event: str) -> None:
    said = answers(tiny_voice, "SPEAK", marked(2000), ".", command)
    assert said.decode("latin-1").rstrip().endswith(event)
    assert len(sound(said)) < 8000 * 600


def test_a_pause_comes_at_a_mark_of_the_server_which_goes_on_from_there(tiny_voice: Path) -> None:
    said = answers(tiny_voice, "SPEAK", marked(2000), ".", "PAUSE")
    assert re.search(rb"700-__spd_\d+\n700 INDEX MARK\n704 PAUSE\n$", said)


def test_a_message_without_marks_ends_where_it_ends(tiny_voice: Path) -> None:
    said = answers(tiny_voice, "SPEAK", '<speak>Da yie.<mark name="mine"/></speak>', ".", "PAUSE")
    assert b"\n700-mine\n700 INDEX MARK\n" in said
    assert said.endswith(b"702 END\n")


def test_a_stop_counts_more_than_a_pause(tiny_voice: Path) -> None:
    said = answers(tiny_voice, "SPEAK", marked(2000), ".", "PAUSE", "STOP")
    assert said.endswith((b"703 STOP\n", b"704 PAUSE\n"))  # the mark may come first


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (marked(3), ["__spd_0", "__spd_1", "__spd_2"]),
        ('Kofi.<mark name="a"/> Ama.<mark name="b"></mark>', ["a", "b"]),
        (
            '<speak><mark name=\'first\'/>Kofi aba <mark  name = "mid" />ha.<mark name="x &amp; y"/></speak>',
            ["first", "mid", "x & y"],
        ),
        ('<speak>Kofi <bogus/><mark name="a"/> aba.</speak>', ["a"]),
        ('<speak><mark name="a"/></speak>', ["a"]),
        ('<speak><mark name="a&#10;702 END"/>Yoo<mark name=""/></speak>', ["a 702 END"]),
    ],
)
def test_marks_come_in_order_each_before_the_sound_behind_it(
    tiny_voice: Path, message: str, expected: list[str]
) -> None:
    said = answers(tiny_voice, "SPEAK", message, ".")
    assert re.findall(rb"\n700-(.*)\n700 INDEX MARK", said) == [name.encode() for name in expected]
    assert said.endswith(b"702 END\n")


def test_a_mark_stands_where_its_sentence_begins(tiny_voice: Path) -> None:
    text = 'Me din de Kofi.<mark name="__spd_0"/> Mekɔ fie.<mark name="__spd_1"/> Da yie.'
    said = answers(tiny_voice, "SPEAK", f"<speak>{text}</speak>", ".")
    timing = Synthesizer(tiny_voice).speak("Me din de Kofi. Mekɔ fie. Da yie.").timing
    places = [len(sound(said[: said.index(f"700-__spd_{k}\n".encode())])) for k in range(2)]
    for place, before, after in zip(places, timing.sentences, timing.sentences[1:], strict=False):
        spoken = [part for part in before.segments if part.kind == "word"][-1]
        first = next(part for part in after.segments if part.kind == "word")
        assert spoken.end <= place <= first.start


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (1.0, 0.0, 0.0)),
        ({"rate": "-100", "pitch": "-100"}, (0.5, -12.0, 0.0)),
        ({"rate": "100", "pitch": "100", "volume": "100"}, (2.0, 12.0, 0.0)),
        ({"rate": "9999", "volume": "-9999"}, (2.0, 0.0, -20.0)),
        ({"rate": "x", "pitch": "nan", "volume": "NULL"}, (1.0, 0.0, 0.0)),
    ],
)
def test_rates_are_held_within_the_limits(settings: dict[str, str], expected: tuple[float, ...]) -> None:
    options = speak_options(settings, ("akosua", "kwame"))
    assert (options.speed, options.pitch, options.volume) == pytest.approx(expected)


def test_voices_by_name_and_kind() -> None:
    for settings, speaker in (
        ({"synthesis_voice": "kwame"}, "kwame"),
        ({"voice": "male1"}, "kwame"),
        ({"voice": "female1"}, None),
        ({"synthesis_voice": "NULL"}, None),
    ):
        assert speak_options(settings, ("akosua", "kwame")).speaker == speaker


@pytest.mark.skipif(os.name == "nt", reason="the module is a shell script")
def test_the_module_that_is_written_runs(kalakan: Any, tiny_voice: Path, tmp_path: Path) -> None:
    done = kalakan("integrate", "speech-dispatcher", "--voice", tiny_voice, "--module-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    module = tmp_path / "sd_kalakan"
    assert module.read_text() == script(str(tiny_voice), None)
    said = subprocess.run(
        [module, "kalakan.conf"],
        input=b"INIT\nQUIT\n",
        capture_output=True,
        timeout=100,
        check=True,
        cwd=tmp_path,  # not a source tree, which has no compiled core
    )
    assert said.stdout.endswith(b"299 OK LOADED SUCCESSFULLY\n210 OK QUIT\n")
    assert default_folder().parts[-2:] == ("libexec", "speech-dispatcher-modules")
