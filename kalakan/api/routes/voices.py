"""Models and voices, in the format of OpenAI's API."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from kalakan import _rust
from kalakan.api.encoding import available
from kalakan.api.errors import ApiError
from kalakan.api.routes.state import ERRORS, Served
from kalakan.audio.formats import RATES
from kalakan.synthesis.options import CONTROLS, DEFAULTS

router = APIRouter(prefix="/v1", responses={401: ERRORS[401]})
MODEL = "kalakan"
"""Name of the server's only model."""


@router.get("/models")
async def models() -> dict[str, Any]:
    """The server's only model; requests may use any name for it."""
    return {"object": "list", "data": [_model()]}


@router.get("/models/{name}", responses={404: ERRORS[400]})
async def model(name: str) -> dict[str, Any]:
    """The model of a name."""
    if name != MODEL:
        raise ApiError(
            404, f"there is no such model; there is {MODEL}", param="model", code="model_not_found"
        )
    return _model()


@router.get("/audio/voices")
async def voices(service: Served) -> dict[str, Any]:
    """The voices, formats, sample rates and settings of this server."""
    manifest = service.synthesizer.voice
    return {
        "voices": [
            {"id": name, "name": name, "language": "tw", "aliases": service.aliases(name)}
            for name in service.speakers
        ],
        "default": service.speakers[0],
        "formats": list(available()),
        "sample_rate": service.synthesizer.sample_rate,
        "sample_rates": list(RATES),
        "model": None if manifest is None else {"name": manifest.name, "version": manifest.version},
        "controls": {
            name: {
                "help": control.help,
                "default": service.tones if name == "tones" else DEFAULTS[name],
                **(
                    {"low": control.low, "high": control.high, "unit": control.unit}
                    if control.low is not None
                    else {}
                ),
                **({"choices": list(control.choices)} if control.choices else {}),
            }
            for name, control in CONTROLS.items()
        },
    }


def _model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": 0, "owned_by": "kalakan", "version": _rust.__version__}
