"""What `kalakan.native.status` says."""

from __future__ import annotations

import subprocess
import sys

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
