"""Every error survives the way from one process to another: what does not, kills the pool that it comes from."""

from __future__ import annotations

import importlib
import inspect
import multiprocessing
import pickle
import pkgutil

import pytest

import kalakan
from kalakan.config.resolve import resolve
from kalakan.errors import KalakanError, KalakanWarning


def every_class() -> list[type[BaseException]]:
    """Every error and warning of every module, once."""
    found: set[type[BaseException]] = set()
    for module in pkgutil.walk_packages(kalakan.__path__, "kalakan."):
        if module.name.endswith("__main__") or "kernels" in module.name:
            continue
        try:
            names = vars(importlib.import_module(module.name)).values()
        except ImportError:  # an optional package: its errors are told in other modules
            continue
        found |= {
            item
            for item in names
            if inspect.isclass(item) and issubclass(item, (KalakanError, KalakanWarning))
        }
    return sorted(found, key=lambda kind: kind.__name__)


def test_errors_survive_pickle() -> None:
    kinds = every_class()
    assert len(kinds) > 20
    for kind in kinds:
        has_own = inspect.isfunction(kind.__init__)
        more = len(inspect.signature(kind).parameters) - 1 if has_own else 0
        error = kind("the text", *range(more))
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind
        assert str(again) == str(error) == "the text"
        assert vars(again) == vars(error)


def test_a_pool_goes_on_after_a_misspelt_setting() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with pytest.raises(KalakanError, match=r"did you mean inference\.threads"):
            pool.apply_async(resolve, ({"inference": {"thread": 1}},)).get(60)
        assert pool.apply_async(abs, (-1,)).get(60) == 1
