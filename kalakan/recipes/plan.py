"""`VoicePlan`: the speakers, recordings, license and consent of a voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from kalakan.config.resolve import from_dict, unknown_setting
from kalakan.config.rules import require
from kalakan.config.schema import Settings
from kalakan.errors import ConfigError
from kalakan.utils.config import Config
from kalakan.voices.describe import check_license
from kalakan.voices.manifest import UNDECLARED_LICENSE

SECTION = "voice"
"""The plan's section in a YAML file."""
RUNS = ("aligner", "acoustic", "vocoder")
"""Sections with settings of one of the recipe's runs; other sections apply to the acoustic model and the vocoder."""


@dataclass(frozen=True)
class VoicePlan:
    """The section `voice` of a YAML file, as `kalakan new-voice` writes it."""

    name: str = ""
    """Name of the voice; empty: the output folder's."""
    license: str = UNDECLARED_LICENSE
    """SPDX identifier of the license of the weights."""
    license_file: str = ""
    """File with the text of that license; empty: only a reference is written."""
    consent: str = ""
    """Who consented to what, and when; included in the model card."""
    speakers: tuple[str, ...] = ()
    """The speakers: a single name is used for all recordings; several must match those of the recordings, with the
    default speaker first; empty: as in the recordings."""
    recordings: str = ""
    """Folder of the recordings, or a prepared corpus."""
    output: str = ""
    """Folder of the run."""

    def __post_init__(self) -> None:
        check_license(self.license)
        names = self.speakers
        require(len(set(names)) == len(names), "voice.speakers", names, "each name must occur once")
        require(all(names), "voice.speakers", names, "no name may be empty")


def split_plan(values: Mapping[str, Any]) -> tuple[VoicePlan, dict[str, Config]]:
    """The plan in the values of a YAML file, and the settings of each of `RUNS`.

    Raises `ConfigError` for an unknown key and an invalid value.
    """
    known = [SECTION, *RUNS, *(item.name for item in fields(Settings))]
    for key in values:
        if key not in known:
            raise unknown_setting(key, known)
    shared = {key: value for key, value in values.items() if key not in (SECTION, *RUNS)}
    plan = from_dict(VoicePlan, _section(values.get(SECTION, {})))
    configs = {}
    for run in RUNS:
        own = values.get(run, {})
        if not isinstance(own, Mapping):
            raise ConfigError(
                f"{run} is {own!r}; it must be a mapping of sections, as {run}.training.max_steps"
            )
        # The aligner has its own number of steps; longer training of the voice does not require more.
        base = {key: value for key, value in shared.items() if key == "audio" or run != "aligner"}
        try:
            configs[run] = Config(merged(base, own))
        except ConfigError as error:
            raise ConfigError(f"{run}: {error}" if own else str(error)) from error
    return plan, configs


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Sections of settings, overridden by those of `changes`."""
    made = {
        section: dict(values) if isinstance(values, Mapping) else values for section, values in base.items()
    }
    for section, values in changes.items():
        if isinstance(values, Mapping) and isinstance(made.get(section), dict):
            made[section].update(values)
        else:
            made[section] = dict(values) if isinstance(values, Mapping) else values
    return made


def _section(values: Any) -> Mapping[str, Any]:
    """The section `voice`; raises `ConfigError` for an unknown key."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{SECTION} is {values!r}; it must be a mapping of names to values")
    known = [item.name for item in fields(VoicePlan)]
    for key in values:
        if key not in known:
            raise ConfigError(f"{SECTION}.{key} is not a setting; known here: {', '.join(known)}")
    return values
