"""deploy/release/sbom.py: which licenses pass, and what the bill of materials says."""

from __future__ import annotations

import json

import pytest

from sbom import CRATES_IO, Component, allowed, bill, faults, is_allowed, packages, texts_of

NAMES = frozenset({"MIT", "Apache-2.0", "Zlib"})


def component(license_: str = "MIT", kind: str = "pypi", source: str = "https://pypi.org") -> Component:
    return Component(kind, "thing", "1.0", license_, source, (("LICENSE", "You may."),), "ab" * 32)


@pytest.mark.parametrize(
    ("expression", "passes"),
    [
        ("MIT", True),
        ("GPL-3.0", False),
        ("MIT OR GPL-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("(MIT OR GPL-3.0) AND Zlib", True),
        ("(MIT AND GPL-3.0) OR Zlib", True),
        ("(MIT OR Zlib) AND (GPL-3.0 OR LGPL-2.1)", False),
        ("GPL-3.0 OR MIT AND GPL-3.0", False),
        ("((Zlib))", True),
        ("", False),
        ("BSD", False),
    ],
)
def test_an_expression_passes_where_allowed_licenses_meet_it(expression: str, passes: bool) -> None:
    assert is_allowed(expression, NAMES) is passes


def test_what_may_not_be_shipped_is_named() -> None:
    assert faults([component(), component("Zlib", "cargo", CRATES_IO)], NAMES) == []
    (unlicensed,) = faults([component("")], NAMES)
    assert "pkg:pypi/thing@1.0: says no license" in unlicensed
    (forbidden,) = faults([component("GPL-3.0")], NAMES)
    assert "GPL-3.0" in forbidden
    (elsewhere,) = faults([component(kind="cargo", source="git+https://example.com/thing")], NAMES)
    assert "example.com" in elsewhere


def test_the_bill_names_every_component_and_repeats() -> None:
    components = [component(), component("Zlib", "cargo", CRATES_IO)]
    found = bill(components)
    assert found == bill(components)
    assert [each["purl"] for each in found["components"]] == ["pkg:pypi/thing@1.0", "pkg:cargo/thing@1.0"]
    assert found["components"][1]["licenses"] == [{"expression": "Zlib"}]
    assert found["components"][1]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    assert json.dumps(found)
    assert bill(components[:1])["serialNumber"] != found["serialNumber"]


def test_texts_have_every_license() -> None:
    told = texts_of([component(), Component("pypi", "bare", "2", "MIT", "", ())])
    assert "thing 1.0 (pypi): MIT" in told
    assert "You may." in told
    assert "bare 2 (pypi): MIT" in told
    assert "holds no text" in told


def test_the_packages_of_an_installation_have_allowed_licenses() -> None:
    found = packages([])
    assert {"numpy", "onnxruntime", "click"} <= {each.name for each in found}
    assert "kalakan" not in {each.name for each in found}
    assert faults(found, allowed()) == []


def test_an_extra_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match="has no extra nothing"):
        packages(["nothing"])
