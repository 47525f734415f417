"""What stands at a path stays what it is, is replaced whole, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from kalakan import storage
from kalakan.storage import check_writable, replacing, replacing_folder, whole_file

posix = pytest.mark.skipif(os.name == "nt", reason="needs modes, links and pipes of POSIX")


@pytest.fixture(autouse=True)
def nothing_swept_yet() -> None:
    storage._sweep.cache_clear()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, content: bytes = b"new") -> None:
    with whole_file(path) as file:
        file.write(content)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, b"old")
    with pytest.raises(RuntimeError), whole_file(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    write(path)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_what_is_replaced_passes_on_its_mode(tmp_path: Path, mode: int) -> None:
    for path, make in ((tmp_path / "file", write), (tmp_path / "folder", _fill)):
        make(path)
        path.chmod(mode)
        make(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode


def _fill(path: Path) -> None:
    with replacing_folder(path) as partial:
        (partial / "a").write_bytes(b"new")


@posix
def test_a_read_only_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, b"old")
    path.chmod(0o444)
    for attempt in (write, check_writable):
        with pytest.raises(PermissionError, match="read-only"):
            attempt(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@posix
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    write(path)
    reader.join()
    assert found == [b"new"]
    assert stat.S_ISFIFO(path.stat().st_mode)
    with pytest.raises(OSError, match="no plain file"), replacing(path):
        pass
    assert names(tmp_path) == ["pipe"]


@posix
def test_a_loop_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for attempt in (write, check_writable):
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            attempt(tmp_path / "a")
    assert names(tmp_path) == ["a", "b"]


@posix
def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    with replacing(tmp_path / "link") as partial:
        partial.write_bytes(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("length", [238, 251, 255])
def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path, length: int) -> None:
    write(tmp_path / ("a" * length))
    _fill(tmp_path / ("b" * length))
    _fill(tmp_path / ("b" * length))
    assert names(tmp_path) == ["a" * length, "b" * length]


KILLED = """
import sys
from pathlib import Path
from kalakan.storage import replacing, replacing_folder
with (replacing if sys.argv[1] == "file" else replacing_folder)(Path(sys.argv[2])):
    print("ready", flush=True)
    sys.stdin.read()
"""


@posix
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_killed_processes_left_is_swept_and_what_lives_is_not(tmp_path: Path, kind: str) -> None:
    command = [sys.executable, "-I", "-c", KILLED, kind, str(tmp_path / "a")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (left,) = names(tmp_path)
        write(tmp_path / "b")
        assert names(tmp_path) == [left, "b"]
        process.send_signal(signal.SIGKILL)
    assert names(tmp_path) == [left, "b"]
    storage._sweep.cache_clear()
    write(tmp_path / "b")
    assert names(tmp_path) == ["b"]


@posix
@pytest.mark.parametrize(
    ("replace", "moment"),
    [
        *((replacing, name) for name in ("open", "flock", "fstat")),
        *((replacing_folder, name) for name in ("mkdir", "open", "flock", "fstat")),
    ],
)
def test_a_signal_right_after_something_was_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: Any, moment: str
) -> None:
    owner: Any = storage.fcntl if moment == "flock" else Path if moment == "mkdir" else os
    original = getattr(owner, moment)
    stopped: list[str] = []

    def interrupted(*given: Any, **more: Any) -> Any:
        result = original(*given, **more)
        if not stopped and any(tmp_path.iterdir()):
            stopped.append(moment)
            raise SystemExit(143)
        return result

    monkeypatch.setattr(owner, moment, interrupted)
    with pytest.raises(SystemExit), replace(tmp_path / "a"):
        pytest.fail("the block runs")
    assert stopped == [moment]
    assert names(tmp_path) == []


def test_a_place_that_does_not_exist_is_named_as_it_was_given(tmp_path: Path) -> None:
    for replace in (replacing, replacing_folder):
        with pytest.raises(FileNotFoundError) as caught, replace(tmp_path / "none" / "a"):
            pytest.fail("the block runs")
        assert caught.value.filename == str(tmp_path / "none" / "a")


@posix
def test_a_real_path_of_a_loop_is_left_to_whoever_opens_it(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").symlink_to(tmp_path)
    with pytest.raises(OSError, match="Too many levels"):
        storage.real_path(tmp_path / "a" / "x").read_bytes()
    assert storage.real_path(tmp_path / "c" / "x") == tmp_path.resolve() / "x"


def test_no_path_is_resolved_another_way() -> None:
    package = Path(storage.__file__).parent
    found = [str(path) for path in package.rglob("*.py") if ".resolve(" in path.read_text(encoding="utf-8")]
    assert found == []


def test_what_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    check_writable(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        check_writable(tmp_path / "none" / "a")
    with pytest.raises(IsADirectoryError):
        check_writable(tmp_path)
