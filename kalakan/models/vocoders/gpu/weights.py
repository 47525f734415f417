"""Checks whether a module's weights are still those that were packed, before every call and in a few microseconds.

Most of the check runs in C over lists: walking the 224 modules of HiFi-GAN V1 in Python would take a third as long as
the graph of a short sentence.
"""

from __future__ import annotations

from gc import get_referents
from itertools import accumulate
from operator import attrgetter, itemgetter
from typing import Any

from torch import Tensor, nn

_CHILDREN = itemgetter("_modules")
_POINTER = Tensor.data_ptr
_VERSION = attrgetter("_version")
_WANTS_GRADIENT = attrgetter("requires_grad")


class Weights:
    """The parameters, submodules and hooks of a module at the time of construction."""

    def __init__(self, model: nn.Module) -> None:
        inner = list(model.modules())[1:]
        self._hooks = [
            hooks for part in inner for hooks in (part._forward_hooks, part._forward_pre_hooks)
        ]  # each is one object as long as its module lives
        self._first = model._modules  # not the model, which would then never be freed
        # A container gets a new dictionary of parts when one is removed, so it is looked up each time; the
        # dictionary of its attributes stays.
        self._containers = [part.__dict__ for part in inner if part._modules]
        self._owned = [part._parameters for part in (model, *inner) if part._parameters]
        self._children = self._children_now()
        counts = [0, *accumulate(map(len, self._owned))]
        # Parameters of a module move together. Twice the first, because an itemgetter of one item returns no sequence.
        self._first_of_each = itemgetter(*counts[:-1], 0)
        # References keep replaced weights alive until the next call, so that nothing else gets their addresses.
        self._kept = [parameter.detach() for parameter in self._parameters_now()]
        self._state = self._state_now()

    @property
    def have_hooks(self) -> bool:
        """Whether a submodule has hooks, which packed weights would not run."""
        return any(self._hooks)

    @property
    def want_gradient(self) -> bool:
        """Whether any parameter requires a gradient."""
        try:
            return any(map(_WANTS_GRADIENT, get_referents(*self._owned)))
        except AttributeError:  # there may be no bias
            return any(map(_WANTS_GRADIENT, self._parameters_now()))

    @property
    def are_unchanged(self) -> bool:
        """Whether no parameter was modified in place, moved, cast or replaced, and no submodule replaced.

        Does not detect changes through `.data`, which torch does not track: in-place changes, and any change of a bias.
        """
        return self._children_now() == self._children and self._state_now() == self._state

    def _children_now(self) -> list[Any]:
        return get_referents(self._first, *map(_CHILDREN, self._containers))

    def _parameters_now(self) -> list[Tensor]:
        return [value for value in get_referents(*self._owned) if value is not None]

    def _state_now(self) -> list[int]:
        """Addresses and versions of parameters."""
        values = get_referents(*self._owned)
        try:
            return [*map(_POINTER, self._first_of_each(values)), *map(_VERSION, values)]
        except (
            RuntimeError,
            TypeError,
            IndexError,
        ):  # inference tensors have no version; there may be no bias
            found = self._parameters_now()
            return [
                *map(_POINTER, found),
                *(-1 if value.is_inference() else value._version for value in found),
            ]
