"""`SpeakOptions`: the settings of a synthesis. Every control is one field, validated at construction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypedDict

from kalakan.errors import SynthesisError

if TYPE_CHECKING:
    from typing_extensions import Unpack

_MIX = "akosua:0.6,esi:0.4"
SEEDS = 1 << 32
"""Seeds are 0 to one less than this."""


@dataclass(frozen=True)
class Control:
    """Metadata of a field of `SpeakOptions`."""

    help: str
    """Description, for the help of a command line or a schema."""
    low: float | None = None
    """Smallest value; None for a field that is not a number."""
    high: float | None = None
    """Largest value."""
    unit: str = ""
    """Unit of a number; empty for a factor."""
    choices: tuple[str, ...] = ()
    """Values of a field that is a choice; None is also allowed if it is the default."""
    markup: str = ""
    """How SSML's value for a stretch combines with the request's: "multiply" or "add"; empty where SSML has none."""


def _control(default: Any, **known: Any) -> Any:
    return field(default=default, metadata={"control": Control(**known)})


@dataclass(frozen=True)
class SpeakOptions:
    """Settings of one request. Raises `SynthesisError` for a value out of range."""

    speaker: str | None = _control(None, help="Speaker of the voice, or a mix as akosua:0.6,esi:0.4")
    """Name of a speaker of the voice, or a weighted mix such as "akosua:0.6,esi:0.4"; None for the
    synthesizer's default."""
    speed: float = _control(1.0, low=0.5, high=2.0, markup="multiply", help="Tempo")
    """Tempo factor, 0.5 to 2."""
    pitch: float = _control(
        0.0, low=-12.0, high=12.0, unit="semitones", markup="add", help="Shift of the pitch"
    )
    """Pitch shift in semitones, -12 to 12."""
    pitch_range: float = _control(
        1.0, low=0.0, high=2.0, markup="multiply", help="Width of the melody around the speaker's mean pitch"
    )
    """Factor of log F0 around the speaker's mean, 0 (monotone) to 2 (twice as wide as the model predicts)."""
    volume: float = _control(0.0, low=-20.0, high=12.0, unit="dB", markup="add", help="Gain")
    """Gain in decibels, -20 to 12."""
    energy: float = _control(1.0, low=0.25, high=4.0, help="Gain as a factor of the amplitude")
    """The same gain as a factor of the amplitude, 0.25 to 4; it adds to `volume`."""
    tones: str | None = _control(
        None, choices=("predicted", "written"), help="Tones of words without tone marks"
    )
    """Tones of words without marks: "predicted" takes them from tables and rules (`TwiG2P.explain_tones`), "written"
    gives them none; None uses the setting of the synthesizer's reader."""
    sentence_pause: float = _control(
        0.0, low=0.0, high=60.0, unit="seconds", help="Silence added between sentences"
    )
    """Silence in seconds, 0 to 60, between two sentences, on top of the pause that the voice makes there."""
    paragraph_pause: float = _control(
        0.4, low=0.0, high=60.0, unit="seconds", help="Silence added between paragraphs"
    )
    """Silence in seconds, 0 to 60, between two paragraphs, which a blank line or the element `p` separates, on top of
    the pause between two sentences."""
    heading_pause: float = _control(
        0.5, low=0.0, high=60.0, unit="seconds", help="Silence added after a heading"
    )
    """Silence in seconds, 0 to 60, after a heading (`# …`, `<h1>`), on top of the pause between two sentences."""
    scene_pause: float = _control(
        1.0, low=0.0, high=60.0, unit="seconds", help="Silence added at a scene break"
    )
    """Silence in seconds, 0 to 60, at a scene break (a line of `* * *` and the like, `<hr>`), on top of the pause
    between two sentences."""
    lead_in: float = _control(0.0, low=0.0, high=10.0, unit="seconds", help="Silence before the first sound")
    """Silence in seconds, 0 to 10, before the first sound, for Bluetooth speakers and telephone lines that would
    otherwise cut off the beginning while they wake up."""
    seed: int = _control(0, low=0, high=SEEDS - 1, help="Seed of the vocoder's noise")
    """Seed of the vocoder's noise, 0 to 2^32 - 1; the same seed gives the same samples."""
    ssml: bool = _control(False, help="The text is an SSML document")
    """Whether the text is an SSML document (`kalakan.synthesis.markup`)."""
    strict: bool = _control(False, help="Refuse what can only be read in part")
    """Whether unreadable sentences raise an error instead of an `UnreadableWarning`, and partly supported SSML an error
    instead of a `MarkupWarning`."""

    def __post_init__(self) -> None:
        for name, control in CONTROLS.items():
            value, default = getattr(self, name), DEFAULTS[name]
            if control.choices and value is not None and value not in control.choices:
                choices = ", ".join(control.choices)
                raise SynthesisError(f"{name} is {value!r}; choose one of {choices}")
            if isinstance(default, bool) and not isinstance(value, bool):
                raise SynthesisError(f"{name} is {value!r}; it must be True or False")
            if control.low is None or control.high is None:
                continue
            is_valid = is_whole(value) if isinstance(default, int) else is_number(value)
            if not is_valid or not control.low <= value <= control.high:
                raise SynthesisError(f"{name} is {value!r}; it must {_range(control, default)}")
            object.__setattr__(self, name, type(default)(value))  # numpy scalars have different arithmetic
        if self.speaker is not None and not isinstance(self.speaker, str):
            raise SynthesisError(f"speaker is {self.speaker!r}; it must be the name of a speaker")


