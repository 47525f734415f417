"""Model training: the Trainer, its tasks and losses. Requires torch."""

from importlib.util import find_spec

from kalakan.errors import MissingDependencyError, how_to_install

if find_spec("torch") is None:  # fail early with a helpful message, not at a nested import
    raise MissingDependencyError(f"training needs torch; {how_to_install('train')}")
