"""Frozen dataclasses as JSON (RFC 8259) and back, exactly: what is absent is left out, what is unknown is refused."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ontologies.errors import ValueShapeError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def to_json(value: DataclassInstance) -> dict[str, Any]:
    """Return a dataclass as what ``json.dumps`` takes: fields that hold their default are left out."""
    return {
        f.name: _plain(getattr(value, f.name)) for f in fields(value) if not _is_default(f, getattr(value, f.name))
    }


def from_json(cls: type[T], document: object, where: str = "") -> T:
    """Read a dataclass from what ``json.loads`` gives; ``ValueShapeError`` says which member is wrong, and how."""
    if not isinstance(document, Mapping):
        raise ValueShapeError(where, f"an object expected, not {_shown(document)}")
    hints = _hints(cls)
    unknown = sorted(set(document) - set(hints))
    if unknown:
        raise ValueShapeError(_join(where, unknown[0]), f"unknown member; the known ones are {', '.join(hints)}")
    for field in fields(cls):
        if field.name not in document and field.default is MISSING and field.default_factory is MISSING:
            raise ValueShapeError(_join(where, field.name), "missing")
    return cls(**{name: _read(hints[name], value, _join(where, name)) for name, value in document.items()})


@cache
def _hints(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(cls)}


def _is_default(field: Field[Any], value: object) -> bool:
    return field.default is not MISSING and type(value) is type(field.default) and value == field.default


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _read(hint: Any, value: object, where: str) -> object:  # noqa: ANN401 - a type, as typing gives it
    if get_origin(hint) in (Union, types.UnionType):
        return _read_choice(get_args(hint), value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ValueShapeError(where, f"an array expected, not {_shown(value)}")
        return tuple(_read(get_args(hint)[0], item, f"{where}[{at}]") for at, item in enumerate(value))
    if isinstance(hint, type) and is_dataclass(hint):
        return from_json(hint, value, where)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueShapeError(where, f"{_NAMES[hint]} expected, not {_shown(value)}")
    return value


def _read_choice(choices: tuple[Any, ...], value: object, where: str) -> object:
    if value is None and type(None) in choices:
        return None
    inner = [choice for choice in choices if choice is not type(None)]
    exact = [choice for choice in inner if type(value) is choice]
    return _read((exact or inner)[0], value, where)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
