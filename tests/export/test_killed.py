"""An export that is killed, wherever it stands, leaves whole files under their names or none."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from kalakan import Synthesizer
from kalakan.errors import ExportError, VoiceError
from kalakan.export import files
from kalakan.export.exporter import ExportOptions, Source, Written
from kalakan.export.files import REPORT, Cost, FileReport, export_files
from kalakan.export.formats import exporter_of, source_of_voice
from kalakan.export.parity import Parity
from kalakan.voices.package import file_hash, load_voice, save_voice

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes and signals of POSIX"),
    # A child only writes files, or is killed while it computes.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]
EVENTS = frozenset(
    {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile", "shutil.rmtree"}
)


def killed_at(moment: int, folder: Path, work: Callable[[], Any]) -> bool:
    """Runs `work` in a child that kills itself at the event of that number which names a place in the folder; False if
    there were fewer."""
    child = os.fork()
    if child == 0:
        left = moment

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            names_it = event in EVENTS and str(folder) in str(arguments[:2])
            if names_it and left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= names_it

        sys.addaudithook(watch)
        try:
            work()
        except BaseException:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def visible(folder: Path) -> dict[str, bytes]:
    """The files that somebody would use."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, streaming_voice: Path) -> Path:
    """What a whole export writes."""
    folder = tmp_path_factory.mktemp("made")
    source = source_of_voice(streaming_voice, None)
    for item in exporter_of("onnx").write(source, folder, ExportOptions()):
        assert item.path.parent == folder
    return folder


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    """Exports whose models are traced and compared already: what is left is how files get to their places."""
    cost = Cost(1, 1.0, 1.0)
    reports = [
        FileReport(f"{name}.onnx", Parity(1, 0.0, 1.0, 99.0, 0.0, True), cost, cost)
        for name in ("acoustic_model", "vocoder")
    ]
    monkeypatch.setattr(files, "_reports", lambda *arguments: reports)

    def write(self: Any, source: Source, folder: Path, options: ExportOptions) -> list[Written]:
        return [
            Written(Path(shutil.copy(made / f"{role}.onnx", folder)), role)
            for role in ("acoustic_model", "vocoder")
        ]

    monkeypatch.setattr(type(exporter_of("onnx")), "write", write)


@pytest.mark.parametrize("had_files", [False, True])
def test_files_are_whole_at_every_moment(
    had_files: bool, ready: None, made: Path, streaming_voice: Path, tmp_path: Path
) -> None:
    source = source_of_voice(streaming_voice, None)
    wanted = visible(made)
    folder = tmp_path / "out"
    moment = seen = 0
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        if had_files:
            folder.mkdir()
            for name in wanted:
                (folder / name).write_bytes(b"the file before")
        goes_on = killed_at(
            moment, folder, lambda: export_files(exporter_of("onnx"), source, folder, ExportOptions())
        )
        for name, content in (visible(folder) if folder.exists() else {}).items():
            if name == REPORT:
                assert set(json.loads(content)) == set(wanted)
            else:
                allowed = (wanted[name], b"the file before") if had_files else (wanted[name],)
                assert content in allowed, (moment, name)
                seen += content == wanted[name]
        if not goes_on:
            break
        moment += 1
    assert moment > 8
    assert seen > moment / 2
    assert set(visible(folder)) == {*wanted, REPORT}
    export_files(exporter_of("onnx"), source, folder, ExportOptions())
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_kill_while_models_are_traced_and_tried_leaves_nothing(
    streaming_voice: Path, tmp_path: Path
) -> None:
    source = source_of_voice(streaming_voice, None)
    folder = tmp_path / "out"
    for seconds in (0.05, 0.4, 1.0):
        child = os.fork()
        if child == 0:
            export_files(exporter_of("onnx"), source, folder, ExportOptions())
            os._exit(0)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for name, content in (visible(folder) if folder.exists() else {}).items():
            if name != REPORT:  # on a machine that is quick enough to have come so far
                onnx.checker.check_model(onnx.load_model_from_string(content), full_check=True)


