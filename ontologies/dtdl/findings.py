"""What is wrong with a DTDL document, and where.

The codes are those of the DTDL parser of the Digital Twin Consortium, so that people find them where they
already look. Ours in addition are ``notJson``, ``undefinedReference`` and ``wrongVersion``.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: its kind, in words with what to do, the element's DTMI and the path in the document."""

    code: str
    message: str
    element: str
    path: str

    def __str__(self) -> str:
        where = " at ".join(filter(None, (self.element, self.path)))
        return f"{where}: {self.message}" if where else self.message


@dataclass(slots=True)
class Findings:
    """Collects findings in the order in which they are met."""

    items: list[Finding] = field(default_factory=list)

    def add(self, code: str, message: str, place: Place) -> None:
        self.items.append(Finding(code, message, place.element, place.path))

    def codes(self) -> list[str]:
        return [item.code for item in self.items]


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are: the nearest element with an identifier, and the path from the document's root."""

    element: str = ""
    path: str = ""

    def at(self, *steps: str | int) -> Place:
        """Return the place further down, as ``contents[2].schema``."""
        path = self.path
        for step in steps:
            path += f"[{step}]" if isinstance(step, int) else f"{'.' if path else ''}{step}"
        return Place(self.element, path)

    def of(self, element: str) -> Place:
        return Place(element, self.path)
