"""One JSON record of a twin or a relationship, in and out. A record that is wrong is a FormatError."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ontologies.adt.twins import LONGEST_ID, Json, Relationship, Twin
from ontologies.errors import FormatError

_DEEPEST = 8  # components have no components; inside is what their properties hold
_ID = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:@?#]+")


class RecordError(FormatError):
    """A record that cannot be read: where it is, and what to do."""

    def __init__(self, where: str, message: str, *, line: int | None = None) -> None:
        super().__init__(f"{where}: {message}", line=line)


def read_twin(record: Json, where: str) -> Twin:
    """Read a twin. ``$etag`` and times of updates are the instance's, not the model's, and are left out."""
    if not isinstance(record, dict):
        raise RecordError(where, f"a twin is a JSON object, not {_shown(record)}")
    metadata = record.get("$metadata")
    model = metadata.get("$model") if isinstance(metadata, dict) else None
    if not isinstance(model, str):
        raise RecordError(where, 'the twin has no model; add "$metadata": {"$model": "dtmi:..."}')
    return Twin(_identifier(record, "$dtId", where), model, _properties(record))


def read_relationship(record: Json, where: str) -> Relationship:
    """Read a relationship; its source is ``$sourceId``, or ``$dtId`` as in files of the import job."""
    if not isinstance(record, dict):
        raise RecordError(where, f"a relationship is a JSON object, not {_shown(record)}")
    source = "$sourceId" if "$sourceId" in record else "$dtId"
    name = record.get("$relationshipName")
    if not isinstance(name, str) or not name:
        raise RecordError(where, "the relationship has no $relationshipName")
    return Relationship(
        _identifier(record, "$relationshipId", where),
        _identifier(record, source, where),
        _identifier(record, "$targetId", where),
        name,
        _properties(record),
    )


def twin_record(twin: Twin) -> dict[str, Json]:
    """Return a twin as Azure's importers take it."""
    return {"$dtId": twin.id, "$metadata": {"$model": twin.model}, **twin.properties}


def relationship_record(relationship: Relationship, source: str = "$sourceId") -> dict[str, Json]:
    """Return a relationship; an import job names its source ``$dtId``."""
    return {
        source: relationship.source,
        "$relationshipId": relationship.id,
        "$targetId": relationship.target,
        "$relationshipName": relationship.name,
        **relationship.properties,
    }


def is_identifier(text: str) -> bool:
    """Tell whether Azure takes a text as the id of a twin or a relationship."""
    return len(text) <= LONGEST_ID and _ID.fullmatch(text) is not None


def _identifier(record: Mapping[str, Json], member: str, where: str) -> str:
    value = record.get(member)
    if not isinstance(value, str) or not value:
        raise RecordError(where, f"no {member}; each twin and relationship needs its own")
    return value


def _properties(record: Mapping[str, Json]) -> dict[str, Json]:
    bare = ((key, _bare(value)) for key, value in record.items() if not key.startswith("$"))
    return {key: value for key, value in bare if value is not None}


def _bare(value: Json, depth: int = 0) -> Json:
    """Return a value without ``$metadata``, None for a component that has nothing else."""
    if not isinstance(value, dict) or "$metadata" not in value or depth > _DEEPEST:
        return value
    inner = {key: _bare(item, depth + 1) for key, item in value.items() if not key.startswith("$")}
    return inner or None


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
