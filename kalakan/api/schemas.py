"""Request bodies. Their speech settings are the fields of `SpeakOptions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
)

from kalakan.audio.formats import RATES
from kalakan.synthesis.options import CONTROLS, DEFAULTS, SpeakOptions

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
"""Formats of OpenAI's interface; aac needs PyAV or ffmpeg."""
SampleRate = Annotated[int | None, Field(json_schema_extra={"enum": [*RATES, None]})]
"""Sample rate of the audio; None is the voice's, or the next higher one that the format supports."""
Variety = Literal["asante", "akuapem"]


class Body(BaseModel):
    """A JSON object; unknown fields and fields of the wrong type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


def _field(name: str) -> tuple[Any, Any]:
    control, default = CONTROLS[name], DEFAULTS[name]
    kind: Any = Literal[control.choices] if control.choices else str if default is None else type(default)
    unit = f" in {control.unit}" if control.unit else ""
    described = Field(default, description=f"{control.help}{unit}", ge=control.low, le=control.high)
    return (kind | None if default is None else kind, described)


if TYPE_CHECKING:

    class CommonFields(Body): ...

    class SpeakFields(CommonFields): ...
else:
    CommonFields = create_model(
        "CommonFields",
        __base__=Body,
        __doc__="Fields of `SpeakOptions` that OpenAI's requests have no name for.",
        **{name: _field(name) for name in CONTROLS if name not in ("speaker", "speed")},
    )
    SpeakFields = create_model(
        "SpeakFields",
        __base__=CommonFields,
        __doc__="The fields of `SpeakOptions`.",
        **{name: _field(name) for name in ("speaker", "speed")},
    )


def speak_options(body: BaseModel, **changes: Any) -> SpeakOptions:
    """The options of a request; `changes` override its fields. Raises `SynthesisError` for values out of range."""
    given = {name: getattr(body, name) for name in CONTROLS if name in body.model_fields_set}
    return SpeakOptions(**given | changes)


class AnswerFields(Body):
    """How audio is returned."""

    sample_rate: SampleRate = Field(
        None,
        description="Samples a second of the audio; by default the voice's, or the next that the format has",
    )
    answer: Literal["audio", "json"] = Field(
        "audio",
        description="json: one object with the audio in base64, times of words, subtitles and normalized text",
    )
    stream: bool | None = Field(
        None,
        description="Whether audio is sent while it is synthesized; by default yes for mp3, opus and pcm",
    )


class SynthesizeRequest(SpeakFields, AnswerFields):
    """Body of `POST /synthesize`."""

    text: str = Field(description="Text, or an SSML document with ssml")
    format: Format = Field("wav", description="Format of the audio")
    stream: bool | None = Field(False, description="Whether audio is sent while it is synthesized")


class VoiceId(Body):
    """A voice in the form that newer clients send."""

    id: str


class SpeechRequest(CommonFields, AnswerFields):
    """Body of `POST /v1/audio/speech`, as OpenAI's clients send it."""

    input: str = Field(description="Text, or an SSML document with ssml")
    model: str = Field("kalakan", description="Any name: the server has one model")
    voice: str | VoiceId | None = Field(None, description="Speaker of the voice, or one of OpenAI's names")
    response_format: Format = Field("mp3", description="Format of the audio")
    speed: float = Field(1.0, ge=0.25, le=4.0, description="Tempo; below 0.5 and above 2 it is 0.5 and 2")
    instructions: str | None = Field(None, description="Ignored; the header Kalakan-Notice says so")
    stream_format: Literal["audio", "sse"] = Field("audio", description="sse: events with base64 audio")

    @field_validator("voice", mode="wrap")
    @classmethod
    def _one_of_two(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:  # which has one fault for each of the two types
            raise ValueError(
                "Input should be a name, or an object with the name as its one member, id"
            ) from error


class TimestampsRequest(SpeakFields):
    """Body of `POST /v1/timestamps`."""

    text: str = Field(description="Text, or an SSML document with ssml")


class NormalizeRequest(Body):
    """Body of `POST /normalize`."""

    text: str
    variety: Variety = Field("asante", description="Whose number words")
    chat: Literal["off", "narrow", "wide"] = Field(
        "narrow", description="Chat letters to repair, such as 3 for ɛ"
    )
    clock_to_hour: bool = Field(False, description="Read 3:45 as minutes to the coming hour")
    write_tones: bool = Field(False, description="Put the marks of predicted tones on words without marks")


class PhonemizeRequest(Body):
    """Body of `POST /phonemize`."""

    text: str
    variety: Variety = Field("asante", description="Whose number words")
    tone: Literal["full", "economic"] = Field("full", description="How written tone marks are read")
    tones: Literal["predicted", "written"] | None = Field(
        None, description="Tones of words without tone marks; by default as the server's voice reads them"
    )


class ErrorDetail(BaseModel):
    """An error."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorAnswer(BaseModel):
    """Body of every response with a status of 400 or more."""

    error: ErrorDetail
