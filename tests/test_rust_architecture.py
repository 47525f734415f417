"""Uses between the files of each Rust crate run one way: no circle of files, and none of folders."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_architecture import circles

RUST = Path(__file__).parents[1] / "rust"
CRATES = sorted(path.parents[1] for path in RUST.glob("*/src/lib.rs"))
Module = tuple[str, ...]

COMMENT = re.compile(r"//[^\n]*")
TESTS = re.compile(r"#\[cfg\(test\)\]\s*mod tests \{.*", re.DOTALL)
"""The unit tests of a file, which end it."""
USE = re.compile(r"\buse\s+([^;]+);")
INLINE = re.compile(r"\b(?:crate|super)(?:::\w+)+")


def code_of(path: Path) -> str:
    """The source of a file without its comments and unit tests."""
    return TESTS.sub("", COMMENT.sub("", path.read_text(encoding="utf-8")))


def modules_of(source: Path) -> dict[Module, Path]:
    """The file of each module of a crate; the crate itself is the module ()."""
    found: dict[Module, Path] = {}
    for path in source.rglob("*.rs"):
        parts = path.relative_to(source).with_suffix("").parts
        found[parts[:-1] if parts[-1] in ("lib", "mod") else parts] = path
    return found


def leaves(tree: str) -> Iterator[tuple[Module, str]]:
    """The paths that a `use` brings in, and the name of each in the module: "a::{b, c as d}" has a::b and a::c."""
    head, brace, rest = tree.strip().partition("{")
    if not brace:
        path, _, name = (part.strip() for part in head.partition(" as "))
        pieces = tuple(path.split("::"))
        pieces = pieces[:-1] if pieces[-1] == "self" and len(pieces) > 1 else pieces
        yield pieces, name or pieces[-1]
        return
    before = tuple(filter(None, head.strip().split("::")))
    depth, start, inside = 0, 0, rest.rstrip().removesuffix("}")
    for at, sign in enumerate(f"{inside},"):
        depth += (sign == "{") - (sign == "}")
        if sign == "," and depth == 0:
            for pieces, name in leaves(inside[start:at]) if inside[start:at].strip() else ():
                yield (
                    (before if pieces == ("self",) else before + pieces),
                    name if pieces != ("self",) else (before[-1]),
                )
            start = at + 1


class Crate:
    """The files of a crate and what each takes from the others, through any `pub use` to where it is defined."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.modules = modules_of(source)
        self.code = {module: code_of(path) for module, path in self.modules.items()}
        self.named = {module: dict(self._named(module)) for module in self.modules}

    def _named(self, module: Module) -> Iterator[tuple[str, Module]]:
        for tree in USE.findall(self.code[module]):
            for path, name in leaves(tree):
                yield name, path

    def uses(self, module: Module) -> set[Module]:
        """The other modules whose definitions a module names."""
        paths = [
            *self.named[module].values(),
            *(tuple(p.split("::")) for p in INLINE.findall(self.code[module])),
        ]
        found = (self.resolve(module, path) for path in paths)
        return {target for target in found if target is not None} - {module}

    def resolve(self, module: Module, path: Module, depth: int = 0) -> Module | None:
        """The module in which a path ends, as it is written in `module`; None outside of the crate."""
        here: Module = module
        for at, name in enumerate(path):
            if name == "crate":
                here = ()
            elif name == "super":
                here = here[:-1]
            elif (*here, name) in self.modules:
                here = (*here, name)
            elif at == 0:
                return None
            elif name in self.named[here] and depth < 8:
                return self.resolve(here, (*self.named[here][name], *path[at + 1 :]), depth + 1) or here
            else:
                break
        return here


def shown(module: Module) -> str:
    return "::".join(module) or "lib"


@pytest.fixture(params=CRATES, ids=lambda crate: crate.name)
def crate(request: pytest.FixtureRequest) -> Crate:
    return Crate(request.param / "src")


def test_no_circle_of_files(crate: Crate) -> None:
    arrows = {shown(module): set(map(shown, crate.uses(module))) for module in crate.modules}
    assert circles(arrows) == []


def test_no_circle_of_folders(crate: Crate) -> None:
    """A file beside a folder of its name belongs to it, as `clean.rs` does to `clean`."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for module in crate.modules:
        if module:
            arrows[module[0]] |= {target[0] for target in crate.uses(module) if target} - {module[0]}
    assert circles(arrows) == []


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        ("crate::a::B", [("crate::a::B", "B")]),
        ("super::a::{self, B as C}", [("super::a", "a"), ("super::a::B", "C")]),
        (
            "{crate::a::{B, c::D}, std::fmt}",
            [("crate::a::B", "B"), ("crate::a::c::D", "D"), ("std::fmt", "fmt")],
        ),
    ],
)
def test_the_paths_of_a_use(tree: str, found: list[tuple[str, str]]) -> None:
    assert [("::".join(path), name) for path, name in leaves(tree)] == found


def test_uses_are_followed_to_the_definition(tmp_path: Path) -> None:
    files = {
        "lib.rs": "mod a;\nmod b;",
        "a/mod.rs": "pub(crate) use inner::Thing;\nmod inner;",
        "a/inner.rs": "use crate::b::other;\npub struct Thing;",
        "b.rs": "fn f(_: super::a::Thing) {}\n#[cfg(test)]\nmod tests { use crate::nothing::of; }",
    }
    for name, code in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    crate = Crate(tmp_path)
    assert crate.uses(("b",)) == {("a", "inner")}
    assert crate.uses(("a", "inner")) == {("b",)}
    assert crate.uses(("a",)) == {("a", "inner")}