def test_a_voice_in_place_is_the_old_or_the_new_one(streaming_voice: Path, tmp_path: Path) -> None:
    old = load_voice(streaming_voice)
    contents = {name: old.file(name).read_bytes() for name in old.manifest.files}
    more = contents | {"MODEL_CARD.md": b"# another\n"}
    folder = tmp_path / "v" / "voice"
    moment = 0
    while True:
        shutil.rmtree(folder.parent, ignore_errors=True)
        save_voice(folder, old.manifest, contents)
        goes_on = killed_at(moment, folder.parent, lambda: save_voice(folder, old.manifest, more))
        if sys.platform.startswith("linux"):
            found = load_voice(folder)
            assert set(visible(folder)) == {"voice.json", *found.manifest.files}, moment
            assert set(found.manifest.files) in (set(contents), set(more))
        if not goes_on:
            break
        moment += 1
    assert moment > 8
    assert load_voice(folder).has("MODEL_CARD.md")


def test_a_read_only_folder_is_named(streaming_voice: Path) -> None:
    """In a child that is nobody where the tests run as root, who may write anywhere."""
    source = source_of_voice(streaming_voice, None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        exporter = exporter_of("onnx")  # before: nobody may not be able to read the package
        child = os.fork()
        if child == 0:
            told = []
            try:
                if os.geteuid() == 0:
                    os.setuid(65534)
                for place in (folder, folder / "inside"):
                    with pytest.raises(ExportError) as refused:
                        export_files(exporter, source, place, ExportOptions())
                    told.append("cannot be written" in str(refused.value))
            finally:
                os._exit(0 if told == [True, True] else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0
        assert list(folder.iterdir()) == []
        folder.chmod(0o755)


def test_a_file_in_place_of_the_folder_is_named(streaming_voice: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    source = source_of_voice(streaming_voice, None)
    for folder in (file, file / "inside"):
        with pytest.raises(ExportError, match="cannot be written"):
            export_files(exporter_of("onnx"), source, folder, ExportOptions())
    assert file.read_bytes() == b""


def test_a_file_of_a_newer_onnx_is_named(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "newer.onnx"
    for change, said in (
        (lambda model: setattr(model.opset_import[0], "version", 99), "operator set 99"),
        (lambda model: setattr(model, "ir_version", 99), "format 99"),
    ):
        model = onnx.load(made / "acoustic_model.onnx")
        change(model)
        path.write_bytes(model.SerializeToString())
        with pytest.raises(
            VoiceError, match=rf"newer\.onnx: needs ONNX's {said} .* reads up to \d+; "
        ) as refused:
            Synthesizer(acoustic_model=path, vocoder=made / "vocoder.onnx")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["acoustic_model.onnx", "vocoder.onnx"])
def test_a_truncated_onnx_is_named_wherever_it_ends(name: str, made: Path, tmp_path: Path) -> None:
    whole = (made / name).read_bytes()
    given = {"acoustic_model": made / "acoustic_model.onnx", "vocoder": made / "vocoder.onnx"}
    path = tmp_path / name
    for share in (0.0, 0.001, 0.3, 0.7, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(VoiceError, match=name.replace(".", r"\.")) as refused:
            Synthesizer(**given | {name.removesuffix(".onnx"): path})
        assert "\n" not in str(refused.value)


def test_a_voice_of_another_table_is_not_exported(streaming_voice: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(streaming_voice, tmp_path / "voice"))
    record = json.loads((folder / "voice.json").read_text(encoding="utf-8"))
    (folder / "voice.json").write_text(json.dumps(record | {"phoneme_table": "0" * 16}), encoding="utf-8")
    before = {path.name: file_hash(path) for path in folder.iterdir()}
    with pytest.raises(VoiceError, match="another phoneme table"):
        source_of_voice(folder, None)
    assert {path.name: file_hash(path) for path in folder.iterdir()} == before
