"""What the headers of a request say, read once for all requests with the same ones: a client sends the same again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[\w.~%!$&'()*+,;=-]*)(:[0-9]*)?")
Headers = Sequence[tuple[bytes, bytes]]


class Head(NamedTuple):
    """What a list of headers says."""

    fields: Mapping[bytes, bytes]
    """Each header by its name; see `fields_of`."""

    size: int
    """Bytes of their lines."""

    has_host: bool
    is_host_clear: bool
    """Whether there is no more than one Host, and that one is a host (RFC 9112, section 3.2)."""

    expects_100_continue: bool


@lru_cache(256)
def read_head(headers: tuple[tuple[bytes, bytes], ...]) -> Head:
    """Read headers, whose names are in lower case."""
    hosts = [value for name, value in headers if name == b"host"]
    return Head(
        fields_of(headers),
        sum(len(name) + len(value) + 4 for name, value in headers),  # the colon, a space and the line's end
        bool(hosts),
        len(hosts) <= 1 and all(map(_HOST.fullmatch, hosts)),
        any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers),
    )


def fields_of(headers: Headers) -> Mapping[bytes, bytes]:
    """Return headers by their names; what comes in several lines is a list (RFC 9110, section 5.3)."""
    found = dict(headers)
    if len(found) < len(headers):
        found = {name: b", ".join(value for other, value in headers if other == name) for name in found}
    return found
