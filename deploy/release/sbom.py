"""python deploy/release/sbom.py [--extra EXTRA ...] [--check] [--output FOLDER]: what a wheel of Kalakan is made of.

`make sbom` runs it. Writes kalakan.cdx.json, a software bill of materials (CycloneDX 1.5), and LICENSES.txt, the
licenses of every component with their texts: the crates that are compiled for the machine it runs on, as Cargo.lock has
them, and the Python packages that kalakan needs, as they are installed here. --check writes nothing: it fails where a
license is not one that deny.toml allows, or a crate comes from elsewhere than crates.io.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "target" / "sbom"
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
LICENSE_FILES = re.compile(r"(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)
SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "MIT License": "MIT",
    "MIT/Apache-2.0": "MIT OR Apache-2.0",
}
"""Spellings of licenses in packages that do not use SPDX's."""
DECLARED = {"mpmath": "BSD-3-Clause", "sympy": "BSD-3-Clause"}
"""Licenses of packages whose metadata is vague; their texts say which it is."""


@dataclass(frozen=True)
class Component:
    """A crate or package."""

    kind: str
    """"cargo" or "pypi"."""
    name: str
    version: str
    license: str
    """An SPDX expression; empty where it says none."""
    source: str
    """Where it comes from."""
    texts: tuple[tuple[str, str], ...]
    """Name and content of each of its license files."""
    hash: str | None = None
    """sha256 of its archive, of a crate."""

    @property
    def purl(self) -> str:
        """The package's URL."""
        return f"pkg:{self.kind}/{self.name}@{self.version}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--extra", action="append", default=[], help="of kalakan whose packages count too, as serve"
    )
    parser.add_argument("--check", action="store_true", help="only say what is wrong")
    parser.add_argument("--output", type=Path, default=TARGET, help="default: target/sbom")
    arguments = parser.parse_args()
    components = [*crates(), *packages(arguments.extra)]
    if arguments.check:
        wrong = faults(components, allowed())
        sys.stdout.write("\n".join([*wrong, f"{len(components)} components, {len(wrong)} faults"]) + "\n")
        raise SystemExit(1 if wrong else 0)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "kalakan.cdx.json").write_text(
        json.dumps(bill(components), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (arguments.output / "LICENSES.txt").write_text(texts_of(components), encoding="utf-8")
    sys.stdout.write(f"{arguments.output}: {len(components)} components\n")


def crates() -> list[Component]:
    """Every crate that is compiled into the extension module, its own left out."""
    host = re.search(r"host: (\S+)", told("rustc", "-vV"))
    assert host is not None
    metadata = json.loads(
        told("cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", host[1])
    )
    known = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    todo = [package["id"] for package in metadata["packages"] if package["name"] == "kalakan-python"]
    seen: set[str] = set()
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        # Macros are dependencies of the ordinary kind too: what they are made of is compiled, though not shipped.
        needed = (
            each for each in nodes[one]["deps"] if any(kind["kind"] is None for kind in each["dep_kinds"])
        )
        todo += [each["pkg"] for each in needed]
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    return [crate(known[one], lock) for one in sorted(seen) if known[one]["source"] is not None]


def crate(package: dict[str, Any], lock: str) -> Component:
    """A crate of `cargo metadata`."""
    name, version = package["name"], package["version"]
    entry = re.search(
        rf'name = "{re.escape(name)}"\nversion = "{re.escape(version)}"\n[^\[]*?checksum = "(\w+)"', lock
    )
    license_ = package["license"] or ""
    folder = Path(package["manifest_path"]).parent
    return Component(
        "cargo",
        name,
        version,
        SPDX.get(license_, license_),
        package["source"],
        license_texts(folder.iterdir()),
        entry[1] if entry else None,
    )


def packages(extras: Iterable[str]) -> list[Component]:
    """Every Python package that kalakan needs with some extras, as installed here."""
    found: dict[str, Component] = {}
    todo: list[tuple[str, frozenset[str]]] = [("kalakan", frozenset(extras))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        name, wanted = todo.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(
                f"{name} is not installed; install kalakan with the extras that are asked for"
            ) from None
        unknown = wanted.difference(
            map(canonicalize_name, installed.metadata.get_all("Provides-Extra") or ())
        )
        if unknown:
            raise SystemExit(
                f"{name} {installed.version}, as installed here, has no extra {', '.join(unknown)}"
            )
        if name != "kalakan":
            found[name] = package_of(name, installed)
        for line in installed.requires or ():
            needed = Requirement(line)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in wanted or {""}):
                todo.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return [found[name] for name in sorted(found)]


def package_of(name: str, installed: Distribution) -> Component:
    """A package of its metadata."""
    metadata = installed.metadata
    said = metadata.get("License-Expression") or metadata.get("License") or ""
    files = (Path(str(installed.locate_file(path))) for path in installed.files or ())
    return Component(
        "pypi",
        name,
        installed.version,
        DECLARED.get(name) or SPDX.get(said, said),
        "https://pypi.org",
        license_texts(path for path in files if any(part.endswith(".dist-info") for part in path.parts)),
    )


def license_texts(paths: Iterable[Path]) -> tuple[tuple[str, str], ...]:
    """Name and content of the license files among some paths."""
    chosen = sorted(path for path in paths if LICENSE_FILES.search(path.name) and path.is_file())
    return tuple((path.name, path.read_text(encoding="utf-8", errors="replace")) for path in chosen)


def told(*command: str) -> str:
    """What a program prints in the checkout."""
    return subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout


def allowed() -> frozenset[str]:
    """The licenses that deny.toml allows."""
    text = (ROOT / "deny.toml").read_text(encoding="utf-8")
    block = re.search(r"^allow = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return frozenset(re.findall(r'"([^"]+)"', block[1]))


def faults(components: Iterable[Component], names: frozenset[str]) -> list[str]:
    """A line for everything that may not be shipped as it is."""
    found = []
    for each in components:
        if not each.license:
            found.append(f"{each.purl}: says no license")
        elif not is_allowed(each.license, names):
            found.append(f"{each.purl}: {each.license} is not among the licenses that deny.toml allows")
        if each.kind == "cargo" and each.source != CRATES_IO:
            found.append(f"{each.purl}: comes from {each.source}; crates come from crates.io")
    return found


def is_allowed(expression: str, names: frozenset[str]) -> bool:
    """Whether an SPDX expression can be met with some licenses: all parts of AND, one part of OR."""
    expression = expression.strip()
    for operator, join in ((" OR ", any), (" AND ", all)):
        parts = split(expression, operator)
        if len(parts) > 1:
            return join(is_allowed(part, names) for part in parts)
    if expression.startswith("(") and expression.endswith(")"):
        return is_allowed(expression[1:-1], names)
    return expression in names


def split(expression: str, operator: str) -> list[str]:
    """The parts of an expression around an operator outside of brackets."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(expression):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and expression.startswith(operator, at):
            parts.append(expression[start:at])
            start = at + len(operator)
    return [*parts, expression[start:]]


def bill(components: Iterable[Component]) -> dict[str, Any]:
    """The bill of materials; the same components give the same text."""
    components = list(components)
    names = " ".join(each.purl for each in components)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, names)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"pkg:pypi/kalakan@{version('kalakan')}",
                "name": "kalakan",
                "version": version("kalakan"),
                "purl": f"pkg:pypi/kalakan@{version('kalakan')}",
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": each.purl,
                "name": each.name,
                "version": each.version,
                "purl": each.purl,
                **({"licenses": [{"expression": each.license}]} if each.license else {}),
                **({"hashes": [{"alg": "SHA-256", "content": each.hash}]} if each.hash else {}),
            }
            for each in components
        ],
    }


def texts_of(components: Iterable[Component]) -> str:
    """Every component with its license and the text of it."""
    parts = []
    for each in components:
        head = f"{each.name} {each.version} ({each.kind}): {each.license}"
        parts.append(f"{head}\n{'=' * len(head)}\n")
        if not each.texts:
            parts.append("Its archive holds no text of the license.\n")
        parts += [f"--- {name}\n\n{text.strip()}\n" for name, text in each.texts]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
