"""A scan and the twin: what is known of its points there, and how an import changes that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.cli.failure import Failure, say

if TYPE_CHECKING:
    from pyoxigraph import Quad

    from ontologies.bacnet_network import Network
    from ontologies.tagging.decisions import Decision
    from ontologies.tagging.proposals import Proposal
    from server.cli.client import Client

_MANY = 2000
_TRIPLES = "application/n-triples"
_NAMES = """
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?point ?name WHERE { ?point a ?class ; rdfs:label|skos:altLabel ?name }
"""


def read_scan(file: Path) -> Network:
    """Read a scan. Raises Failure."""
    from server.bacnet.errors import BacnetError
    from server.bacnet.scan import read

    try:
        return read(file)
    except BacnetError as error:
        raise Failure(str(error)) from None


def decisions_in(client: Client) -> tuple[Decision, ...]:
    """Return what people decided until now."""
    from pyoxigraph import RdfFormat, parse

    from ontologies.tagging.decisions import DECISIONS_CONSTRUCT, REVIEWS, decisions_of

    asked = {"default-graph-uri": REVIEWS.value}
    headers = {"Content-Type": "application/sparql-query", "Accept": _TRIPLES}
    with client.stream(
        "POST", "/query", params=asked, content=DECISIONS_CONSTRUCT.encode(), headers=headers
    ) as answer:
        body = answer.read()
    return decisions_of(parse(body, RdfFormat.N_TRIPLES))


def decide(client: Client, decisions: Sequence[Decision]) -> None:
    """Keep decisions in the graph, each in place of an earlier one of its point; all or none, durable on return."""
    from ontologies.tagging.decisions import REVIEWS, decision_quads, review_iri

    nodes = " ".join(str(review_iri(each.point)) for each in decisions)
    try:
        made = " .\n".join(_triple(quad) for quad in decision_quads(decisions))
    except ValueError as error:
        raise Failure(f"a class that is no IRI: {error}", notes=("nothing was decided",)) from None
    update = (
        f"DELETE {{ GRAPH {REVIEWS} {{ ?r ?p ?o }} }} "
        f"WHERE {{ GRAPH {REVIEWS} {{ VALUES ?r {{ {nodes} }} ?r ?p ?o }} }} ; "
        f"INSERT DATA {{ GRAPH {REVIEWS} {{ {made} }} }}"
    )
    headers = {"Content-Type": "application/sparql-update"}
    client.json("POST", "/update", content=update.encode(), headers=headers)


def proposals_for(client: Client, network: Network) -> tuple[Proposal, ...]:
    """Return what is proposed for the points of a network, by what was decided; takes a millisecond a point."""
    from ontologies.tagging.proposals import propose

    objects = sum(len(device.objects) for device in network.devices)
    if objects > _MANY:
        say(f"looking at {objects} objects")
    return propose(network, decisions_in(client))


def import_network(client: Client, network: Network, proposals: Sequence[Proposal]) -> dict[str, Any]:
    """Replace a network's graph by what is known now, as one change; names that points had stay as aliases."""
    from ontologies.bacnet import network_graph
    from ontologies.bacnet_quads import network_quads

    graph = network_graph(network.name)
    quads = list(network_quads(network, proposals, graph, _names_in(client, graph.value)))
    client.json(
        "PUT", "/store", params={"graph": graph.value}, content=_body(quads), headers={"Content-Type": _TRIPLES}
    )
    return {
        "graph": graph.value,
        "triples": len(quads),
        "devices": len(network.devices),
        "points": len(proposals),
        **_counts(proposals),
    }


def _names_in(client: Client, graph: str) -> dict[str, list[str]]:
    headers = {"Content-Type": "application/sparql-query", "Accept": "application/sparql-results+json"}
    answer = client.json(
        "POST", "/query", params={"default-graph-uri": graph}, content=_NAMES.encode(), headers=headers
    )
    names: dict[str, list[str]] = {}
    for row in answer["results"]["bindings"]:
        names.setdefault(row["point"]["value"], []).append(row["name"]["value"])
    return names


def _counts(proposals: Iterable[Proposal]) -> dict[str, int]:
    counts = {"classified": 0, "plain": 0, "accepted": 0, "corrected": 0, "rejected": 0, "taught": 0}
    for each in proposals:
        if each.status in counts:
            counts[each.status] += 1
        counts["plain" if each.class_iri.endswith("#Point") else "classified"] += 1
    return counts


def _triple(quad: Quad) -> str:
    return f"{quad.subject} {quad.predicate} {quad.object}"


def _body(quads: Iterable[Quad]) -> bytes:
    return "".join(f"{_triple(quad)} .\n" for quad in quads).encode()
