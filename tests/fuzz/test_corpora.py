"""The kept corpora of the fuzz targets that are Python, replayed; those in Rust are by `cargo test` in rust/fuzz."""

from __future__ import annotations

import copy
import importlib.util
import os
import signal
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


def target(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["ssml", "manifest"])
def test_every_input_of_the_corpora_keeps_the_law(name: str) -> None:
    module = target(name)
    kept = (HERE / "corpora" / f"{name}.hex").read_text(encoding="ascii").splitlines()
    assert kept
    for data in [*module.SEEDS, *map(bytes.fromhex, kept)]:
        module.check(data)


def test_a_broken_law_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    module = target("ssml")
    monkeypatch.setattr(module, "read_ssml", lambda text, strict: [module.Text("xy", (5, 3), 9)])
    with pytest.raises(AssertionError):
        module.check(module.SEEDS[0])


def test_changes_of_a_manifest_leave_the_next_input_alone() -> None:
    module = target("manifest")
    values = copy.deepcopy(module.VALUES)
    list_in_list = module.VALUES.index([[]])
    inputs = [
        bytes([at, 0, list_in_list, deeper, 0, list_in_list])
        for at in range(0, 120, 5)
        for deeper in range(at, at + 12)
    ]
    before = [module.changed(data) for data in inputs]
    assert [module.changed(data) for data in inputs] == before
    assert repr(values) == repr(module.VALUES)


def test_what_is_kept_of_a_corpus_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = target("campaign")
    monkeypatch.setattr(campaign, "corpus_file", lambda _: tmp_path / "kept" / "a.hex")
    monkeypatch.setattr(campaign, "LARGEST", 20)
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for name, data in (("a", b"123456"), ("b", b"12"), ("c", b""), ("d", b"34"), ("e", b"1234")):
        (inputs / name).write_bytes(data)
    assert campaign.pack("any", inputs) == 3
    assert (tmp_path / "kept" / "a.hex").read_text() == "3132\n3334\n31323334\n"


def test_a_campaign_that_is_stopped_tells_what_it_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = target("campaign")
    told = "#9 DONE cov: 7 ft: 8 corp: 1\nstat::number_of_executed_units: 50\n"

    def run(name: str, options: list[str], findings: Path) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return told

    monkeypatch.setattr(campaign, "run", run)
    before = signal.getsignal(signal.SIGINT)
    found = campaign.campaign("any", tmp_path, 600.0, tmp_path)
    assert (found["inputs"], found["runs"], found["edges"], found["features"]) == (50, 1, 7, 8)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_corpora_in_the_repository_are_small() -> None:
    campaign = target("campaign")
    for name in (*campaign.RUST, *campaign.PYTHON):
        assert campaign.corpus_file(name).stat().st_size <= campaign.LARGEST
