"""RDF documents whose reading may take far more memory, stack or time than their size tells.

The parsers go as deep as a document does (JSON-LD, triple terms) and expand its entities as often as it likes
(RDF/XML): a few kilobytes may end the process that reads them. What is found here may be harmful, and mostly is not.
"""

from __future__ import annotations

import re
from itertools import accumulate

from pyoxigraph import RdfFormat

_DEEPEST = 500
_LONGEST_XML = 256 << 10  # bytes, of elements in each other for all that is known: their time is quadratic
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # also one that never ends, so that none is looked at twice
_STEPS = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - set(b"{[}]"))


def is_hazardous(content: bytes, fmt: RdfFormat) -> bool:
    """Tell whether a document, or its beginning, should not be read by a process that others need."""
    if fmt == RdfFormat.JSON_LD:
        return _depth(content) > _DEEPEST
    if fmt == RdfFormat.RDF_XML:
        return b"<!ENTITY" in content or len(content) > _LONGEST_XML or content.count(b"parseType") > _DEEPEST
    return content.count(b"<<(") > _DEEPEST


def _depth(content: bytes) -> int:
    """Return how deep the brackets of a JSON text are in each other, outside of strings."""
    steps = _STRING.sub(b"", content).translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(memoryview(steps).cast("b")), default=0)
