"""JSON as Haystack documents use it: parsed with the place of an error, and walked with the path of each member."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ontologies.errors import FormatError, ValueShapeError
from ontologies.haystack.kinds import Number
from ontologies.haystack.scalars import NAME

Json = Any
"""A parsed JSON document."""


def parse_json(text: str, made_of: Callable[[list[tuple[str, Json]]], Json] | None = None) -> Json:
    """Return a document; ``made_of`` makes an object of its members, else `members` does.

    Raises FormatError with line and column, also for a member that is there twice.
    """
    try:
        return json.loads(text, object_pairs_hook=made_of or members)
    except json.JSONDecodeError as error:
        raise FormatError(f"JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except ValueError as error:  # a number with more digits than Python reads
        raise FormatError(f"JSON: {error}") from None
    except RecursionError:
        raise FormatError("JSON: the document is nested too deep") from None


def members(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    """Return an object. Raises FormatError for a member that is there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"JSON: an object has two members {twice!r}")
    return found


def are_tag_names(names: Iterable[str]) -> bool:
    """Tell whether all names are known to be such as tags can have."""
    return _NAMES.issuperset(names)


def tag_name(name: str, path: str | None) -> str:
    """Return a name if tags can have it. Raises ValueShapeError."""
    if name not in _NAMES:
        if NAME.fullmatch(name) is None:
            raise ValueShapeError(path or "", f"{name!r} is no name of a tag: they begin with a small letter")
        if len(_NAMES) < _MOST_NAMES:
            _NAMES.add(name)
    return name


def item_path(path: str | None, number: int) -> str | None:
    """Return the path of an item of an array; None where paths are not wanted, since they take time to write."""
    return None if path is None else f"{path}[{number}]"


def member_path(path: str | None, name: str) -> str | None:
    """Return the path of a member of an object; None where paths are not wanted."""
    return None if path is None else f"{path}.{name}" if path else name


def member(found: dict[str, Json], name: str, kind: type | tuple[type, ...], path: str) -> Json:
    """Return a member of an object. Raises ValueShapeError, which names its path."""
    if name not in found:
        raise ValueShapeError(path, f"no member {name!r}")
    value = found[name]
    # True is an int to Python, and no number to JSON.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueShapeError(f"{path}.{name}" if path else name, f"{_WORDS[kind]} expected, not {shown(value)}")
    return value


def plain_number(found: float, path: str | None) -> Number:
    """Return a number without a unit. Raises ValueShapeError for one that no 64-bit float holds."""
    try:
        return Number(float(found))
    except OverflowError:
        raise ValueShapeError(path or "", "the number is larger than Haystack's can be") from None


def shown(value: Json) -> str:
    """Return a value for a message, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


_SHOWN = 40
_NAMES: set[str] = set()  # of tags that were seen, so that each is looked at once
_MOST_NAMES = 10_000
_WORDS: dict[type | tuple[type, ...], str] = {
    str: "a string",
    bool: "true or false",
    list: "an array",
    dict: "an object",
    (int, float): "a number",
}
