"""Random updates over small stores: what is recorded is what the engine does with the update as it is written."""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage.graph.recording import data
from storage.graph.recording.applying import apply
from storage.graph.recording.recorder import Change
from storage.graph.recording.running import Functions, recorded
from storage.graph.recording.text import LONGEST

PROLOGUE = "PREFIX e: <urn:e:> BASE <urn:base> "
GRAPHS = ("e:g", "e:h", "e:none")
NODES = ("e:a", "e:b", "e:c")
PREDICATES = ("e:p", "e:q", "a")
VARIABLES = ("?x", "?y", "?z")
START = """PREFIX e: <urn:e:> INSERT DATA { e:a e:p e:b , 1 ; e:q _:x . _:x e:p e:c , _:y . e:b a e:c .
    GRAPH e:g { e:a e:p e:b . e:b e:q _:z , 2 . _:z e:p e:a , "o{n}e" } GRAPH e:h { e:c e:q e:c } }"""


def pick(*items: str) -> st.SearchStrategy[str]:
    return st.sampled_from(items)


def triples(subjects: Iterable[str], predicates: Iterable[str], objects: Iterable[str]) -> st.SearchStrategy[str]:
    one = st.tuples(pick(*subjects), pick(*predicates), pick(*objects)).map(" ".join)
    return st.lists(one, min_size=1, max_size=3).map(" . ".join)


def grouped(triples: st.SearchStrategy[str], names: Iterable[str]) -> st.SearchStrategy[str]:
    within = st.tuples(pick(*names), triples).map(lambda pair: f"GRAPH {pair[0]} {{ {pair[1]} }}")
    return st.one_of(triples, within, st.tuples(triples, within).map(" . ".join))


LITERALS = ("1", "+2", '"o{n}e"', '"x"@en', "true", "01.50")
DATA = grouped(triples(NODES, PREDICATES, (*NODES, *LITERALS)), GRAPHS)
BLANK_DATA = grouped(triples(("_:m", "[]", *NODES), PREDICATES, ("_:m", "[ e:q _:m ]", *LITERALS)), GRAPHS)
ENDS = (*NODES, *VARIABLES)
PATTERN = grouped(triples(ENDS, (*PREDICATES, "?v"), (*ENDS, "1")), (*GRAPHS, "?g"))
MADE = grouped(
    triples(("_:m", "[]", *ENDS), (*PREDICATES, "?v"), ("_:m", "[ e:p ?x ; a e:c ]", *ENDS, *LITERALS)),
    (*GRAPHS, "?g"),
)
FILTERS = pick(
    "",
    "FILTER(?x != e:a)",
    "OPTIONAL { ?x e:q ?z }",
    "BIND(<rel> AS ?w) MINUS { ?y e:p 1 }",
    "{ ?z e:q ?y } UNION {}",
)
WHERE = st.tuples(PATTERN, FILTERS).map(lambda parts: f"{{ {parts[0]} . {parts[1]} }}")
SOURCE = pick("", "USING e:g", "USING NAMED e:h USING e:g")
TARGETS = pick("GRAPH e:g", "GRAPH e:h", "GRAPH e:none", "DEFAULT", "NAMED", "ALL")
ENDPOINTS = pick("e:g", "GRAPH e:h", "e:none", "DEFAULT")


def joined(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda found: template.format(*found))


OPERATION = st.one_of(
    joined("INSERT DATA {{ {} }}", DATA),
    joined("INSERT DATA {{ {} }}", BLANK_DATA),
    joined("DELETE DATA {{ {} }}", DATA),
    joined("DELETE WHERE {{ {} }}", PATTERN),
    joined("DELETE {}{{ {} }}", pick("DATA ", "WHERE "), BLANK_DATA),  # which is refused if there is a blank node
    joined("DELETE {{ {} }} WHERE {}", MADE, WHERE),  # likewise
    joined("DELETE {{ {} }} INSERT {{ {} }} {} WHERE {}", PATTERN, MADE, SOURCE, WHERE),
    joined("WITH {} INSERT {{ {} }} WHERE {}", pick(*GRAPHS), MADE, WHERE),
    joined("WITH {} DELETE {{ {} }} WHERE {}", pick(*GRAPHS), PATTERN, WHERE),
    joined("{} SILENT {}", pick("CLEAR", "DROP"), TARGETS),
    joined("{} SILENT {} TO {}", pick("COPY", "MOVE", "ADD"), ENDPOINTS, ENDPOINTS),
    joined("CREATE SILENT GRAPH {}", pick(*GRAPHS)),
    joined("INSERT {{ e:l e:p ({}) }} WHERE {{ }}", pick("1 2", "e:a")),  # which is not told, but compared
)
UPDATE = st.lists(OPERATION, min_size=1, max_size=3).map(lambda found: PROLOGUE + " ; ".join(found))


