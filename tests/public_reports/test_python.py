"""Public reports of other programs' faults as Python libraries, as trials of this one."""

from __future__ import annotations

import multiprocessing

import pytest

from kalakan import Synthesizer
from kalakan.config.resolve import UnknownSettingError


def test_an_error_in_a_pool_arrives_and_the_pool_goes_on() -> None:
    """aedocw/epub2tts#311: an exception that does not pickle breaks the pool."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with pytest.raises(UnknownSettingError, match="thread"):
            pool.apply_async(Synthesizer, kwds={"config": {"inference": {"thread": 1}}}).get(timeout=120)
        assert pool.apply_async(abs, (-7,)).get(timeout=120) == 7
