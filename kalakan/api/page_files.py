"""The web page: files of the package, served from memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kalakan.api.validators import etag, is_known

FOLDER = Path(__file__).parent / "page"
"""The files of the page; index.html is served at /."""
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
}
"""Content-Type by suffix; files with other suffixes are not served."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy of every response: nothing from other sites, no inline code."""


@dataclass(frozen=True)
class File:
    """A file of the page."""

    content: bytes
    media_type: str
    etag: str


def page_files(folder: Path = FOLDER) -> dict[str, File]:
    """The files of a folder by URL path; index.html also as /."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = MEDIA_TYPES.get(path.suffix)
        if path.is_file() and kind is not None:
            content = path.read_bytes()
            found[f"/{path.relative_to(folder).as_posix()}"] = File(content, kind, etag(content))
    if "/index.html" in found:
        found["/"] = found["/index.html"]
    return found


def page_routes(files: dict[str, File]) -> list[Route]:
    """Routes of the files."""

    async def serve(request: Request) -> Response:
        file = files[request.scope["path"]]
        headers = {"ETag": file.etag, "Cache-Control": "no-cache"}  # cached, and revalidated with its ETag
        if is_known(file.etag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers, media_type=file.media_type)

    return [Route(path, serve, methods=["GET"], include_in_schema=False) for path in files]
