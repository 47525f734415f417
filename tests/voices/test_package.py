"""Voices on disk: read as they were written, refused by the name of what is broken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kalakan.config.schema import AudioConfig
from kalakan.errors import VoiceError
from kalakan.text.phonemes import TABLE_HASH
from kalakan.voices.describe import describe
from kalakan.voices.manifest import ModelRecord, VoiceManifest
from kalakan.voices.package import load_voice, save_voice


def _manifest() -> VoiceManifest:
    return VoiceManifest(
        name="ama",
        version="3",
        speakers=("ama", "kofi"),
        audio=AudioConfig(),
        acoustic=ModelRecord("fastspeech2_small", {"encoder_width": 8}),
        vocoder=ModelRecord("griffin_lim"),
        phoneme_table=TABLE_HASH,
        license="CC0-1.0",
    )


@pytest.fixture
def product(tiny_voice: Path, tmp_path: Path) -> Path:
    """A folder whose `voice` is a copy of the tiny voice."""
    shutil.copytree(tiny_voice, tmp_path / "voice")
    return tmp_path


def test_saved_voice_loads_as_it_was(tmp_path: Path) -> None:
    saved = save_voice(tmp_path / "ama", _manifest(), {"LICENSE": b"free", "phonemes.tsv": b"table"})
    loaded = load_voice(tmp_path / "ama")
    assert loaded == saved
    assert loaded.manifest == replace(_manifest(), files=loaded.manifest.files)
    assert loaded.file("LICENSE").read_bytes() == b"free"
    with pytest.raises(VoiceError, match=r"carries no vocoder\.onnx; it holds LICENSE, phonemes\.tsv"):
        loaded.file("vocoder.onnx")


def test_saving_again_replaces_the_voice_and_nothing_else(tmp_path: Path) -> None:
    save_voice(tmp_path / "ama", _manifest(), {"LICENSE": b"free", "old.txt": b"old"})
    save_voice(tmp_path / "ama", _manifest(), {"LICENSE": b"freer"})
    assert sorted(path.name for path in (tmp_path / "ama").iterdir()) == ["LICENSE", "voice.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["ama"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    with pytest.raises(VoiceError, match="is not empty and no voice"):
        save_voice(tmp_path / "other", _manifest(), {"LICENSE": b"free"})
    assert (tmp_path / "other" / "thesis.txt").read_text() == "years of work"


def test_failed_save_leaves_the_old_voice(tmp_path: Path) -> None:
    save_voice(tmp_path / "ama", _manifest(), {"LICENSE": b"free"})
    with pytest.raises(VoiceError, match="cannot be written"):
        save_voice(tmp_path / "ama", _manifest(), {"LICENSE": tmp_path / "no such file"})
    assert load_voice(tmp_path / "ama").file("LICENSE").read_bytes() == b"free"
    assert [path.name for path in tmp_path.iterdir()] == ["ama"]


def _edit(key: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "voice.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))

    return change


def _truncate(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return change


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (shutil.rmtree, "there is no such voice folder"),
        (lambda folder: (folder / "voice.json").unlink(), r"voice\.json: is not there"),
        (_truncate("voice.json"), r"voice\.json: is damaged, it is not valid JSON"),
        (lambda folder: (folder / "voice.json").write_text("3"), "holds no JSON object"),
        (_edit("format_version", 99), "has format version 99 and this Kalakan reads 1; upgrade"),
        (_edit("phoneme_table", "0" * 16), "another phoneme table"),
        (_edit("speakers", None), r"voice\.json: is damaged"),
        (_edit("audio", {"hop_length": -1}), r"is damaged \(audio\.hop_length is -1"),
        (_edit("files", {"../secret": "0"}), r"names the file '\.\./secret'"),
        (_edit("surprise", 1), r"is damaged \(.*surprise"),
        (lambda folder: (folder / "LICENSE").unlink(), "LICENSE: is missing from the voice"),
        (_truncate("acoustic.onnx"), r"acoustic\.onnx: is damaged or was changed"),
    ],
)
def test_broken_voice_is_refused_by_the_name_of_what_is_broken(
    product: Path, damage: Callable[[Path], None], text: str
) -> None:
    damage(product / "voice")
    with pytest.raises(VoiceError, match=text):
        load_voice(product / "voice")


def test_describing_a_voice_changes_what_it_says_and_no_weight(product: Path, tmp_path: Path) -> None:
    before = load_voice(product / "voice")
    weights = before.file("acoustic.onnx").read_bytes()
    (tmp_path / "card.md").write_text("# Ama")
    (tmp_path / "cc0.txt").write_text("Public domain")
    after = describe(
        before,
        name="ama",
        version="2",
        license_id="CC0-1.0",
        license_file=tmp_path / "cc0.txt",
        card=tmp_path / "card.md",
    )
    assert load_voice(product / "voice") == after
    assert (after.manifest.name, after.manifest.version, after.manifest.license) == ("ama", "2", "CC0-1.0")
    assert after.file("MODEL_CARD.md").read_text() == "# Ama"
    assert after.file("LICENSE").read_text() == "Public domain"
    assert after.file("acoustic.onnx").read_bytes() == weights


def test_the_voice_of_the_package_is_never_written_to(
    product: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kalakan.voices.package.DEFAULT", product / "voice")
    before = {path.name: path.read_bytes() for path in (product / "voice").iterdir()}
    with pytest.raises(
        VoiceError, match=r"is the voice that comes with kalakan, which is not changed; .*--output-dir"
    ):
        describe(load_voice(), name="Efua")
    assert {path.name: path.read_bytes() for path in (product / "voice").iterdir()} == before
    assert describe(load_voice(), tmp_path / "efua", name="Efua").manifest.name == "Efua"


def test_licence_without_its_text_is_refused(product: Path) -> None:
    with pytest.raises(VoiceError, match="needs both"):
        describe(load_voice(product / "voice"), license_id="CC0-1.0")
    with pytest.raises(VoiceError, match=r"no\.txt: cannot be read"):
        describe(load_voice(product / "voice"), license_id="CC0-1.0", license_file="no.txt")


def test_a_training_run_is_no_voice_but_has_one(product: Path) -> None:
    with pytest.raises(VoiceError, match=r"is a training run; its voice is .*voice$"):
        load_voice(product)


@pytest.mark.parametrize("license_id", ["CC BY 4.0", "Apache 2", "mine", "GPL-3.0", ""])
def test_a_license_that_is_no_spdx_identifier_is_refused(
    product: Path, tmp_path: Path, license_id: str
) -> None:
    (tmp_path / "LICENSE").write_text("text")
    with pytest.raises(VoiceError, match="is no SPDX identifier such as CC-BY"):
        describe(
            load_voice(product / "voice"),
            tmp_path / "made",
            license_id=license_id,
            license_file=tmp_path / "LICENSE",
        )


@pytest.mark.parametrize("license_id", ["CC-BY-SA-4.0", "Apache-2.0", "LicenseRef-mine", "AGPL-3.0-or-later"])
def test_spdx_identifiers_are_taken(product: Path, tmp_path: Path, license_id: str) -> None:
    (tmp_path / "LICENSE").write_text("text")
    made = describe(
        load_voice(product / "voice"),
        tmp_path / "made",
        license_id=license_id,
        license_file=tmp_path / "LICENSE",
    )
    assert made.manifest.license == license_id
