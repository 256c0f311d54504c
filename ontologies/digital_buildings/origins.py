"""What a config has no place for, as a comment where an entity or a field begins: its IRI, and a point's UUID.

    2b1e2a05-4d12-4f6e-9d3e-1f0ea4f4c111:  # <https://example.com/hq#AHU-1>
      translation:
        run_command:  # <https://example.com/hq#AHU-1.cmd> 756e1623-9b4e-4c8b-8f3a-0d6c6a7f1b2e

Other tools pass over it, and drop it when they write the config again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from pyoxigraph import NamedNode

from ontologies.identity import parse_uuid

_COMMENT = re.compile(r"""\s#\s*<([A-Za-z][A-Za-z0-9+.-]*:[^<>\s"{}|\\^`]*)>(?:\s+([0-9A-Fa-f-]{36}))?\s*$""")
_KEY = re.compile(r"( *)('[^']*'|\"[^\"]*\"|[^\s:#]+):")
_FIELD_INDENT = 4


@dataclass(frozen=True, slots=True)
class Origin:
    """The IRI of an entity or a point, and the UUID of the point's series where it does not follow from the IRI."""

    node: NamedNode
    series: UUID | None = None

    def __str__(self) -> str:
        return f"# {self.node}" + (f" {self.series}" if self.series is not None else "")


def origin_in(line: str) -> Origin | None:
    """Return what a line of a config says in its comment; None where it says nothing, or something else."""
    found = _COMMENT.search(line)
    if found is None:
        return None
    try:
        return Origin(NamedNode(found[1]), parse_uuid(found[2]) if found[2] else None)
    except ValueError:  # a comment of somebody's own
        return None


def commented(entity: str, own: Origin | None, fields: dict[str, Origin]) -> Iterator[str]:
    """Yield the lines of an entity that is written, with the comments; its translation is the last that it has."""
    is_field = False
    for number, line in enumerate(entity.splitlines()):
        found = _KEY.match(line)
        name = found[2].strip("'\"") if found else ""
        origin = own if number == 0 else None
        if found and is_field and len(found[1]) == _FIELD_INDENT:
            origin = fields.get(name)
        is_field = is_field or line == "  translation:"
        yield f"{line}  {origin}\n" if origin is not None else f"{line}\n"
