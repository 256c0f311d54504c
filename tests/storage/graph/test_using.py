from __future__ import annotations

import pyoxigraph as ox
import pytest

from storage.graph.using import names_dataset, with_union, with_using

G1, G2, OUT = (ox.NamedNode(f"urn:g:{name}") for name in ("1", "2", "out"))
NAMED = ("urn:g:1", "urn:g:2")
DATA = """INSERT DATA { <urn:a> <urn:p> <urn:b> . GRAPH <urn:g:1> { <urn:b> <urn:p> <urn:c> }
  GRAPH <urn:g:2> { <urn:c> <urn:p> <urn:d> } }"""
COPY = "INSERT { GRAPH <urn:g:out> { ?x <urn:q> ?y } } WHERE { ?x <urn:p> ?y }"


@pytest.fixture
def store() -> ox.Store:
    filled = ox.Store()
    filled.update(DATA)
    return filled


def size(store: ox.Store, graph: ox.NamedNode | ox.DefaultGraph = OUT) -> int:
    return sum(1 for _ in store.quads_for_pattern(None, None, None, graph))


def test_using_is_of_every_operation(store: ox.Store) -> None:
    store.update(with_using(f"{COPY} ;\n{COPY.replace('urn:q', 'urn:r')}", ["urn:g:1"], []))
    assert size(store) == 2


@pytest.mark.parametrize("text", ["DELETE WHERE { ?x ?p ?y }", "DELETE { ?x ?p ?y } WHERE { ?x ?p ?y # { all\n }"])
def test_a_delete_reads_another_graph_than_it_changes(store: ox.Store, text: str) -> None:
    store.update(with_using(text, ["urn:g:1"], []))
    assert size(store, ox.DefaultGraph()) == 1
    store.update(with_using(text, [], []))
    assert size(store, ox.DefaultGraph()) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WITH <urn:g> DELETE { } WHERE { }", True),
        ("INSERT { } USING NAMED <urn:g> WHERE { }", True),
        ("INSERT { ?using <urn:with> 'USING' } WHERE { ?using ?p [] } # WITH", False),
    ],
)
def test_a_dataset_of_the_text(text: str, expected: bool) -> None:
    assert names_dataset(text) == expected


def test_the_union_has_the_default_graph_too(store: ox.Store) -> None:
    store.update(with_union(COPY, NAMED, "urn:spare"))
    assert size(store) == 3
    assert set(store.named_graphs()) == {G1, G2, OUT}


def test_the_union_of_named_graphs_alone(store: ox.Store) -> None:
    store.update(with_union(COPY, NAMED, None))
    assert size(store) == 2


def test_paths_lead_from_graph_to_graph(store: ox.Store) -> None:
    store.update(
        with_union(COPY.replace("<urn:p> ?y }", "<urn:p>+ <urn:d> BIND(<urn:d> AS ?y) }"), NAMED, "urn:spare")
    )
    assert size(store) == 3


def test_a_graph_pattern_sees_the_graphs_that_there_are(store: ox.Store) -> None:
    text = "INSERT { GRAPH <urn:g:out> { ?g <urn:q> ?x } } WHERE { GRAPH ?g { ?x <urn:p> ?y } }"
    store.update(with_union(text, NAMED, "urn:spare"))
    assert {quad.subject for quad in store.quads_for_pattern(None, None, None, OUT)} == {G1, G2}


@pytest.mark.parametrize("end", ["", ";", " ; # the end", "# the end"])
def test_a_prologue_and_an_end(store: ox.Store, end: str) -> None:
    store.update(with_union(f"PREFIX g: <urn:g:> # one\nBASE <urn:x:>\n{COPY}{end}", NAMED, "urn:spare"))
    assert size(store) == 3


def test_what_has_no_where_stays() -> None:
    text = "CLEAR GRAPH <urn:g:1> ; INSERT DATA { <urn:where> <urn:p> 'WHERE' }"
    assert with_union(text, NAMED, "urn:spare") == text


def test_several_operations_are_refused() -> None:
    with pytest.raises(ValueError, match="no other operation"):
        with_union(f"CLEAR GRAPH <urn:g:1> ; {COPY}", NAMED, None)
