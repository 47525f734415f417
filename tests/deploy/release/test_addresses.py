"""deploy/release/addresses.py: a release names the project's address wherever people look for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import addresses

URL = "https://example.org/people/kalakan"
NAMES = ("pyproject.toml", "README.md", "CITATION.cff", "Cargo.toml")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name in NAMES:
        shutil.copy(addresses.ROOT / name, tmp_path / name)
    return tmp_path


def text(root: Path, name: str) -> str:
    return (root / name).read_text(encoding="utf-8")


def test_the_package_names_its_pages(sources: Path) -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    before = tomllib.loads(text(sources, "pyproject.toml"))
    addresses.write(sources, URL)
    after = tomllib.loads(text(sources, "pyproject.toml"))
    urls = after["project"].pop("urls")
    assert after == before
    assert urls["Homepage"] == URL
    tag = f"v{addresses.version(sources)}"
    assert urls["Changelog"] == f"{URL}/blob/{tag}/CHANGELOG.md"
    for name in ("Documentation", "Changelog"):
        assert (addresses.ROOT / urls[name].partition(f"{tag}/")[2]).is_file()


def test_every_link_of_the_readme_is_absolute(sources: Path) -> None:
    before = re.findall(r"\]\(([^)]+)\)", text(sources, "README.md"))
    addresses.write(sources, URL)
    after = re.findall(r"\]\(([^)]+)\)", text(sources, "README.md"))
    assert len(after) == len(before) > 20
    assert all(link.startswith(("https://", "#")) for link in after)
    tag = f"v{addresses.version(sources)}"
    for old, new in zip(before, after, strict=True):
        if not old.startswith(("https:", "http:", "#")):
            assert (addresses.ROOT / old.partition("#")[0]).exists()
            assert new.partition(f"{tag}/")[2].replace("?raw=true", "") == old


def test_pictures_and_sounds_are_files() -> None:
    given = "![a](docs/a.png) [b](docs/b.md#part) [c](c.opus) [d](https://x.y/z) [e](#part) [f](mailto:a@b.c)"
    assert addresses.absolute(given, URL, addresses.FILES, "v1") == (
        f"![a]({URL}/blob/v1/docs/a.png?raw=true) [b]({URL}/blob/v1/docs/b.md#part) "
        f"[c]({URL}/blob/v1/c.opus?raw=true) [d](https://x.y/z) [e](#part) [f](mailto:a@b.c)"
    )


def test_who_cites_it_finds_it(sources: Path) -> None:
    addresses.write(sources, URL)
    assert f'\nrepository-code: "{URL}"\n' in text(sources, "CITATION.cff")


def test_it_is_run_once(sources: Path) -> None:
    addresses.write(sources, URL)
    before = {name: text(sources, name) for name in NAMES}
    with pytest.raises(ValueError, match="already"):
        addresses.write(sources, "https://example.com/others/kalakan")
    assert {name: text(sources, name) for name in NAMES} == before


@pytest.mark.parametrize(
    "url", ["", "kalakan", "http://a.b/c", "https://a.b", f"{URL}/", f"{URL} x", f'{URL}"']
)
def test_what_is_no_address_is_refused_before_a_file_is_changed(url: str, sources: Path) -> None:
    before = {name: text(sources, name) for name in NAMES}
    command = [sys.executable, addresses.__file__, url, "--root", str(sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no address of a repository" in done.stderr
    assert {name: text(sources, name) for name in NAMES} == before
