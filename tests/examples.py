"""How many examples a property test tries."""

from __future__ import annotations

import os

FACTOR = int(os.environ.get("KALAKAN_TEST_EXAMPLES", "1"))
"""Times as many as usual; `make test-nightly` sets it to 50."""


def examples(usual: int) -> int:
    """For `hypothesis.settings(max_examples=…)`."""
    return usual * FACTOR
