"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), and what tells a request from another."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from starlette.requests import Request

from server.errors import bad_request
from storage.graph.results import ASKER

HEADER = "Idempotency-Key"
_LONGEST = 255


def idempotency_key(request: Request) -> str | None:
    """Return the request's key, which no other token has. Raises a 400 problem."""
    sent = request.headers.get(HEADER)
    if sent is None:
        return None
    key = sent.removeprefix('"').removesuffix('"')  # a structured string (RFC 8941), or as many clients write it
    if not 0 < len(key) <= _LONGEST:
        raise bad_request(f"{HEADER} has from 1 to {_LONGEST} characters", hint="such as a UUID")
    asker = ASKER.get()
    return f"{(asker and asker.token) or ''} {key}"


def content_of(request: Request, body: BinaryIO) -> str:
    """Return what two requests have in common only if they ask for the same; the body is at its start afterwards."""
    digest = hashlib.sha256(f"{request.url.query}\n{request.headers.get('content-type')}\n".encode())
    while chunk := body.read(1 << 20):
        digest.update(chunk)
    body.seek(0)
    return digest.hexdigest()
