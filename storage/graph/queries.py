"""What readers are asked for, and what they may use for it."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any, Self

from storage.errors import DeadlineExceeded
from storage.graph.federation import Lease
from storage.graph.overlay import Overlay
from storage.graph.reader import packed

SPARQL_JSON = "application/sparql-results+json"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use: seconds of wall clock from when it begins, rows and bytes of its result.

    However late it begins, it has to be done `until` a moment of the monotonic clock: the time in which it waits for
    others counts there.
    """

    seconds: float = 30.0
    rows: int = 10_000_000
    bytes: int = 4 << 30
    until: float = math.inf

    def begun(self) -> Self:
        """Return the limits of what begins now, for all of its parts together."""
        return replace(self, until=self.end)

    @property
    def end(self) -> float:
        """The moment by which has to be done what begins now."""
        return min(self.until, time.monotonic() + self.seconds)

    @property
    def left(self) -> float:
        """The seconds that are left for what begins now. Raises DeadlineExceeded where none are."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"the query took longer than {self.seconds:g} s")
        return left


@dataclass(frozen=True, slots=True)
class Query:
    """A SPARQL query and its dataset (SPARQL 1.1 Protocol, section 2.1.4).

    `format` is the media type of the answer. `default_graphs` and `named_graphs` are the protocol's; with
    neither, `union` makes the default graph the union of all graphs. A text with SERVICE needs a `lease`, whose text
    is run instead; it is closed when the query ends, and so is an `overlay`: quads that this query sees besides.
    """

    text: str
    format: str = SPARQL_JSON
    base: str | None = None
    union: bool = True
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None
    lease: Lease | None = field(default=None, compare=False, repr=False)
    overlay: Overlay | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Dump:
    """One graph (None: the default graph), or with `whole` the dataset, in an RDF format."""

    graph: str | None = None
    format: str = "application/n-quads"
    whole: bool = False


def text_of(request: Query | Dump) -> str:
    """Return what a person reads of a request."""
    if isinstance(request, Query):
        return request.text
    return "# the whole dataset" if request.whole else f"# the graph {request.graph or 'without a name'}"


def message_of(request: Query | Dump, limits: Limits) -> bytes:
    """Return what the reader process is asked; see storage.graph.reader."""
    if isinstance(request, Dump):
        within = {"seconds": limits.seconds, "max_rows": limits.rows, "max_bytes": limits.bytes}
        return packed(json.dumps({**within, **asdict(request)}).encode(), until=limits.until)
    many = request.default_graphs or request.named_graphs  # it may be so many that they are not to be kept
    details = (_asking.__wrapped__ if many else _asking)(
        *(limits.seconds, limits.rows, limits.bytes),
        *(request.format, request.base, request.union, request.default_graphs, request.named_graphs),
        str(request.overlay.folder) if request.overlay else None,
    )
    return packed(details, request.text if request.lease is None else request.lease.text, limits.until)


_ASKED = ("seconds", "max_rows", "max_bytes", "format", "base", "union", "default_graphs", "named_graphs", "overlay")


@lru_cache(256)
def _asking(*values: Any) -> bytes:  # noqa: ANN401 - JSON
    """Return the details of a query, of values alone: to look them up by a Limits costs more."""
    return json.dumps({"query": "", **dict(zip(_ASKED, values, strict=True))}).encode()
