"""Whether the server is alive, and whether it accepts requests."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from kalakan import _rust
from kalakan.api.errors import ApiError
from kalakan.api.routes.state import ERRORS, Served

router = APIRouter()


@router.get("/health")
async def health() -> dict[str, Any]:
    """Responds while the process is alive."""
    return {"status": "ok", "version": _rust.__version__}


@router.get("/ready", responses={503: ERRORS[400]})
async def ready(service: Served) -> dict[str, Any]:
    """Responds with 503 during shutdown, when no more work should be sent."""
    if service.is_draining:
        raise ApiError(503, "the server is shutting down", code="shutting_down")
    return {"status": "ready", "pending": service.pending, "open": service.open}


@router.get("/metrics", response_class=Response, responses={401: ERRORS[401]})
async def metrics(service: Served) -> Response:
    """Prometheus metrics of all workers."""
    content, media_type = await asyncio.to_thread(service.metrics.page)
    return Response(content, headers={"Content-Type": media_type})
