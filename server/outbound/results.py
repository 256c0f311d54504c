"""SPARQL results of other servers, checked where the engine does not: it takes half an XML document for a whole."""

from __future__ import annotations

import os
import re

import pyoxigraph as ox

from server.outbound.fetch import Answer
from storage.errors import OutboundFailed

ACCEPT = "application/sparql-results+json, application/sparql-results+xml;q=0.9"
_JSON, _XML = "application/sparql-results+json", "application/sparql-results+xml"
_FORMATS = {_JSON: ox.QueryResultsFormat.JSON, _XML: ox.QueryResultsFormat.XML}
_OTHER_NAMES = {"application/json": _JSON, "text/json": _JSON, "application/xml": _XML, "text/xml": _XML}
_END = re.compile(rb"</\s*(?:[\w.-]+:)?sparql\s*>\s*(?:<!--.*-->\s*)?\Z", re.DOTALL)
_TAIL = 1024


def media_type_of_solutions(answer: Answer) -> str:
    """Return the results format of an answer. Raises OutboundFailed for what are no solutions."""
    essence = answer.content_type.partition(";")[0].strip().lower()
    media_type = _OTHER_NAMES.get(essence, essence)
    if media_type not in _FORMATS:
        raise OutboundFailed(
            f"it answered with {essence or 'no Content-Type'}, not with SPARQL results in JSON or XML"
        )
    if media_type == _XML and not _END.search(_tail(answer)):
        raise OutboundFailed("it left before the end of its answer")
    answer.body.seek(0)
    try:
        found = ox.parse_query_results(answer.body, _FORMATS[media_type])
    except (SyntaxError, ValueError) as error:
        raise OutboundFailed(f"its answer cannot be read: {error}") from None
    if not isinstance(found, ox.QuerySolutions):
        raise OutboundFailed("it answered true or false, not with solutions")
    return media_type


def _tail(answer: Answer) -> bytes:
    size = answer.body.seek(0, os.SEEK_END)
    answer.body.seek(max(size - _TAIL, 0))
    return answer.body.read()
