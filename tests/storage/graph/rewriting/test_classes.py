"""Classes first: the same solutions as often, and only where something is gained."""

from __future__ import annotations

from collections import Counter

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontologies.namespaces import RDF, RDFS
from storage.graph.rewriting import rewritten

PROLOGUE = f"PREFIX rdf: <{RDF.iri}> PREFIX rdfs: <{RDFS.iri}> PREFIX : <urn:x:>\n"
CLASSES = [ox.NamedNode(f"urn:x:{name}") for name in "ABCD"]
THINGS = [ox.NamedNode(f"urn:x:{name}") for name in ("i", "j", "k")]
P = ox.NamedNode("urn:x:p")

_graphs = st.sampled_from([ox.DefaultGraph(), ox.NamedNode("urn:x:g")])
_kinds = st.one_of(
    st.tuples(st.sampled_from(THINGS), st.just(RDF["type"]), st.sampled_from(CLASSES)),
    st.tuples(st.sampled_from(CLASSES), st.just(RDFS["subClassOf"]), st.sampled_from(CLASSES)),
    st.tuples(st.sampled_from(THINGS), st.just(P), st.sampled_from(THINGS)),
)
quads = st.lists(st.builds(lambda t, graph: ox.Quad(t[0], t[1], t[2], graph), _kinds, _graphs), max_size=14)

STATEMENTS = [
    "?x a/rdfs:subClassOf* :A .",
    "?x rdf:type/rdfs:subClassOf+ :B .",
    "?y a/(rdfs:subClassOf)* :B .",
    "?x a/rdfs:subClassOf* :A, :B ; :p ?y .",
    "?x :p ?y ; a/rdfs:subClassOf? :C .",
    "?x :p/a/rdfs:subClassOf* :A .",
    ":A ^rdfs:subClassOf*/^a ?x .",
    ":B (^rdfs:subClassOf)*/^rdf:type/^:p ?y .",
    "?x a ?t . ?t rdfs:subClassOf* :A .",
    "?t ^a ?y . :B ^rdfs:subClassOf* ?t .",
    "?x a ?t ; :p ?y . ?t rdfs:subClassOf* :A ; rdfs:subClassOf* :B .",
    "?x a ?t . ?t (rdfs:subClassOf|^rdfs:subClassOf)* :A .",
    "?x a/rdfs:subClassOf* ?t .",
    "[] a/rdfs:subClassOf* :A ; :p ?x .",
    "?x :p ?y .",
    "?y :p [ a/rdfs:subClassOf* :C ] .",
    "OPTIONAL { ?y :p ?z }",
    "OPTIONAL { ?y a/rdfs:subClassOf* :C }",
    "FILTER NOT EXISTS { ?x a/rdfs:subClassOf* :C }",
    "MINUS { ?x a/rdfs:subClassOf* :D }",
    "{ ?x a/rdfs:subClassOf* :A } UNION { ?x a ?t . ?t rdfs:subClassOf* :B }",
    "GRAPH :g { ?x :p ?y }",
    "{ SELECT * { ?x a/rdfs:subClassOf* :B } }",
    ":i :p ?x .",
    "VALUES ?x { :i :k }",
]
HEADS = ["SELECT *", "SELECT ?x", "SELECT DISTINCT ?x ?y", "SELECT (COUNT(*) AS ?n)", "SELECT ?y (COUNT(?x) AS ?n)"]


def answers(store: ox.Store, text: str, *, union: bool) -> Counter[tuple[str, ...]]:
    results = store.query(text, use_default_graph_as_union=union)
    assert isinstance(results, ox.QuerySolutions)
    names = [variable.value for variable in results.variables]
    return Counter((*names, *(str(row[name]) for name in names)) for row in results)


@settings(max_examples=400, deadline=None)
@given(
    data=quads,
    head=st.sampled_from(HEADS),
    statements=st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=4, unique=True),
    union=st.booleans(),
)
def test_the_solutions_are_the_same(data: list[ox.Quad], head: str, statements: list[str], *, union: bool) -> None:
    end = " GROUP BY ?y" if "?y (" in head else ""
    text = f"{PROLOGUE}{head} {{ {' '.join(statements)} }}{end}"
    store = ox.Store()
    store.extend(data)
    assert answers(store, rewritten(text), union=union) == answers(store, text, union=union), rewritten(text)


