"""Playing: the first way that the machine has, from the first chunk on."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from kalakan.audio.files import read_audio
from kalakan.audio.playback import FILE_PLAYERS, PLAYERS, find_player
from kalakan.errors import AudioError, TextError

CHUNKS = np.split((0.5 * np.sin(np.arange(24_000) * 0.05)).astype(np.float32), [4800, 9600])
needs_sh = pytest.mark.skipif(os.name == "nt", reason="the stand-ins for players are shell scripts")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH; there is no sounddevice."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.delitem(sys.modules, "kalakan.audio.sound_device", raising=False)
    return tmp_path


def add_program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def check_heard(wav: bytes) -> None:
    samples, sample_rate = read_audio(io.BytesIO(wav))
    assert sample_rate == 24_000
    np.testing.assert_allclose(samples, np.concatenate(CHUNKS), atol=2**-15)


@needs_sh
@pytest.mark.parametrize("name", PLAYERS)
def test_a_program_gets_a_wav_on_its_standard_input(folder: Path, name: str) -> None:
    add_program(folder, name, f'echo "$@" > {folder}/arguments; /bin/cat > {folder}/heard.wav')
    find_player().play(iter(CHUNKS), 24_000)
    check_heard((folder / "heard.wav").read_bytes())
    assert (folder / "arguments").read_text().split() == list(PLAYERS[name])


@needs_sh
@pytest.mark.parametrize("name", FILE_PLAYERS)
def test_a_program_that_cannot_listen_gets_a_file(folder: Path, name: str) -> None:
    add_program(folder, name, f'/bin/cat "$1" > {folder}/heard.wav; echo "$1" > {folder}/path')
    find_player().play(iter(CHUNKS), 24_000)
    check_heard((folder / "heard.wav").read_bytes())
    assert not Path((folder / "path").read_text().strip()).exists()


@needs_sh
def test_the_first_chunk_is_heard_before_the_second_is_made(folder: Path) -> None:
    add_program(folder, "paplay", f"/bin/cat > {folder}/heard.wav")

    def chunks() -> Iterator[np.ndarray]:
        yield CHUNKS[0]
        deadline = time.monotonic() + 20
        heard = folder / "heard.wav"
        while not heard.exists() or heard.stat().st_size < 44 + 2 * len(CHUNKS[0]):
            assert time.monotonic() < deadline, "the player waits for the second chunk"
            time.sleep(0.01)
        yield from CHUNKS[1:]

    find_player().play(chunks(), 24_000)
    check_heard((folder / "heard.wav").read_bytes())


@needs_sh
def test_a_program_that_fails_is_quoted(folder: Path) -> None:
    add_program(folder, "aplay", "echo 'Connection refused' >&2; exit 1")
    with pytest.raises(AudioError, match="aplay cannot play: Connection refused; give -o FILE"):
        find_player().play(iter(CHUNKS * 50), 24_000)
    add_program(folder, "aplay", "exit 3")
    with pytest.raises(AudioError, match="aplay cannot play: it ended with status 3"):
        find_player().play(iter(CHUNKS), 24_000)


@needs_sh
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("ffplay", "No more combinations to try, audio open failed"),
        ("mpv", "Could not open/initialize audio device -> no sound."),
    ],
)
def test_a_program_that_was_not_heard_has_failed_whatever_its_status(
    folder: Path, name: str, complaint: str
) -> None:
    chatter = "ALSA lib confmisc.c:855:(parse_card) cannot find card '0'"
    add_program(folder, name, f'/bin/cat > /dev/null; echo "{chatter}" >&2; echo "{complaint}" >&2; exit 0')
    with pytest.raises(AudioError) as caught:
        find_player().play(iter(CHUNKS), 24_000)
    assert str(caught.value) == f"{name} cannot play: {complaint}; give -o FILE"


@needs_sh
def test_what_alsa_tries_is_no_failure(folder: Path) -> None:
    add_program(folder, "aplay", "/bin/cat > /dev/null; echo 'ALSA lib pcm_oss.c: Cannot open /dev/dsp' >&2")
    find_player().play(iter(CHUNKS), 24_000)


@needs_sh
def test_a_program_that_is_closed_by_its_user_is_no_failure(folder: Path) -> None:
    add_program(folder, "mpv", "/usr/bin/head -c 4096 > /dev/null; exit 0")
    find_player().play(iter(CHUNKS * 50), 24_000)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what a program has read")
@pytest.mark.parametrize("times", [1, 50], ids=["shorter than a pipe", "longer than a pipe"])
@pytest.mark.parametrize("script", ["exit 0", "/bin/sleep 0.1; exit 0", "exec < /dev/null; /bin/sleep 0.1"])
def test_a_program_that_took_nothing_was_not_heard(folder: Path, script: str, times: int) -> None:
    add_program(folder, "mpv", script)
    chunks = [chunk[:4800] for chunk in CHUNKS] * times
    with pytest.raises(AudioError) as caught:
        find_player().play(iter(chunks), 24_000)
    assert str(caught.value) == (
        "mpv cannot play: it ended with status 0 and read none of the audio; give -o FILE"
    )


@needs_sh
def test_an_error_before_the_first_chunk_starts_no_program(folder: Path) -> None:
    add_program(folder, "paplay", f"echo > {folder}/started")

    def chunks() -> Iterator[np.ndarray]:
        raise TextError("the text is empty")
        yield CHUNKS[0]

    with pytest.raises(TextError):
        find_player().play(chunks(), 24_000)
    assert not (folder / "started").exists()


@needs_sh
@pytest.mark.parametrize("name", ["paplay", "pw-play"])
def test_an_interrupt_ends_the_program(folder: Path, name: str) -> None:
    add_program(folder, name, f"echo $$ > {folder}/number; exec /bin/sleep 60")

    def chunks() -> Iterator[np.ndarray]:
        yield CHUNKS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_player().play(chunks(), 24_000)
    if (folder / "number").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int((folder / "number").read_text()), 0)


def test_no_way_to_play_is_told_with_the_way_out() -> None:
    with pytest.raises(AudioError) as caught:
        find_player()
    message = str(caught.value)
    assert message.startswith("no sound device: sounddevice is not installed, and none of paplay, aplay,")
    assert message.endswith("give -o FILE, or pip install '.[play]' in the folder of Kalakan's source")


class FakeDevice(ModuleType):
    """A `sounddevice` that writes down what it is given."""

    class PortAudioError(Exception):
        """As in sounddevice."""

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.blocks: list[np.ndarray] = []
        self.opened: dict[str, Any] = {}
        self.fail_after = 10**9
        self.has_output = True

    def query_devices(self, kind: str) -> dict[str, str]:
        assert kind == "output"
        if not self.has_output:
            raise self.PortAudioError("Error querying device -1")
        return {"name": "fake"}

    def OutputStream(self, **options: Any) -> FakeDevice:
        self.opened = options
        return self

    def __enter__(self) -> FakeDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self.opened["closed"] = True

    def write(self, block: np.ndarray) -> None:
        if len(self.blocks) >= self.fail_after:
            raise self.PortAudioError("Device unplugged")
        assert block.dtype == np.float32
        assert block.shape[1:] == (1,)
        self.blocks.append(block[:, 0].copy())


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    fake = FakeDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_sounddevice_comes_first(folder: Path, device: FakeDevice) -> None:
    add_program(folder, "paplay", "exit 1")
    find_player().play(iter(CHUNKS), 24_000)
    assert np.array_equal(np.concatenate(device.blocks), np.concatenate(CHUNKS))
    assert device.opened == {"samplerate": 24_000, "channels": 1, "dtype": "float32", "closed": True}


@needs_sh
def test_without_an_output_a_program_plays(folder: Path, device: FakeDevice) -> None:
    device.has_output = False
    with pytest.raises(
        AudioError, match=r"no sound device: sounddevice: it finds no output \(Error querying"
    ):
        find_player()
    add_program(folder, "paplay", f"/bin/cat > {folder}/heard.wav")
    find_player().play(iter(CHUNKS), 24_000)
    check_heard((folder / "heard.wav").read_bytes())


def test_a_device_that_fails_ends_the_work(device: FakeDevice) -> None:
    device.fail_after = 3
    made = 0

    def chunks() -> Iterator[np.ndarray]:
        nonlocal made
        while made < 1000:
            made += 1
            yield CHUNKS[0]

    with pytest.raises(AudioError, match="cannot play at 24000 Hz: Device unplugged; give -o FILE"):
        find_player().play(chunks(), 24_000)
    assert made < 1000


def test_an_error_of_the_chunks_ends_the_sound(device: FakeDevice) -> None:
    def chunks() -> Iterator[np.ndarray]:
        yield CHUNKS[0]
        raise TextError("broken")

    with pytest.raises(TextError, match="broken"):
        find_player().play(chunks(), 24_000)
    assert device.opened["closed"]
