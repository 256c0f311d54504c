"""Elements of a DTDL document as they were read: interfaces, what is in them, and references between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ontologies.dtdl.findings import Place
from ontologies.dtdl.literals import Literal
from ontologies.dtdl.vocabulary import SemanticType, Standard


@dataclass(frozen=True, slots=True)
class Reference:
    """An element that is named by its DTMI, to be found somewhere else."""

    dtmi: str


Value = Literal | dict[str, str] | list["Element | Standard | Reference"]


@dataclass(slots=True, eq=False)
class Element:
    """An element of DTDL: its DTMI (given or derived), its class and version, and what it says.

    ``semantic`` are the types beside the class; ``extra`` are those and the properties that nothing known defines.
    ``interface`` is the DTMI of the interface that it is part of, which is its own for an interface.
    """

    id: str
    kind: str
    version: int
    place: Place
    interface: str = ""
    semantic: list[SemanticType] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    properties: dict[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        found = self.properties.get("name")
        return found if isinstance(found, str) else None

    def many(self, name: str) -> list[Element | Standard | Reference]:
        """Return the elements and references that a property has, in their order."""
        found = self.properties.get(name)
        return found if isinstance(found, list) else []

    def inside(self, name: str) -> Iterator[Element]:
        """Yield the elements that are written inside a property."""
        return (item for item in self.many(name) if isinstance(item, Element))

    def text(self, name: str, language: str = "en") -> str | None:
        """Return a text, of a localized property the one in a language, or else its first."""
        found = self.properties.get(name)
        if isinstance(found, dict):
            return found.get(language, next(iter(found.values()), None))
        return found if isinstance(found, str) else None
