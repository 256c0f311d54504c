"""What is known of the triples that graphs share: never less than is so, and in the end no more."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from storage.errors import WriterCrashed
from storage.files import DataDirectory
from storage.graph import contents, homes
from storage.graph.comparing import shared_by
from storage.graph.queries import Limits, Query
from storage.graph.readers import ReaderPool
from storage.graph.recording.recorder import Change
from storage.graph.recording.text import MOST
from storage.graph.rewriting.shared import NOTHING, Shared
from storage.graph.rewriting.triples import TYPE
from storage.graph.sharing import FILE, Note, Sharing, read
from storage.graph.store import GraphStore

G, H = ox.NamedNode("urn:g"), ox.NamedNode("urn:h")
INTEGER = ox.NamedNode("http://www.w3.org/2001/XMLSchema#integer")
DEFAULT = ox.DefaultGraph()
SAME = "<urn:s> <urn:p> <urn:o>"


def quads(number: int, graph: ox.NamedNode | ox.DefaultGraph, predicate: str = "urn:p") -> list[ox.Quad]:
    return [ox.Quad(ox.NamedNode(f"urn:s{n}"), ox.NamedNode(predicate), ox.Literal(n), graph) for n in range(number)]


def truth(path: Path) -> Shared:
    """Return what the graphs of a store share."""
    several = [
        quad.triple
        for quad, times in Counter(ox.Quad(*q.triple) for q in ox.Store.read_only(str(path))).items()
        if times > 1
    ]
    return NOTHING.with_more(
        {t.predicate.value for t in several if t.predicate.value != TYPE},
        {t.object.value for t in several if t.predicate.value == TYPE and isinstance(t.object, ox.NamedNode)},
    )


def settled(store: GraphStore, directory: DataDirectory) -> Shared:
    """Return what is known in the end."""
    until = time.monotonic() + 20
    while not store._engine.ask("settled"):
        assert time.monotonic() < until
        time.sleep(0.01)
    return read(directory.graph)


def untold(_: Change | None) -> None:
    """Have a change recorded."""


def terms(shared: Shared) -> set[str]:
    assert not shared.everything
    return {*shared.predicates, *shared.classes}


CHANGES: dict[str, Callable[[GraphStore], object]] = {
    "update": lambda store: store.update(f"INSERT DATA {{ GRAPH <urn:h> {{ {SAME} }} }}"),
    "recorded": lambda store: store.update(f"INSERT DATA {{ GRAPH <urn:h> {{ {SAME} }} }}", told=untold),
    "group": lambda store: store.update_all([(f"INSERT DATA {{ GRAPH <urn:h> {{ {SAME} }} }}", None)]),
    "default": lambda store: store.update(f"INSERT DATA {{ {SAME} }}"),
    "where": lambda store: store.update("INSERT { GRAPH <urn:h> { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }"),
    "copy": lambda store: store.update("COPY <urn:g> TO <urn:h>", told=untold),
    "add": lambda store: store.update("ADD <urn:g> TO DEFAULT"),
    "twice": lambda store: store.update(
        "INSERT DATA { GRAPH <urn:h> { <urn:x> <urn:p> 1 } } ; INSERT DATA { GRAPH <urn:g> { <urn:x> <urn:p> 1 } }"
    ),
    "at once": lambda store: store.add(
        [ox.Quad(ox.NamedNode("urn:x"), ox.NamedNode("urn:p"), ox.Literal(1), graph) for graph in (G, H)]
    ),
    "at once, by value": lambda store: store.add(
        [
            ox.Quad(ox.NamedNode("urn:x"), ox.NamedNode("urn:p"), ox.Literal(text, datatype=INTEGER), graph)
            for text, graph in (("1", G), ("01", H))
        ]
    ),
    "quads": lambda store: store.add(
        [ox.Quad(ox.NamedNode("urn:s"), ox.NamedNode("urn:p"), ox.NamedNode("urn:o"), H)]
    ),
    "graph": lambda store: store.replace(
        [ox.Quad(ox.NamedNode("urn:s"), ox.NamedNode("urn:p"), ox.NamedNode("urn:o"), H)], [H]
    ),
    "all": lambda store: store.replace_all([*quads(3, G), *quads(2, H)]),
    "applied": lambda store: store.apply(Change(added=f"{SAME} <urn:h> .\n", graphs=("urn:h",)), untold),
    "not understood": lambda store: store.update(
        "INSERT { GRAPH <urn:h> { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } FILTER(1<2&&3>2) }"
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("large", [False, True])
def test_each_way_to_write_tells_what_becomes_shared(
    change: Callable[[GraphStore], object], large: bool, directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:  # for these few quads
        monkeypatch.setattr(contents, "MOST_IN_TRANSACTION", 0)
    store = GraphStore(directory)
    store.add([ox.Quad(ox.NamedNode("urn:s"), ox.NamedNode("urn:p"), ox.NamedNode("urn:o"), G)])
    store.add(quads(2, G, "urn:q"))
    store.add(quads(2, ox.NamedNode("urn:i"), "urn:r"))
    assert terms(settled(store, directory)) == set()
    change(store)
    assert "urn:p" in terms(settled(store, directory))
    store.close()
    assert terms(read(directory.graph)) >= terms(truth(directory.graph)) >= {"urn:p"}


@pytest.mark.parametrize(("most", "kept"), [(0, 3), (2, 3), (1000, 3), (1000, 100)])
@pytest.mark.parametrize("seed", range(3))
def test_what_comes_bit_by_bit_is_found_however_much_is_known_of_its_predicate(
    most: int, kept: int, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homes, "_MOST", most)
    monkeypatch.setattr(homes, "_KEPT", kept)
    chance = random.Random(seed)
    store = ox.Store(str(tmp_path))
    sharing = Sharing(store, tmp_path)
    graphs: list[ox.NamedNode | ox.DefaultGraph] = [DEFAULT, G, H]
    objects: list[ox.NamedNode | ox.Literal] = [ox.NamedNode("urn:C"), ox.NamedNode("urn:D"), ox.Literal(1)]
    for _ in range(150):
        predicate = chance.choice(["urn:p", "urn:q", "urn:r", TYPE])
        quad = ox.Quad(
            ox.NamedNode(f"urn:s{chance.randrange(9)}"),
            ox.NamedNode(predicate),
            chance.choice(objects),
            chance.choice(graphs[: 1 + (predicate > "urn:p") + (predicate > "urn:q")]),
        )
        way = chance.choice(["lost", "forgotten", "removed", *["seen"] * 20])
        if way == "forgotten":
            sharing.forget()
        note = Note(sharing, store)
        if way == "lost":
            note.lose()
        else:
            note.see([quad])
        store.add(quad)
        sharing.written()
        if way == "removed":
            store.remove(quad)
        shared, several = sharing.shared, shared_by(store, 1000)
        assert shared.everything or terms(shared) >= terms(several)


def test_of_types_the_classes_are_known(store: GraphStore, directory: DataDirectory) -> None:
    store.update("INSERT DATA { GRAPH <urn:g> { <urn:s> a <urn:C>, <urn:D> } GRAPH <urn:h> { <urn:s> a <urn:C> } }")
    shared = settled(store, directory)
    assert terms(shared) == set(shared.classes) == {"urn:C"}
    assert not shared.has(TYPE, "urn:D")
    assert shared.has(TYPE)


def test_finding_out_what_a_graph_took_with_it_holds_up_no_writes(
    store: GraphStore, directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "FORGETTING_SECONDS", 0.0)
    store.add([*quads(300, G), *quads(300, H), *quads(300, DEFAULT)])
    assert terms(settled(store, directory)) == {"urn:p"}
    assert store.remove(H)
    store.update("INSERT DATA { <urn:a> <urn:b> <urn:c> }")
    assert (store.has_graph(H), len(store)) == (False, 601)
    assert terms(settled(store, directory)) == {"urn:p"}


def test_what_a_graph_takes_with_it_is_shared_no_more(store: GraphStore, directory: DataDirectory) -> None:
    store.add([*quads(2, G), *quads(2, H), *quads(2, G, "urn:q"), *quads(1, DEFAULT, "urn:q")])
    assert terms(settled(store, directory)) == {"urn:p", "urn:q"}
    store.remove(H)
    assert terms(settled(store, directory)) == {"urn:q"}


def test_more_than_is_recorded_is_compared(store: GraphStore, directory: DataDirectory) -> None:
    store.add(quads(MOST + 1, G))
    told = list[Change | None]()
    store.update("COPY <urn:g> TO <urn:h>", told=told.append)
    assert told == [None]
    assert terms(settled(store, directory)) == {"urn:p"}


def test_old_data_are_compared_when_they_are_opened(directory: DataDirectory) -> None:
    store = GraphStore(directory)
    store.add([*quads(2, G), *quads(1, H), *quads(1, H, TYPE), *quads(1, DEFAULT, TYPE), *quads(2, H, "urn:q")])
    store.close()
    (directory.graph / FILE).unlink()
    assert read(directory.graph).everything
    store = GraphStore(directory)
    assert terms(settled(store, directory)) == {"urn:p", ""}
    store.close()


@pytest.fixture
def readers(store: GraphStore) -> Iterator[ReaderPool]:
    pool = ReaderPool(store, size=1)
    yield pool
    pool.close()


def rows(readers: ReaderPool, text: str, **more: object) -> int:
    answer = readers.run(Query(text, "text/csv", **more), Limits()).read()  # type: ignore[arg-type] # of a query
    return len(answer.splitlines()) - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "7",
        "null",
        '{"predicates": [], "classes": [], "everything": false, "settled": 7}',
        '{"predicates": [], "classes": [], "everything": false, "settled": null}',
        '{"predicates": [], "classes": [], "everything": false, "unchecked": []}',
        '{"predicates": null, "classes": [], "everything": false, "settled": true}',
    ],
)
def test_a_file_that_is_something_else_says_nothing(directory: DataDirectory, text: str) -> None:
    with contextlib.closing(GraphStore(directory)) as store:
        store.add([*quads(3, G), *quads(3, H)])
    (directory.graph / FILE).write_text(text)
    with contextlib.closing(GraphStore(directory)) as store:
        assert terms(settled(store, directory)) == {"urn:p"}


def test_readers_see_one_triple(store: GraphStore, readers: ReaderPool) -> None:
    both = ("urn:g", "urn:h")
    asked = {"text": "SELECT ?s { ?s ?p ?o }"}
    store.update(f"INSERT DATA {{ GRAPH <urn:g> {{ {SAME} }} }}")
    assert rows(readers, **asked) == 1
    for graph in ("GRAPH <urn:h>", "GRAPH <urn:i>", ""):
        store.update(f"INSERT DATA {{ {graph} {{ {SAME} }} }}" if graph else f"INSERT DATA {{ {SAME} }}")
        assert rows(readers, **asked) == 1
    assert rows(readers, **asked, default_graphs=both) == 1
    assert rows(readers, "SELECT ?s FROM <urn:g> FROM <urn:h> { ?s ?p ?o }") == 1
    assert rows(readers, "SELECT ?g { GRAPH ?g { ?s ?p ?o } }") == 3
    assert rows(readers, "SELECT ?s { ?s ?p ?o }", union=False) == 1


@pytest.mark.parametrize(
    "text", ["DESCRIBE <urn:s>", "DESCRIBE ?s { ?s <urn:p> ?o }", "CONSTRUCT WHERE { ?s ?p ?o }"]
)
def test_triples_of_an_answer_are_given_once(store: GraphStore, readers: ReaderPool, text: str) -> None:
    for graph in ("urn:g", "urn:h"):
        store.update(f"INSERT DATA {{ GRAPH <{graph}> {{ {SAME} ; <urn:q> 1 . <urn:t> <urn:p> 1 }} }}")
    lines = readers.run(Query(text, "application/n-triples"), Limits()).read().splitlines()
    assert sorted(lines) == sorted({*lines})
    assert len(lines) == (2 if text == "DESCRIBE <urn:s>" else 3)


def test_what_two_snapshots_say_alike_is_remembered_as_one(tmp_path: Path) -> None:
    text = NOTHING.with_more({"urn:p"}, {"urn:C"}).document() | {"settled": True}
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / FILE).write_text(json.dumps(text))
    first, second = map(read, folders)
    assert first is second
    assert terms(first) == {"urn:p", "urn:C"}


def test_readers_see_that_large_graphs_have_been_compared(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MOST_IN_TRANSACTION", 10)
    store = GraphStore(directory)
    readers = ReaderPool(store, size=1)
    store.add([*quads(20, G), *quads(20, H, "urn:q")])
    store.replace(quads(20, H), [H])
    assert rows(readers, "SELECT ?s { ?s ?p ?o }") == 20
    until = time.monotonic() + 20
    while True:
        snapshot = store.take()
        known = read(snapshot.path)
        store.give_back(snapshot)
        if not known.everything:
            break
        assert time.monotonic() < until
        time.sleep(0.01)
    assert terms(known) == {"urn:p"}
    readers.close()
    store.close()


def test_updates_read_one_triple(store: GraphStore) -> None:
    store.update(f"INSERT DATA {{ GRAPH <urn:g> {{ {SAME} }} GRAPH <urn:h> {{ {SAME} }} {SAME} }}")
    made = "INSERT { GRAPH <urn:i> { [] <urn:saw> ?s } } WHERE { ?s <urn:p> ?o }"
    store.update(made, union=True)
    store.update(made.replace("urn:i", "urn:j").replace("WHERE", "USING <urn:g> USING <urn:h> WHERE"))
    assert store.size([ox.NamedNode("urn:i")], 9) == 1
    assert store.size([ox.NamedNode("urn:j")], 9) == 1


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_never_leaves_less_than_is_committed(seed: int, directory: DataDirectory) -> None:
    chance = random.Random(seed)
    store = GraphStore(directory)
    for number in range(15):
        predicate = f"urn:p{number}"
        text = f"INSERT DATA {{ GRAPH <urn:g> {{ <urn:s> <{predicate}> 1 }} }} ; " + chance.choice(
            [
                f"INSERT DATA {{ GRAPH <urn:h> {{ <urn:s> <{predicate}> 1 }} }}",
                "INSERT { GRAPH <urn:h> { ?s ?p ?o } } WHERE { GRAPH <urn:g> { ?s ?p ?o } }",
                "COPY <urn:g> TO <urn:h>",
            ]
        )
        pid = store._engine.pid
        if chance.random() < 0.7:
            threading.Timer(chance.random() * 0.01, kill, (pid,)).start()
        with contextlib.suppress(WriterCrashed):
            store.update(text, told=None if chance.random() < 0.5 else untold)
        with contextlib.suppress(WriterCrashed):
            store.add(quads(1, chance.choice([G, H]), predicate))
    store.close()
    known, true = read(directory.graph), truth(directory.graph)
    assert known.everything or terms(known) >= terms(true)


@pytest.mark.parametrize("most", [0, 9])
def test_the_default_graph_is_compared_with_others_if_it_holds_something(most: int) -> None:
    store = ox.Store()
    store.extend([*quads(1, DEFAULT), *quads(1, G)])
    assert shared_by(store, most).predicates == {"urn:p"}
    store.clear_graph(DEFAULT)
    assert not shared_by(store, most)
    store.extend(quads(1, H))
    assert shared_by(store, most).predicates == {"urn:p"}