FIRST = "{ SELECT ?_r1 { ?_r1 rdfs:subClassOf* :A } }"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("?x a/rdfs:subClassOf* :A", f"{FIRST} ?x a ?_r1"),
        ("?x rdf:type/rdfs:subClassOf* :A ; :p ?y .", f"{FIRST} ?x rdf:type ?_r1 ; :p ?y ."),
        ("?x :p ?y . ?x a/rdfs:subClassOf* :A.", f"{FIRST} ?x :p ?y . ?x a ?_r1."),
        ("?x :p/a/rdfs:subClassOf* :A", f"{FIRST} ?x :p/a ?_r1"),
        (
            ":A ^rdfs:subClassOf*/^a ?x . ?x :p ?y",
            "{ SELECT ?_r1 { :A ^rdfs:subClassOf* ?_r1 } } ?_r1 ^a ?x . ?x :p ?y",
        ),
        ("?x :p ?t ; a ?t . ?t rdfs:subClassOf* :A", "{ SELECT ?t { ?t rdfs:subClassOf* :A } } ?x :p ?t ; a ?t . "),
        (
            "?x a/rdfs:subClassOf* :A, :B .",
            f"{FIRST} {{ SELECT ?_r2 {{ ?_r2 rdfs:subClassOf* :B }} }} ?x a ?_r1, ?_r2 .",
        ),
        ("?x a/rdfs:subClassOf* :A OPTIONAL { ?x :p ?y }", f"{FIRST} ?x a ?_r1 OPTIONAL {{ ?x :p ?y }}"),
        ("{ ?x a/rdfs:subClassOf* :A } UNION { ?x :p ?y }", f"{{ {FIRST} ?x a ?_r1 }} UNION {{ ?x :p ?y }}"),
    ],
)
def test_the_classes_come_first(pattern: str, expected: str) -> None:
    assert rewritten(f"{PROLOGUE}SELECT ?x {{ {pattern} }}") == f"{PROLOGUE}SELECT ?x {{ {expected} }}"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ?x { :i :p ?x . ?x a/rdfs:subClassOf* :A }",  # few of them are left to look at
        "SELECT ?x { :i :p ?y . ?y :p ?x . ?x a/rdfs:subClassOf* :A }",
        "SELECT ?x { ?x :p [ :p 'x' ] ; a/rdfs:subClassOf* :A }",
        "SELECT ?x { VALUES ?x { :i } ?x a/rdfs:subClassOf* :A }",
        "SELECT * { ?x a/rdfs:subClassOf* :A } VALUES ?y { :i }",
        "SELECT ?x { BIND(:i AS ?x) ?x a/rdfs:subClassOf* :A }",
        "SELECT ?x { { SELECT ?x { ?x :p :i } LIMIT 1 } ?x a/rdfs:subClassOf* :A }",
        "SELECT ?x { GRAPH :g { :i :p ?x } ?x a/rdfs:subClassOf* :A }",
        "SELECT ?x { ?x :p ?y OPTIONAL { ?y a/rdfs:subClassOf* :A } }",
        "SELECT ?x { ?x :p ?y FILTER EXISTS { ?y a/rdfs:subClassOf* :A } }",
        "SELECT ?x { ?x a :B ; a/rdfs:subClassOf* :A } LIMIT 5",  # the first have to come at once
        "SELECT ?x { ?x a/rdfs:subClassOf* :A, :B } LIMIT 5",
        "SELECT ?x { { ?x :p :i } UNION { ?x :p :j } ?x a/rdfs:subClassOf* :A } LIMIT 5",
        "SELECT ?x { { SELECT ?x { ?x :p :i . ?x a/rdfs:subClassOf* :A } } } LIMIT 5",
        "ASK { ?x :p :i . ?x a/rdfs:subClassOf* :A }",
        "SELECT ?x { ?x a/rdfs:subClassOf* ?t }",  # no class is named
        "SELECT ?x { ?x a/rdfs:subClassOf* :A, ?t }",
        "SELECT ?x { ?x a/:broader* :A }",  # another tree, maybe a large one
        "SELECT ?x { ?x :p/rdfs:subClassOf* :A }",
        "SELECT ?x { ?x a/rdfs:subClassOf :A }",
        "CONSTRUCT WHERE { ?x a :A ; rdfs:subClassOf ?y }",
        "SELECT ?x { GRAPH ?g { ?x a/rdfs:subClassOf* :A } }",
    ],
)
def test_others_stay_as_they_are(query: str) -> None:
    assert rewritten(PROLOGUE + query) == PROLOGUE + query


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ?x { ?x a/rdfs:subClassOf* :A } ORDER BY ?x LIMIT 5",
        "SELECT (COUNT(*) AS ?n) { ?x a/rdfs:subClassOf* :A } LIMIT 5",
        "CONSTRUCT { ?x a :A } WHERE { ?x a/rdfs:subClassOf* :A }",
        "SELECT ?x { ?x a/rdfs:subClassOf* :A } LIMIT 5",
        "ASK { ?x a/rdfs:subClassOf* :A }",
        "DESCRIBE ?x { ?x a/rdfs:subClassOf* :A }",
        "DELETE { ?x a :A } INSERT { ?x a :B } WHERE { ?x a/rdfs:subClassOf* :A }",
    ],
)
def test_where_all_solutions_are_needed(query: str) -> None:
    assert rewritten(PROLOGUE + query) == PROLOGUE + query.replace(
        "{ ?x a/rdfs:subClassOf* :A }", f"{{ {FIRST} ?x a ?_r1 }}"
    )


def test_a_star_does_not_describe_the_classes() -> None:
    text = f"{PROLOGUE}DESCRIBE * {{ ?x a/rdfs:subClassOf* :A }}"
    assert rewritten(text) == f"{PROLOGUE}DESCRIBE ?x {{ {FIRST} ?x a ?_r1 }}"


def test_the_columns_of_a_star_stay_the_same() -> None:
    text = f"{PROLOGUE}SELECT * {{ ?x a/rdfs:subClassOf* :A ; :p ?y ; ?p ?Z }}"
    assert "SELECT ?Z ?p ?x ?y {" in rewritten(text)
    assert next(iter(answers(ox.Store(), rewritten(text), union=True)), None) is None
