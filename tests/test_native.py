"""What `kalakan.native.status` says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import kalakan
from kalakan.native import OpStatus, status


def test_status_without_torch_imports_none() -> None:
    code = (
        "import sys; from kalakan.native import status; text = str(status(ask_torch=False))\n"
        "assert 'torch' not in sys.modules and 'rust core' in text, text"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


@pytest.mark.torch
def test_status_names_versions_and_ops() -> None:
    found = status()
    assert found.rust == kalakan.__version__
    assert dict(found.packages)["numpy"] is not None
    assert [op.name for op in found.ops] == ["griffin_lim", "upsample", "residual_blocks"]
    for op in found.ops:
        assert dict(op.machine)["torch"] is None
        assert op.serves is not None
        assert f"{op.name} · " in str(found)
    assert "rust: yes" in str(found.ops[0])


def test_status_gives_the_first_implementation_that_can() -> None:
    assert OpStatus("x", (("cuda", "no CUDA device"), ("torch", None))).serves == "torch"
    assert OpStatus("x", (("cuda", "no CUDA device"),)).serves is None


@pytest.mark.parametrize("core", [None, b"", b"another system's", "def speak(): ..."])
def test_a_source_tree_whose_core_is_missing_or_does_not_load_says_how_to_build_it(
    tmp_path: Path, core: bytes | str | None
) -> None:
    """As after `git clone`, after an interrupted copy, and after a pull without a build."""
    folder = tmp_path / "kalakan"
    folder.mkdir()
    for name in ("__init__.py", "errors.py"):
        shutil.copy(Path(kalakan.__file__).parent / name, folder)
    if isinstance(core, str):
        (folder / "_rust.py").write_text(core)
    elif core is not None:
        (folder / f"_rust{EXTENSION_SUFFIXES[0]}").write_bytes(core)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\ntry: import kalakan\nexcept ImportError as e: print(e)"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    assert told.startswith(str(folder))
    assert ("is a source tree without its compiled core" if core is None else "does not load here") in told
    assert "pip install --editable ." in told
    assert told.count("\n") == 1
