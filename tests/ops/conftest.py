"""What the tests of the kernels share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernels of csrc/ as plain C++, built once."""
    from ops.host_launcher import build

    return build(tmp_path_factory.mktemp("kernels"))
