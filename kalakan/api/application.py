"""Builds the application: its endpoints and middleware."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from kalakan import _rust
from kalakan.api import errors, logs
from kalakan.api.keys import KeyCheck, Keys
from kalakan.api.memory import Rest
from kalakan.api.middleware import BodyLimit, Heads, Observed
from kalakan.api.page_files import page_files, page_routes
from kalakan.api.routes import batch, cached, health, socket, speech, text, voices
from kalakan.api.service import WARM_UP, Service, load
from kalakan.api.settings import ServerSettings
from kalakan.errors import KalakanWarning
from kalakan.synthesis.synthesizer import Synthesizer


def create_app(settings: ServerSettings | None = None, synthesizer: Synthesizer | None = None) -> FastAPI:
    """Creates an application; by default with the settings of the environment, and their voice.

    The voice is loaded in each worker when the application starts; with `settings.is_preloaded`, it is loaded here.
    Raises `ConfigError` for a setting out of range.
    """
    settings = settings or ServerSettings.from_environment()
    if settings.is_preloaded and synthesizer is None:
        synthesizer = load(settings)
        synthesizer.synthesize(WARM_UP)  # modules loaded at the first use are shared as well
    page = page_files()
    keys = Keys(settings.api_keys, settings.rate_limit)
    layers = [Middleware(Observed), Middleware(Heads)]
    if settings.cors_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
                expose_headers=["Content-Location", "ETag", "Kalakan-Notice", "Retry-After", "X-Request-ID"],
            )
        )
    layers += [
        Middleware(KeyCheck, keys=keys, page=frozenset(page)),
        Middleware(BodyLimit, most=settings.max_body_bytes),
    ]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logs.prepare()
        # A warning may quote the text: clients get it in the response, and it must not be logged.
        warnings.filterwarnings("ignore", category=KalakanWarning)
        service = await asyncio.to_thread(_started, settings, keys, synthesizer)
        app.state.service = service
        try:
            yield
        finally:
            service.is_draining = True
            await asyncio.to_thread(service.close)

    app = FastAPI(
        title="Kalakan",
        version=_rust.__version__,
        description="Text-to-speech for Twi (Akan).",
        lifespan=lifespan,
        middleware=layers,
        docs_url=None,  # it would load scripts from another site
        redoc_url=None,
        redirect_slashes=False,
    )
    errors.install(app)
    for module in (speech, batch, cached, text, voices, health, socket):
        app.include_router(module.router)
    app.routes.extend(page_routes(page))
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign]
    if settings.is_preloaded:
        gc.collect()
        Rest().now()  # here, because a worker that returns memory after the fork has pages of its own afterwards
        gc.freeze()  # forked workers share memory pages that no garbage collection writes to
    return app


def _started(settings: ServerSettings, keys: Keys, synthesizer: Synthesizer | None) -> Service:
    service = Service(settings, synthesizer, keys)
    service.warm_up()
    return service


def _schema(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, without FastAPI's own error format, because all errors use OpenAI's."""
    if app.openapi_schema is None:
        from fastapi.openapi.utils import get_openapi

        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            schema["components"]["schemas"].pop(name, None)
        app.openapi_schema = schema
    return app.openapi_schema
