"""python deploy/release/addresses.py URL: writes the project's address into what a release shows.

The sources name no address, because the project has none yet. A release is made from a copy of them, in which this
writes `[project.urls]` into pyproject.toml, makes the relative links and pictures of README.md absolute, as a package
index needs them, and adds `repository-code` to CITATION.cff. URL is that of the repository on a site that shows a file
at URL/blob/VERSION/PATH (--files for another pattern). What has an address already is refused: it is run once.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = "{url}/blob/{tag}/{path}"
"""Where a site shows a file."""
_LINK = re.compile(r"(!?\[[^\]]*\]\()(?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?(\))")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="address of the repository")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the sources")
    parser.add_argument("--files", default=FILES, help="address of a file; default: %(default)s")
    arguments = parser.parse_args()
    try:
        write(arguments.root, arguments.url, arguments.files)
    except ValueError as error:
        parser.error(str(error))


def write(root: Path, url: str, files: str = FILES) -> None:
    """Writes the address into the sources in `root`; raises `ValueError` for a wrong one, before a file is changed."""
    if not re.fullmatch(r"https://[\w.-]+(/[\w.~-]+)+", url):
        raise ValueError(
            f"{url!r} is no address of a repository; give one like https://HOST/OWNER/kalakan, without a / at its end"
        )
    tag = f"v{version(root)}"
    changed = {
        root / "pyproject.toml": with_urls(_read(root / "pyproject.toml"), url, files, tag),
        root / "README.md": absolute(_read(root / "README.md"), url, files, tag),
        root / "CITATION.cff": cited(_read(root / "CITATION.cff"), url),
    }
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")


def version(root: Path) -> str:
    """The version that is released."""
    found = re.search(r'^version = "([^"]+)"', _read(root / "Cargo.toml"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{root / 'Cargo.toml'} names no version")
    return found[1]


def with_urls(pyproject: str, url: str, files: str, tag: str) -> str:
    """pyproject.toml with the section `[project.urls]`."""
    if "[project.urls]" in pyproject:
        raise ValueError(
            "pyproject.toml has [project.urls] already; begin with the sources as they are in the repository"
        )
    pages = {
        "Homepage": url,
        "Repository": url,
        "Issues": f"{url}/issues",
        "Documentation": files.format(url=url, tag=tag, path="docs/index.md"),
        "Changelog": files.format(url=url, tag=tag, path="CHANGELOG.md"),
    }
    section = "".join(f'{name} = "{page}"\n' for name, page in pages.items())
    before, mark, after = pyproject.partition("[project.optional-dependencies]")
    if not mark:
        raise ValueError(
            "pyproject.toml has no [project.optional-dependencies] to write [project.urls] before"
        )
    return f"{before}[project.urls]\n{section}\n{mark}{after}"


def absolute(readme: str, url: str, files: str, tag: str) -> str:
    """README.md with addresses for its links; pictures are shown as files and not as pages."""

    def link(found: re.Match[str]) -> str:
        place = files.format(url=url, tag=tag, path=found[2])
        if found[1].startswith("!") or found[2].endswith((".opus", ".png", ".svg")):
            place += "?raw=true"
        return f"{found[1]}{place}{found[3] or ''}{found[4]}"

    return _LINK.sub(link, readme)


def cited(citation: str, url: str) -> str:
    """CITATION.cff with the address of the repository."""
    if "repository-code:" in citation:
        raise ValueError(
            "CITATION.cff has a repository-code already; begin with the sources as they are in the repository"
        )
    return f'{citation.rstrip()}\nrepository-code: "{url}"\n'


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
