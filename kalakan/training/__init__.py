"""Training of models: the Trainer, its tasks and losses. It needs torch."""

from importlib.util import find_spec

from kalakan.errors import MissingDependencyError, how_to_install

if find_spec("torch") is None:  # before an import in the middle of it fails with the bare name
    raise MissingDependencyError(f"training needs torch; {how_to_install('train')}")
