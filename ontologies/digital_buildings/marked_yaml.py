"""YAML with the line of everything, each scalar as the text that stands there, and each key once in its mapping.

YAML 1.1 takes ``ON`` for true; here it stays ``ON``, as those who write building configs mean it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from ontologies.errors import FormatError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where libyaml is there
_NULL = "tag:yaml.org,2002:null"


@dataclass(slots=True)
class Marked:
    """A value of a YAML document and its line: ``value`` is a text, None, a mapping by key or a list."""

    value: str | dict[str, Marked] | list[Marked] | None
    line: int
    key_lines: dict[str, int] = field(default_factory=dict)
    duplicates: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def text(self) -> str | None:
        return self.value if isinstance(self.value, str) else None

    def items(self) -> Iterator[tuple[str, int, Marked]]:
        """Yield the keys of a mapping, with the lines that they are on and what they hold."""
        if isinstance(self.value, dict):
            for key, inner in self.value.items():
                yield key, self.key_lines[key], inner

    def get(self, key: str) -> Marked | None:
        return self.value.get(key) if isinstance(self.value, dict) else None

    def __iter__(self) -> Iterator[Marked]:
        return iter(self.value if isinstance(self.value, list) else ())


def load(text: str) -> Marked | None:
    """Read one document; None where it is empty. Raises FormatError with line and column."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"line {line}, column {column}: not YAML: {error.problem or error.context}"
        raise FormatError(message, line=line, column=column) from None
    except yaml.YAMLError as error:
        raise FormatError(f"not YAML: {error}") from None
    try:
        return None if node is None else _Marker().marked(node)
    except RecursionError:
        raise FormatError("not YAML that can be kept: it is nested too deep") from None


class _Marker:
    """Turns nodes into values. What an alias names again is the same value, however often it is named."""

    def __init__(self) -> None:
        self._done: dict[int, Marked | None] = {}

    def marked(self, node: yaml.Node) -> Marked:
        key, line = id(node), node.start_mark.line + 1
        if key in self._done:
            known = self._done[key]
            if known is None:
                raise FormatError(f"line {line}: an anchor that holds itself", line=line)
            return known
        self._done[key] = None
        found = self._made(node, line)
        self._done[key] = found
        return found

    def _made(self, node: yaml.Node, line: int) -> Marked:
        match node:
            case yaml.MappingNode():
                return self._mapping(node, line)
            case yaml.SequenceNode():
                return Marked([self.marked(item) for item in node.value], line)
            case _:
                is_null = node.tag == _NULL and not getattr(node, "style", None)  # a quoted one is a text
                return Marked(None if is_null else str(node.value), line)

    def _mapping(self, node: yaml.MappingNode, line: int) -> Marked:
        marked = Marked(None, line)
        members: dict[str, Marked] = {}
        for key, value in node.value:
            name, at = str(key.value), key.start_mark.line + 1
            if name in members:
                marked.duplicates.append((name, at, marked.key_lines[name]))
                continue
            members[name] = self.marked(value)
            marked.key_lines[name] = at
        marked.value = members
        return marked
