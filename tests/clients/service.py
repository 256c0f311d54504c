"""The servers that the tests of clients ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.server.building import MODEL
from tests.support.service import Service, serving

ROWS = 20_000
TURTLE = {"content-type": "text/turtle"}
TOKEN = "a-secret-of-the-tests"  # noqa: S105 - it guards nothing
PRODUCT = "{ ?a ?p ?o . ?b ?q ?r . ?c ?s ?t . ?d ?u ?v }"
"""A pattern that has far more solutions than an answer may have."""


@contextmanager
def limited(data: Path) -> Iterator[Service]:
    """Serve a small building, with answers of 20,000 rows or 4 MB at most."""
    with serving(data, readers=2, query_rows=ROWS, query_bytes=4_000_000) as service:
        httpx2.post(f"{service.url}/models?name=s.ttl", content=MODEL, headers=TURTLE, timeout=60).raise_for_status()
        yield service


@contextmanager
def guarded(data: Path) -> Iterator[Service]:
    """Serve nothing to those who have no token."""
    with serving(data, readers=1, anonymous="none", token=TOKEN) as service:
        yield service
