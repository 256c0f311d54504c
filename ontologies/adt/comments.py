"""What a generated model says of RDF: in the ``comment`` of an interface, a property or a field.

``rdf: <IRI>`` is the class or property that it stands for, ``rdf: <IRI> as iri``, ``as <datatype>`` or
``as @en`` besides what its values are, and ``rdf: @id`` marks the property that holds a twin's IRI.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PATTERN = re.compile(
    r"rdf: (?:(?P<id>@id)|<(?P<iri>[^<>]*)>(?: as (?P<kind>iri|<[^<>]*>|@[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*))?)"
)
IS_ID = "rdf: @id"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an element of a generated model stands for in RDF. ``kind``: ``iri``, ``<datatype>``, ``@language``."""

    iri: str | None = None
    kind: str | None = None

    @property
    def is_id(self) -> bool:
        return self.iri is None

    def __str__(self) -> str:
        return IS_ID if self.iri is None else f"rdf: <{self.iri}>" + (f" as {self.kind}" if self.kind else "")


@lru_cache(maxsize=4096)
def meaning(comment: str | None) -> Meaning | None:
    """Return what a comment says, None where it is another one."""
    found = _PATTERN.fullmatch(comment or "")
    return Meaning(found["iri"], found["kind"]) if found else None
