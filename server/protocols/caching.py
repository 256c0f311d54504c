"""ETag and If-None-Match (RFC 9110, section 13.1.2): an answer from the graph holds while its generation lasts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response


def validators(generation: int) -> dict[str, str]:
    """Return the headers by which a client asks again for what it has; weak, since rows may come in another order."""
    return {"Vary": "Accept", "ETag": f'W/"{generation}"'}


def unchanged(request: Request, generation: int) -> Response | None:
    """Return a 304 where the client has the answer of this generation already."""
    known = request.headers.get("if-none-match")
    if known is None or request.method not in ("GET", "HEAD"):
        return None
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return Response(status_code=304, headers=validators(generation)) if f'"{generation}"' in tags else None
