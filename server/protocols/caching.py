"""ETag and the conditions of requests (RFC 9110, section 13.1): what comes of the graph holds while that lasts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from server.errors import Problem
from server.protocols.http import field


@lru_cache(256)
def validators(generation: int, media_type: str) -> dict[str, str]:
    """Return the headers by which a client asks again for what it has; weak, since rows may come in another order.

    Tags of two formats differ, since a cache that keeps both takes a tag for the one that it is of.
    """
    return {"ETag": f'W/"{_tag(generation, media_type)}"'}


def _tag(generation: int, media_type: str) -> str:
    return f"{generation}.{media_type.partition('/')[2]}"


def unchanged(request: Request, generation: int, media_type: str) -> Response | None:
    """Return a 304 where the client has the answer of this generation already. Raises a 412 problem for If-Match."""
    if request.method not in ("GET", "HEAD"):
        return None
    _require_match(field(request, b"if-match"), exists=True)
    known = field(request, b"if-none-match")
    if known is None:
        return None
    if known.strip() != "*" and _tag(generation, media_type) not in _opaque(known):
        return None
    return Response(status_code=304, headers=validators(generation, media_type))


def _opaque(tags: str) -> set[str]:
    return {tag.strip().removeprefix("W/").strip('"') for tag in tags.split(",")}


def _require_match(match: str | None, *, exists: bool) -> None:
    if match is not None and not (exists and match.strip() == "*"):
        hint = "the tags are weak, and no If-Match but * holds (RFC 9110, section 13.1.1)" if exists else ""
        raise Problem(412, "precondition-failed", f"If-Match is {match}", hint=hint)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a write is to be refused for: If-Match and If-None-Match."""

    match: str | None
    none_match: str | None

    @classmethod
    def of(cls, request: Request) -> Conditions:
        """Return those of a request."""
        return cls(field(request, b"if-match"), field(request, b"if-none-match"))

    def require(self, *, exists: bool, generation: int) -> None:
        """Raise a 412 problem where they forbid to change what `exists`, or not, in this generation."""
        _require_match(self.match, exists=exists)
        if self.none_match is None:
            return
        known = {tag.partition(".")[0] for tag in _opaque(self.none_match)}
        if (exists and self.none_match.strip() == "*") or str(generation) in known:
            raise Problem(412, "precondition-failed", f"If-None-Match is {self.none_match}, and that is there")
