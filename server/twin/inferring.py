"""Inference in a process of its own, as validation is, into a graph of its own."""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse, serialize

from ontologies import catalog, inference
from ontologies.inference import INFERRED
from ontologies.models.comparing import lines
from ontologies.namespaces import PROV, TWH
from server.twin.validating import SECONDS, run_apart

if TYPE_CHECKING:
    from server.twin.service import Twin

__all__ = ["INFERRED", "infer", "infer_apart"]

_DIGEST = TWH["inferredFrom"]


def infer(twin: Twin, ontology: catalog.Ontology, *, closure: bool = False) -> dict[str, Any]:
    """Put what follows from all models by an ontology's rules into `INFERRED`, in place of what was there.

    Where neither models nor ontology have changed since, nothing is done. Durable and visible when it returns. Raises
    DeadlineExceeded, or a problem if the engine fails.
    """
    names = twin.model_graphs()
    triples = b"".join(twin.triples(graph) for graph in (None, *names))
    told = _provenance(triples, ontology, closure=closure)
    there = twin.triples(INFERRED.value) if twin.graph.has_graph(INFERRED) else b""
    changed = any(f"{quad.triple} .".encode() not in there for quad in told)
    count = there.count(b"\n") - len(told)
    if changed:
        quads = infer_apart(triples, ontology, closure=closure)
        twin.graph.replace([*told, *quads], [INFERRED])
        count = len(quads)
    return {
        "graph": INFERRED.value,
        "triples": count,
        "changed": changed,
        "models": names,
        "ontology": ontology.iri,
    }


def infer_apart(
    triples: bytes, ontology: catalog.Ontology, *, closure: bool = False, seconds: float = SECONDS
) -> list[Quad]:
    """Return what follows from N-Triples, for the graph `INFERRED`. Raises DeadlineExceeded, or a problem."""
    arguments = ("server.twin.inferring", ontology.name, ontology.version, "closure" if closure else "")
    found = run_apart(arguments, triples, "inference", seconds)
    return [Quad(q.subject, q.predicate, q.object, INFERRED) for q in parse(found, RdfFormat.N_TRIPLES)]


def _provenance(triples: bytes, ontology: catalog.Ontology, *, closure: bool) -> list[Quad]:
    """Return what the graph says of itself: a digest of what it was made from, and by which ontology."""
    said = "\n".join(sorted(lines(parse(triples, RdfFormat.N_TRIPLES))))
    digest = sha256(f"{said}\n{ontology.iri} {closure}".encode()).hexdigest()
    return [
        Quad(INFERRED, _DIGEST, Literal(digest), INFERRED),
        Quad(INFERRED, PROV["wasDerivedFrom"], NamedNode(ontology.iri), INFERRED),
    ]


def main() -> None:
    """Infer from what comes on stdin by the ontology named by the arguments; what follows goes to stdout."""
    ontology = catalog.find(sys.argv[1], sys.argv[2])
    quads = inference.infer(sys.stdin.buffer.read(), ontology, closure=sys.argv[3] == "closure")
    sys.stdout.buffer.write(serialize((quad.triple for quad in quads), format=RdfFormat.N_TRIPLES) or b"")


if __name__ == "__main__":
    main()