class Changes(TypedDict, total=False):
    """The fields of `SpeakOptions` as keyword arguments."""

    speaker: str | None
    speed: float
    pitch: float
    pitch_range: float
    volume: float
    energy: float
    tones: str | None
    sentence_pause: float
    paragraph_pause: float
    heading_pause: float
    scene_pause: float
    lead_in: float
    seed: int
    ssml: bool
    strict: bool


CONTROLS: dict[str, Control] = {item.name: item.metadata["control"] for item in fields(SpeakOptions)}
"""Metadata of each field of `SpeakOptions`, by its name."""
DEFAULTS: dict[str, Any] = {item.name: item.default for item in fields(SpeakOptions)}
"""Default of each field, by its name."""


def changed(options: SpeakOptions | None, **changes: Unpack[Changes]) -> SpeakOptions:
    """`options` (None: the defaults) with `changes`.

    Raises `SynthesisError` for a value out of range and for anything but `SpeakOptions`, `TypeError` for the name of a
    control that does not exist.
    """
    if options is None:
        return SpeakOptions(**changes) if changes else DEFAULT_OPTIONS
    if not isinstance(options, SpeakOptions):
        raise SynthesisError(
            f"options is a {type(options).__name__}; give a SpeakOptions, or its fields by name, as in speed=1.2"
        )
    return replace(options, **changes) if changes else options


def is_number(value: Any) -> bool:
    """Whether a value is a real number, numpy's scalars included; True and False do not count."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, numpy's scalars included; True and False do not count."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def within(name: str, value: float) -> float:
    """The value clamped to the limits of the control `name`, which request and markup together may exceed."""
    control = CONTROLS[name]
    assert control.low is not None and control.high is not None, "only numbers have limits"
    return min(max(value, control.low), control.high)


def speaker_shares(speaker: str, speakers: Sequence[str]) -> dict[str, float]:
    """The weights, which sum to 1, of `speakers` for a speaker name or a mix such as "akosua:0.6,esi:0.4".

    Raises `SynthesisError` for an unknown name (the message lists the valid ones), a repeated name, and weights that
    are negative, not numbers, or all 0.
    """
    if not isinstance(speaker, str):
        raise SynthesisError(f"speaker is {speaker!r}; give a name, or a mix as in {_MIX}")
    if speaker in speakers or ":" not in speaker:
        return {_known(speaker, speakers): 1.0}
    shares: dict[str, float] = {}
    for part in speaker.split(","):
        name, _, weight = (text.strip() for text in part.rpartition(":"))
        name = _known(name, speakers)
        try:
            value = float(weight)
        except ValueError:
            value = math.nan
        if not 0.0 <= value < math.inf:
            raise SynthesisError(
                f"speaker {speaker!r} gives {name} the weight {weight!r}; it must be a number from 0, as in {_MIX}"
            )
        if name in shares:
            raise SynthesisError(f"speaker {speaker!r} names {name} twice; give each speaker one weight")
        shares[name] = value
    total = sum(shares.values())
    if total == 0.0:
        raise SynthesisError(f"speaker {speaker!r} gives nobody a weight above 0; write it as in {_MIX}")
    return {name: value / total for name, value in shares.items() if value}


def _known(name: str, speakers: Sequence[str]) -> str:
    if name not in speakers:
        raise SynthesisError(f"speaker {name!r} is not in this voice; choose one of {', '.join(speakers)}")
    return name


def _range(control: Control, default: Any) -> str:
    if isinstance(default, int):
        return f"be a whole number between {control.low} and {control.high}"
    unit = f" {control.unit}" if control.unit else ""
    return f"lie between {control.low:g} and {control.high:g}{unit}"


DEFAULT_OPTIONS = SpeakOptions()
"""The defaults, used by every call without options, so that they are not validated each time."""
