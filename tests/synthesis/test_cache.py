"""Caches of audio: what is given again is what was made, and a cache that fails costs nothing but its use."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.errors import CacheWarning, ConfigError, SynthesisError, TextError
from kalakan.synthesis.cache import CachedSynthesizer, DiskCache, MemoryCache
from kalakan.synthesis.cache.record import HEADER
from kalakan.text.twi_g2p import TwiG2P

KEY, OTHER, THIRD = ("ab" + letter * 62 for letter in "123")
AUDIO = np.linspace(-1, 1, 1000, dtype=np.float32)
LONG = 60.0


class Counting(Synthesizer):
    """Counts what it is asked to synthesize."""

    calls = 0

    def synthesize(self, *args: Any, **changes: Any) -> Any:
        self.calls += 1
        return super().synthesize(*args, **changes)


@pytest.fixture(params=["onnx", "torch"])
def synthesizer(request: pytest.FixtureRequest, tiny_voice: Path) -> Counting:
    return Counting(tiny_voice, engine=request.param)


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryCache | DiskCache:
    return MemoryCache() if request.param == "memory" else DiskCache(tmp_path)


def file_of(folder: Path, key: str) -> Path:
    (found,) = folder.glob(f"*/{key}*")
    return found


def test_audio_comes_back_as_it_was_put(cache: MemoryCache | DiskCache) -> None:
    assert cache.get(KEY) is None
    given = AUDIO.copy()
    cache.put(KEY, given)
    given[:] = 0
    found = cache.get(KEY)
    assert found is not None and found.dtype == np.float32 and np.array_equal(found, AUDIO)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1
    cache.put(KEY, AUDIO[:10])
    found = cache.get(KEY)
    assert found is not None and len(found) == 10
    assert cache.get(OTHER) is None


def test_memory_forgets_what_was_used_longest_ago() -> None:
    cache = MemoryCache(max_bytes=2 * AUDIO.nbytes)
    cache.put(KEY, AUDIO)
    cache.put(OTHER, AUDIO)
    assert cache.get(KEY) is not None
    cache.put(THIRD, AUDIO)
    assert cache.get(OTHER) is None and cache.get(KEY) is not None and cache.get(THIRD) is not None
    assert cache.bytes == 2 * AUDIO.nbytes
    cache.put(OTHER, np.tile(AUDIO, 3))
    assert cache.get(OTHER) is None and cache.bytes == 2 * AUDIO.nbytes, "too long for the whole cache"
    cache.clear()
    assert cache.bytes == 0 and cache.get(KEY) is None


def test_the_disk_forgets_what_was_used_longest_ago(tmp_path: Path) -> None:
    size = AUDIO.nbytes + HEADER.size
    cache = DiskCache(tmp_path, max_bytes=3 * size)
    for age, key in ((300, KEY), (200, OTHER), (100, THIRD)):
        cache.put(key, AUDIO)
        os.utime(file_of(tmp_path, key), (time.time() - age,) * 2)
    assert cache.get(KEY) is not None  # used now
    cache.put("ff" + KEY[2:], AUDIO)
    assert cache.get(OTHER) is None
    assert cache.get(KEY) is not None and cache.get("ff" + KEY[2:]) is not None
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 3 * size
    another = DiskCache(tmp_path, max_bytes=size)  # counts what it finds
    another.put(OTHER, AUDIO)
    assert [path.stem for path in tmp_path.glob("*/*")] == [OTHER]
    another.put(KEY, np.tile(AUDIO, 2))
    assert another.get(KEY) is None and another.get(OTHER) is not None


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-4],
        lambda content: content + b"\0\0\0\0",
        lambda content: content[:20],
        lambda content: b"",
        lambda content: b"X" + content[1:],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"garbage" * 1000,
    ],
)
def test_a_damaged_file_is_none_and_is_removed(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.put(KEY, AUDIO)
    path = file_of(tmp_path, KEY)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.get(KEY) is None
    assert not path.exists()


def test_files_expire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = DiskCache(tmp_path, ttl_s=10)
    cache.put(KEY, AUDIO)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 9)
    assert cache.get(KEY) is not None
    monkeypatch.setattr(time, "time", lambda: now + 11)
    assert cache.get(KEY) is None
    assert not list(tmp_path.glob("*/*"))


def test_a_folder_that_cannot_be_used_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = DiskCache(tmp_path / "file")
    with pytest.warns(CacheWarning, match="synthesis goes on without") as told:
        cache.put(KEY, AUDIO)
        assert cache.get(KEY) is None
        cache.put(KEY, AUDIO)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MemoryCache(-1), "max_bytes is -1"),
        (lambda: MemoryCache(1.5), "max_bytes is 1.5"),
        (lambda: DiskCache("x", True), "max_bytes is True"),
        (lambda: DiskCache("x", ttl_s=0), "ttl_s is 0"),
    ],
)
def test_sizes_are_checked(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()


def test_a_text_is_synthesized_once_and_comes_back_the_same(synthesizer: Counting, tmp_path: Path) -> None:
    expected = Synthesizer.synthesize(synthesizer, "Akwaaba!", speed=1.2, seed=3)
    for caches in ((), (DiskCache(tmp_path),), (MemoryCache(), DiskCache(tmp_path / "two"))):
        cached = CachedSynthesizer(synthesizer, *caches)
        before = synthesizer.calls
        for _ in range(3):
            audio = cached.synthesize("Akwaaba!", speed=1.2, seed=3)
            assert type(audio) is type(expected)
            assert np.array_equal(np.asarray(audio), np.asarray(expected))
            audio[:] = 0  # the caller's own
        assert synthesizer.calls == before + 1


def test_a_nearer_cache_learns_from_a_farther_one(synthesizer: Counting, tmp_path: Path) -> None:
    disk = DiskCache(tmp_path)
    CachedSynthesizer(synthesizer, disk).synthesize("Akwaaba!")
    memory = MemoryCache()
    CachedSynthesizer(synthesizer, memory, disk).synthesize("Akwaaba!")
    assert synthesizer.calls == 1 and memory.bytes > 0


def test_keys_tell_apart_what_sounds_different_and_only_that(tiny_voice: Path, quick_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice)
    cached = CachedSynthesizer(synthesizer)
    key = cached.key("Me wɔ nnwan 2.")
    assert key is not None and len(key) == 64
    assert cached.key("Me wɔ  nnwan 2.") == cached.key("Me wɔ nnwan 2.", seed=0) == key
    assert CachedSynthesizer(Synthesizer(tiny_voice)).key("Me wɔ nnwan 2.") == key
    others = [
        cached.key("Me wɔ nnwan 3."),
        cached.key("Me wɔ nnwan 2?"),
        cached.key("Me wɔ nnwan 2.", speaker="kwame"),
        cached.key("Me wɔ nnwan 2.", speed=1.1),
        cached.key("Me wɔ nnwan 2.", pitch=1),
        cached.key("Me wɔ nnwan 2.", energy=1.1),
        cached.key("Me wɔ nnwan 2.", seed=1),
        cached.key("Me wɔ nnwan 2.", sentence_pause=1),
        cached.key("<speak>Me wɔ <break time='1s'/> nnwan 2.</speak>", ssml=True),
        cached.key("<speak>Me wɔ <break time='2s'/> nnwan 2.</speak>", ssml=True),
        cached.key("<speak>Me wɔ <prosody rate='120%'>nnwan</prosody> 2.</speak>", ssml=True),
        CachedSynthesizer(Synthesizer(quick_voice)).key("Me wɔ nnwan 2."),
        CachedSynthesizer(Synthesizer(tiny_voice, speaker="kwame")).key("Me wɔ nnwan 2."),
        CachedSynthesizer(Synthesizer(tiny_voice, lexicon={"nnwan": "d a"})).key("Me wɔ nnwan 2."),
    ]
    assert None not in others and len({key, *others}) == len(others) + 1


@pytest.mark.torch
def test_each_engine_has_its_key(tiny_voice: Path) -> None:
    onnx, torch = (CachedSynthesizer(Synthesizer(tiny_voice, engine=name)) for name in ("onnx", "torch"))
    assert None not in (onnx.key("Yoo"), torch.key("Yoo"))
    assert onnx.key("Yoo") != torch.key("Yoo")


def test_a_part_that_is_replaced_changes_the_key(tiny_voice: Path) -> None:
    synthesizer = Counting(tiny_voice)
    cached = CachedSynthesizer(synthesizer)
    key = cached.key("nnwan")
    synthesizer.g2p = TwiG2P(lexicon={"nnwan": "d a"})
    assert cached.key("nnwan") not in (key, None)
    synthesizer.vocoder = synthesizer.vocoder  # nothing tells what an object does
    assert cached.key("nnwan") is None
    for _ in range(2):
        cached.synthesize("nnwan")
    assert synthesizer.calls == 2


def test_errors_are_those_of_the_synthesizer_and_are_not_kept(synthesizer: Counting) -> None:
    cached = CachedSynthesizer(synthesizer)
    for _ in range(2):
        with pytest.raises(TextError):
            cached.synthesize("…")
        with pytest.raises(SynthesisError, match="speed is 9"):
            cached.synthesize("Akwaaba", speed=9)


def test_callers_at_once_wait_for_one_synthesis(tiny_voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthesizer = Counting(tiny_voice)
    cached = CachedSynthesizer(synthesizer)
    reached, let_go = threading.Event(), threading.Event()
    whole = synthesizer.stages.engine.whole

    def held(*args: Any) -> Any:
        reached.set()
        assert let_go.wait(LONG)
        return whole(*args)

    monkeypatch.setattr(synthesizer.stages.engine, "whole", held)
    found: list[Any] = []
    callers = [threading.Thread(target=lambda: found.append(cached.synthesize("Akwaaba!"))) for _ in range(8)]
    for caller in callers:
        caller.start()
    assert reached.wait(LONG)
    let_go.set()
    for caller in callers:
        caller.join()
    assert synthesizer.calls == 1
    assert len(found) == 8 and all(np.array_equal(audio, found[0]) for audio in found)
    assert len({id(audio) for audio in found}) == 8
