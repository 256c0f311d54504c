"""The packaged ontologies, and what the models say by them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ontologies import catalog
from server.errors import Problem
from server.twin.checking import unclaimed
from server.twin.inferring import InferReport, Rules
from server.twin.models import named_node
from server.twin.reasoning import report_apart, validate_apart

if TYPE_CHECKING:
    from server.twin.service import Twin


class Ontologies:
    """Loads packaged ontologies into a twin's graph, validates its models by them, and infers what follows."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin

    def load(self, name: str, version: str | None = None) -> dict[str, Any]:
        """Load one into its own graph, once. Durable and visible when it returns."""
        ontology, graph = catalog.find(name, version), self._twin.graph
        present = graph.has_graph(ontology.graph)
        if not present:
            with graph.staged() as staged:
                staged.extend(ontology.quads())
                recorded = self._twin.recorded(f"load {ontology.name} {ontology.version}")
                recorded.replace(staged, [ontology.graph])
        return {"name": ontology.name, "version": ontology.version, "graph": ontology.iri, "loaded": not present}

    def known(self) -> list[dict[str, Any]]:
        """Return all there are, and whether each is loaded."""
        has_graph = self._twin.graph.has_graph
        return [
            {"name": o.name, "version": o.version, "graph": o.iri, "loaded": has_graph(o.graph)}
            for o in catalog.available()
        ]

    def infer(self, name: str = "brick", version: str | None = None, *, classes: bool = False) -> InferReport:
        """Keep what follows from the models in a graph of its own; see Inferring.infer."""
        return self._twin.inferring.infer(Rules(catalog.find(name, version), classes))

    def validate(self, graph: str | None = None, name: str = "brick", version: str | None = None) -> dict[str, Any]:
        """Validate a graph (None: all models) with SHACL."""
        ontology, names = catalog.find(name, version), self._validated(graph)
        report = validate_apart(self._twin.graph.children, b"".join(map(self._twin.triples, names)), ontology)
        if graph is None:
            report["advice"] += map(asdict, unclaimed(self._twin))
        return {"graphs": [name for name in names if name], "ontology": ontology.iri, **report}

    def report(self, graph: str | None, name: str = "brick", version: str | None = None) -> bytes:
        """Return the report of such a validation as a graph (SHACL, section 3.6), in N-Triples."""
        names = self._validated(graph)
        return report_apart(
            self._twin.graph.children, b"".join(map(self._twin.triples, names)), catalog.find(name, version)
        )

    def _validated(self, graph: str | None) -> list[str | None]:
        if graph is None:
            return self._twin.models()
        if named_node(graph).value not in self._twin.graph.graphs():
            raise Problem(404, "no-such-graph", f"there is no graph {graph}", hint="GET /graphs lists them")
        return [graph]