def filled() -> ox.Store:
    store = ox.Store()
    store.update(START)
    return store


def copied(store: ox.Store) -> ox.Store:
    other = ox.Store()
    other.extend(store)
    for graph in store.named_graphs():
        other.add_graph(graph)
    return other


def run(store: ox.Store, text: str) -> Change:
    def update(text: str, functions: Functions) -> None:
        store.update(text, base_iri="urn:base", custom_functions=functions)

    found = recorded(store, text, "urn:base", update)
    assert found is not None
    return found


def state(store: ox.Store) -> tuple[set[ox.Quad], set[object]]:
    return set(store), set(store.named_graphs())


def canonical(store: ox.Store) -> ox.Dataset:
    dataset = ox.Dataset(store)
    dataset.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
    return dataset


def quads(text: str) -> set[ox.Quad]:
    return set(ox.parse(text, ox.RdfFormat.N_QUADS))


def backwards(change: Change) -> Change:
    return Change(change.removed, change.added, change.dropped, change.made)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(UPDATE)
@example(PROLOGUE + "INSERT DATA { GRAPH e:none { e:a a e:a } } ; DELETE DATA { GRAPH e:none { e:a a e:a } }")
@example(
    PROLOGUE + "INSERT DATA { e:b e:p 1 . GRAPH e:none { e:a a e:a } } ; DELETE DATA { GRAPH e:none { e:a a e:a } }"
)
def test_what_is_recorded_is_what_happens(text: str) -> None:
    store = filled()
    start, before = copied(store), state(store)
    plain = copied(store)
    try:
        plain.update(text, base_iri="urn:base")
    except (SyntaxError, RuntimeError) as error:
        with pytest.raises(type(error)):
            run(store, text)
        assert state(store) == before
        return
    change = run(store, text)
    after = state(store)
    assert canonical(store) == canonical(plain)
    assert after[1] == set(plain.named_graphs())
    assert (quads(change.added), quads(change.removed)) == (after[0] - before[0], before[0] - after[0])
    apply(store, backwards(change))
    assert state(store) == before, "undone"
    apply(start, change)
    assert state(start) == after, "done again"


def test_a_long_update_is_told_as_well() -> None:
    store = ox.Store()
    rows = " ".join(f"(<urn:s{number}> {number})" for number in range(5000))
    update = f"INSERT {{ ?s <urn:p> ?o , _:b }} WHERE {{ VALUES (?s ?o) {{ {rows} }} }}"
    assert len(update) > 1 << 16
    change = run(store, update)
    assert quads(change.added) == set(store)
    assert len(store) == 10_000


def test_data_in_several_operations_is_told_however_long_the_text_and_full_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = filled()
    numbers = " , ".join(map(str, range(60_000)))
    update = (
        f"PREFIX e: <urn:e:> BASE <http://e/> INSERT DATA {{ e:s e:p {numbers} }} ;\n"
        "DELETE DATA { e:s e:p 1 , 60000 . e:a e:p e:b } ; INSERT DATA { GRAPH <new> { e:a e:p e:b } } ;\n"
        "DELETE DATA { GRAPH <new> { e:a e:p e:b } }"
    )
    assert len(update) > LONGEST
    monkeypatch.setattr(data, "MOST", 60_003)
    store.extend(ox.Quad(ox.NamedNode("urn:s"), ox.NamedNode("urn:p"), ox.Literal(n)) for n in range(60_003))
    before = set(store)
    change = run(store, update)
    assert (quads(change.added), quads(change.removed)) == (set(store) - before, before - set(store))
    assert (len(quads(change.added)), len(quads(change.removed))) == (59_999, 1)
    assert change.made == ("http://e/new",)
    monkeypatch.setattr(data, "MOST", 1)
    with pytest.raises(AssertionError):
        run(store, "INSERT DATA { <urn:s> <urn:p> 'a' , 'b' }")  # of which only the fact is known
    assert len(store) == len(before) + 60_000


def test_of_what_is_emptied_all_is_told_whatever_comes_before() -> None:
    store = filled()
    before = state(store)
    update = (
        f"{PROLOGUE} INSERT DATA {{ GRAPH e:g {{ e:n e:p 1 }} }} ; DROP GRAPH e:g ; CLEAR DEFAULT ; DROP GRAPH e:h"
    )
    change = run(store, update)
    assert (quads(change.added), quads(change.removed)) == (set(), before[0])
    assert change.dropped == ("urn:e:g", "urn:e:h")
    assert state(store) == (set(), set())
