"""Digital Twins Definition Language (DTDL), versions 2 and 3: read and checked.

The specifications are at https://azure.github.io/opendigitaltwins-dtdl.

``read_models`` takes parsed JSON documents that belong together and gives their interfaces with all that is
wrong in them. Nothing is fetched: what is referred to must be among the documents.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ontologies.dtdl.checking import Checker
from ontologies.dtdl.contexts import Undefined
from ontologies.dtdl.elements import Element
from ontologies.dtdl.findings import Finding, Findings
from ontologies.dtdl.metamodel import VERSIONS
from ontologies.dtdl.reading import DocumentReader

__all__ = ["Element", "Finding", "Models", "Undefined", "read_models"]


@dataclass(frozen=True, slots=True)
class Models:
    """The interfaces of a set of documents by DTMI, also those inside others, and what is wrong in them."""

    interfaces: dict[str, Element]
    findings: tuple[Finding, ...]

    @property
    def valid(self) -> bool:
        return not self.findings

    def bases(self, interface: str) -> tuple[str, ...]:
        """Return an interface and all that it extends, nearest first, each once."""
        found = {interface: None}
        waiting = [interface]
        while waiting:
            element = self.interfaces.get(waiting.pop(0))
            for item in element.many("extends") if element else []:
                name = item.id if isinstance(item, Element) else item.dtmi
                if name not in found:
                    found[name] = None
                    waiting.append(name)
        return tuple(found)

    def contents(self, interface: str) -> dict[str, Element]:
        """Return what an interface has by name: telemetry, properties, commands, relationships and components."""
        return {
            item.name: item
            for name in reversed(self.bases(interface))
            if name in self.interfaces
            for item in self.interfaces[name].inside("contents")
            if item.name
        }


def read_models(
    documents: Iterable[object], undefined: Undefined = Undefined.BY_VERSION, newest: int = VERSIONS[-1]
) -> Models:
    """Read documents as ``json.loads`` gives them, each an interface or an array of interfaces.

    Nothing is raised: a document that is wrong gives findings, and its sound interfaces are read nevertheless.
    """
    findings = Findings()
    reader = DocumentReader(findings, undefined, newest)
    for at, document in enumerate(documents):
        reader.read(document, f"[{at}]" if at else "")
    Checker(reader.elements, reader.everything, findings).check()
    interfaces = {name: element for name, element in reader.elements.items() if element.kind == "Interface"}
    return Models(interfaces, tuple(findings.items))
