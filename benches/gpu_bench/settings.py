"""What a section is told, and what a run is made of."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kalakan.config.environment import OPS

Row = dict[str, Any]
"""One measurement: what was measured under "case", and its figures."""


@dataclass(frozen=True)
class Settings:
    """How a section measures."""

    device: str = "cuda"
    """Where: "cuda", or "cpu" for a dry run."""
    rounds: int = 30
    """Timed calls of each case; fewer where they take long."""
    is_dry: bool = False
    """Sizes so small that a CPU walks through every section in seconds; the figures mean nothing."""
    limit_s: float = 540.0
    """Seconds that the section may take."""


@dataclass(frozen=True)
class Section:
    """One part of a run, in a process of its own: a kernel that fails takes the GPU's context with it."""

    name: str
    """As `--only` knows it."""
    module: str
    """The module of this package whose `rows` yields the section's rows."""
    argument: str = ""
    """What `rows` takes beside the settings."""
    limit_s: float = 120.0
    """Seconds until it is ended."""
    option: str = ""
    """The command-line option that asks for it; empty: it always runs."""

    def rows(self, settings: Settings) -> Iterator[Row]:
        """The section's rows, each as soon as it is measured."""
        module = importlib.import_module(f"gpu_bench.{self.module}")
        yield from module.rows(settings, self.argument)


SECTIONS = (
    Section("machine", "machine", limit_s=150),
    *(Section(f"kernels.{op}", "kernels", op, limit_s=140) for op in OPS),
    Section("generator", "generator", limit_s=90),
    Section("end_to_end", "end_to_end", limit_s=90),
    Section("generator.compiled", "generator_compiled", limit_s=300),
    Section("generator.tensorrt", "tensorrt", limit_s=120),
    Section("first", "first", limit_s=270, option="first"),
    Section("sanitize", "sanitize", limit_s=200, option="sanitize"),
    *(
        Section(f"training.{model}", "training", model, limit_s=150, option="training")
        for model in ("fastspeech2_small", "hifigan_v2", "tacotron2")
    ),
    *(Section(f"compiled.{op}", "kernels_compiled", op, limit_s=150) for op in OPS),
)
"""In the order in which a run takes them: what others need first, then what was promised."""


def chosen(only: str, options: frozenset[str]) -> list[Section]:
    """The sections of `only` (names, or what they begin with before a dot, between commas), else all that run without
    an option and those of `options`. Raises `ValueError` for a name that no section has.
    """
    if not only:
        return [section for section in SECTIONS if not section.option or section.option in options]
    names = [name.strip() for name in only.split(",")]
    for name in names:
        if not any(_is_asked(section, name) for section in SECTIONS):
            known = ", ".join(section.name for section in SECTIONS)
            raise ValueError(f"{name!r} is no section; the sections are {known}")
    return [section for section in SECTIONS if any(_is_asked(section, name) for name in names)]


def named(name: str) -> Section:
    """The section of exactly that name."""
    return next(section for section in SECTIONS if section.name == name)


def _is_asked(section: Section, name: str) -> bool:
    return section.name == name or section.name.startswith(f"{name}.")
