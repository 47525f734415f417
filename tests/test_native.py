"""What `kalakan.native.status` says."""

from __future__ import annotations

import subprocess
import sys

import kalakan
from kalakan.native import status


def test_status_without_torch_imports_none() -> None:
    code = (
        "import sys; from kalakan.native import status; text = str(status(ask_torch=False))\n"
        "assert 'torch' not in sys.modules and 'rust core' in text, text"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def test_status_names_versions_and_ops() -> None:
    found = status()
    assert found.rust == kalakan.__version__
    assert dict(found.packages)["numpy"] is not None
    [op] = found.ops
    assert op.name == "griffin_lim"
    assert dict(op.machine)["torch"] is None
    assert "griffin_lim · rust: yes" in str(found)
