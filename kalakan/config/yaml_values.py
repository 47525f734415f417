"""YAML as used for settings: 1e-4 is a number, and every JSON file is valid."""

from __future__ import annotations

import re
from functools import cache
from typing import Any


def load_yaml(text: str) -> Any:
    """The value of a YAML text, rejecting all but standard tags; raises `yaml.YAMLError`."""
    import yaml  # imported here, because synthesis rarely reads a file, and it takes a twentieth of the start-up

    return yaml.load(text, Loader=_loader())


@cache
def _loader() -> Any:
    """PyYAML's safe loader with the floats of YAML 1.2 (section 10.3.2): in its own YAML 1.1, 1e-4 is a string."""
    import yaml

    class Loader(yaml.SafeLoader):
        """A separate class, because resolvers are added to a class and `yaml.SafeLoader` is shared by the process."""

    number = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    return Loader
