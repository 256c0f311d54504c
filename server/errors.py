"""The one form in which errors leave the service: problem documents (RFC 9457).

Problem            carries status, a kind, what happened, and a hint at what to do
├── raised as it is by the protocols, where a request is parsed (4xx)
└── made by `problem_of` from what storage, ontologies and tables raise
"""

from __future__ import annotations

import json
from typing import Any

from ontologies import errors as meaning
from server.settings import SettingError
from server.tables.errors import BadReadings
from storage import errors as stored
from storage.graph.syntax import too_long

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is an error. `kind` ends the type's URN; `more` are further members of the document."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        hint: str = "",
        headers: dict[str, str] | None = None,
        **more: Any,  # noqa: ANN401 - JSON
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.hint = hint
        self.headers = headers or {}
        self.more = {name: value for name, value in more.items() if value is not None}

    def document(self) -> dict[str, Any]:
        """Return the problem document."""
        hint = {"hint": self.hint} if self.hint else {}
        return {
            "type": f"urn:twinhouse:problem:{self.kind}",
            "title": self.kind.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            **hint,
            **self.more,
        }

    def body(self) -> bytes:
        """Return the document as JSON."""
        return json.dumps(self.document(), ensure_ascii=False).encode()


def bad_request(detail: str, *, hint: str = "", **more: Any) -> Problem:  # noqa: ANN401 - JSON
    """Return the problem of a request that cannot be understood."""
    return Problem(400, "bad-request", detail, hint=hint, **more)


_LIMIT_HINT = "ask for less: a LIMIT, fewer points, a shorter time or larger steps; the server's limits are settings"
_OUTBOUND_HINT = "ask for the host to be allowed (setting outbound_hosts), or load the data first, then query it"
_KINDS: dict[type[Exception], tuple[int, str, str]] = {
    stored.QueryRefused: (403, "query-refused", _OUTBOUND_HINT),
    stored.QueryEvaluationError: (400, "query-evaluation", ""),
    stored.NotInFormat: (406, "not-acceptable", "ask for another format: one of JSON, CSV or Turtle can hold it"),
    stored.DeadlineExceeded: (504, "deadline-exceeded", _LIMIT_HINT),
    stored.RowLimitExceeded: (413, "row-limit-exceeded", _LIMIT_HINT),
    stored.ByteLimitExceeded: (413, "byte-limit-exceeded", _LIMIT_HINT),
    stored.MemoryLimitExceeded: (413, "memory-limit-exceeded", _LIMIT_HINT),
    stored.TermTooLong: (413, "term-too-long", "keep what is so large in a file, and name that here"),
    stored.OutboundFailed: (502, "outbound-failed", "SERVICE SILENT and LOAD SILENT go on without that server"),
    stored.Overloaded: (503, "overloaded", "try again in a moment"),
    stored.Cancelled: (503, "cancelled", "somebody who may do so ended the query: ask who looks after the server"),
    stored.Closed: (503, "closing", "the server is stopping; try again when it is back"),
    stored.ReaderCrashed: (500, "reader-crashed", "the server went on; its log says more"),
    stored.WriterCrashed: (500, "writer-crashed", "the server went on; see what is there before you try again"),
    stored.InvalidReadings: (400, "bad-readings", ""),
    stored.DiskFailed: (507, "disk-failed", "make room on the data directory's disk, then try again"),
    stored.Corrupt: (500, "corrupt", "run `twinhouse check`"),
    meaning.UnknownFormat: (415, "unknown-format", ""),
    meaning.UnknownSetting: (400, "unknown-setting", "GET /models lists the forms with their settings"),
    meaning.UnknownOntology: (404, "unknown-ontology", "`twinhouse ontology list` shows what there is"),
    SettingError: (400, "bad-setting", ""),
}


def problem_of(error: Exception) -> Problem | None:
    """Return the problem that an error of a lower layer is to a client; None for what is our own fault."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, MemoryError):
        error = too_long(str(error)) or error
    if isinstance(error, stored.QuerySyntaxError):
        return Problem(
            400,
            "query-syntax",
            str(error),
            hint="the text stops being SPARQL at that place; look just before it too",
            line=error.line,
            column=error.column,
        )
    if isinstance(error, (meaning.FormatError, meaning.MapError)):
        return Problem(400, "bad-model", str(error), line=error.line, column=getattr(error, "column", None))
    if isinstance(error, meaning.ValueShapeError):
        return Problem(400, "bad-model", str(error), path=error.where or None)
    if isinstance(error, meaning.TableError):
        return Problem(400, "bad-model", str(error), line=error.line)
    if isinstance(error, BadReadings):
        return Problem(
            400, "bad-readings", str(error), hint=error.hint, row=error.row, line=error.line, column=error.column
        )
    for kind, (status, name, hint) in _KINDS.items():
        if isinstance(error, kind):
            headers = {"Retry-After": "1"} if status == 503 and kind is not stored.Cancelled else {}
            return Problem(status, name, str(error), hint=hint, headers=headers)
    return None
