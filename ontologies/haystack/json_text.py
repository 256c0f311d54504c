"""JSON as Haystack documents use it: parsed with the place of an error, and walked with the path of each member."""

from __future__ import annotations

import json
from typing import Any

from ontologies.errors import FormatError, ValueShapeError

Json = Any
"""A parsed JSON document."""


def parse_json(text: str) -> Json:
    """Return a document. Raises FormatError with line and column, also for a member that is there twice."""
    try:
        return json.loads(text, object_pairs_hook=_members)
    except json.JSONDecodeError as error:
        raise FormatError(f"JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise FormatError("JSON: the document is nested too deep") from None


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"JSON: an object has two members {twice!r}")
    return members


def member(found: dict[str, Json], name: str, kind: type | tuple[type, ...], path: str) -> Json:
    """Return a member of an object. Raises ValueShapeError, which names its path."""
    if name not in found:
        raise ValueShapeError(path, f"no member {name!r}")
    value = found[name]
    # True is an int to Python, and no number to JSON.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueShapeError(f"{path}.{name}" if path else name, f"{_WORDS[kind]} expected, not {shown(value)}")
    return value


def shown(value: Json) -> str:
    """Return a value for a message, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


_SHOWN = 40
_WORDS: dict[type | tuple[type, ...], str] = {
    str: "a string",
    bool: "true or false",
    list: "an array",
    dict: "an object",
    (int, float): "a number",
}
