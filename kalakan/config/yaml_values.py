"""YAML as settings are written in it: a number may be 1e-4, and every JSON file is YAML."""

from __future__ import annotations

import re
from functools import cache
from typing import Any


def load_yaml(text: str) -> Any:
    """The value of a YAML text, tags other than plain ones refused; raises `yaml.YAMLError`."""
    import yaml  # here, because speaking mostly needs no file, and it is a twentieth of the start-up

    return yaml.load(text, Loader=_loader())


@cache
def _loader() -> Any:
    """PyYAML's safe loader with the floats of YAML 1.2 (section 10.3.2): in 1.1, which it reads, 1e-4 is a string."""
    import yaml

    class Loader(yaml.SafeLoader):
        """A class of its own: resolvers are added to a class, and the safe loader's is everybody's."""

    number = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    return Loader
