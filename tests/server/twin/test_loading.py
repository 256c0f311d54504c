from __future__ import annotations

import io
import os
import signal
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO
from uuid import UUID

import openpyxl
import pytest
from pyoxigraph import BlankNode, DefaultGraph, NamedNode, RdfFormat, Store

from ontologies.errors import FormatError
from ontologies.point_map import PointMap
from server.errors import Problem, problem_of
from server.twin.loading import Document, load_model, stage
from server.twin.models import Model
from storage.errors import DeadlineExceeded, MemoryLimitExceeded
from storage.files import DataDirectory
from storage.graph.store import GraphStore
from tests.server.building import MODEL, SITE, ZONE_1

G = NamedNode("urn:test:g")
OPEN: list[IO[bytes]] = []
TRIG = b"<urn:a:s> <urn:a:p> _:b . <urn:g:1> { _:b <urn:a:p> 1 } _:g { <urn:a:s> <urn:a:p> 2 }"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    directory = DataDirectory(tmp_path / "data")
    opened = GraphStore(directory)
    yield opened
    opened.close()
    directory.close()


@pytest.fixture(params=["here", "apart"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read documents in this process, or all of them in one of their own."""
    if request.param == "apart":
        monkeypatch.setattr("server.twin.loading.LARGE", -1)
    return str(request.param)


def spooled(document: bytes) -> IO[bytes]:
    """Return a document as it comes from a client."""
    file = tempfile.SpooledTemporaryFile(1 << 20)  # noqa: SIM115 - see _closing
    OPEN.append(file)
    file.write(document)
    file.seek(0)
    return file


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


def content(store: GraphStore) -> Store:
    snapshot = store.take()
    found = Store.read_only(str(snapshot.path))
    store.give_back(snapshot)
    return found


def problem(error: Exception) -> dict[str, object]:
    found = problem_of(error)
    assert found is not None
    return found.document()


@pytest.mark.usefixtures("way")
def test_a_model_is_loaded_with_its_references_and_a_report(store: GraphStore) -> None:
    point_map = PointMap({f"{SITE}zone1": UUID(ZONE_1[:-1] + "9"), "urn:no:point": UUID(int=7)})
    model = Model(spooled(MODEL), "site.ttl", map=point_map)
    report = load_model(store, model)
    assert (report.graphs, report.points, report.references) == (("urn:twinhouse:model:site",), 5, 1)
    assert len(store) == report.triples + 4
    assert [warning for warning in report.warnings if "urn:no:point" in warning]
    assert load_model(store, replace(model, document=spooled(MODEL))) == report
    assert len(store) == report.triples + 4


def test_both_ways_report_the_same(store: GraphStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"<urn:a b> <https://brickschema.org/schema/1.1/Brick#uuid> '7-7' . <urn:a:c> <urn:p> <urn:a b> ."
    file = tmp_path / "odd.ttl"
    file.write_bytes(text)
    reports = []
    for large in (1 << 20, -1):
        monkeypatch.setattr("server.twin.loading.LARGE", large)
        reports.append(load_model(store, Model(file, "odd.ttl", lenient=True)))
    assert reports[0] == reports[1]
    assert reports[0].repaired_iris == 2


@pytest.mark.usefixtures("way")
def test_a_document_keeps_its_graphs_and_its_blank_nodes(store: GraphStore) -> None:
    with store.staged() as staged:
        stage(staged, Document(spooled(TRIG), RdfFormat.TRIG, DefaultGraph()))
        stage(staged, Document(spooled(b"_:b <urn:a:p> 3 ."), RdfFormat.TURTLE, G))
        assert staged.count == 4
        assert {DefaultGraph(), NamedNode("urn:g:1"), G} < staged.graphs
        assert len([graph for graph in staged.graphs if isinstance(graph, BlankNode)]) == 1
        store.replace_all(staged)
    found = content(store)
    [shared] = {quad.object for quad in found.quads_for_pattern(None, None, None, DefaultGraph())}
    assert [quad.subject for quad in found.quads_for_pattern(None, None, None, NamedNode("urn:g:1"))] == [shared]
    assert [quad.subject for quad in found.quads_for_pattern(None, None, None, G)] != [shared]


def test_an_error_on_the_last_line_has_its_place_and_changes_nothing(store: GraphStore, way: str) -> None:
    store.update("INSERT DATA { <urn:s> <urn:p> 1 }")
    text = (
        b"".join(b"<urn:a:%d> <urn:a:p> 1 .\n" % number for number in range(30_000)) + b"<urn:a:s> <urn:a:p> oops .\n"
    )
    with pytest.raises((FormatError, Problem)) as raised:
        load_model(store, Model(spooled(text), "broken.ttl"))
    document = problem(raised.value)
    assert (document["type"], document["status"]) == ("urn:twinhouse:problem:bad-model", 400)
    assert (document["line"], document["column"]) == (30_001, 21)
    assert isinstance(raised.value, FormatError) == (way == "here")
    assert len(store) == 1
    assert list(store._contents._folder.iterdir()) == []


@pytest.mark.usefixtures("way")
def test_a_graph_of_a_model_has_an_iri(store: GraphStore) -> None:
    with pytest.raises(Problem, match="named by a blank node"):
        load_model(store, Model(spooled(TRIG), "odd.trig"))


def test_a_document_that_needs_too_much_memory_is_refused(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("server.twin.loading.LARGE", -1)
    monkeypatch.setattr("server.twin.loading.MEMORY", 130 << 20)
    file = tmp_path / "large.ttl"
    file.write_bytes(
        b"<urn:a:s> <urn:a:p> '%b' ." % (b"x" * (15 << 20))
    )  # a longer literal is none that the engine reads
    with pytest.raises(MemoryLimitExceeded, match="130 MiB"):
        load_model(store, Model(file, "large.ttl"))
    assert len(store) == 0


@pytest.mark.parametrize("character", [b"x", b"\n"])
@pytest.mark.parametrize("others", [0, 1])
def test_a_literal_that_the_engine_reads_is_loaded(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, others: int, character: bytes
) -> None:
    """However long it is as N-Quads, where a line's end takes two bytes, and as a line."""
    monkeypatch.setattr("server.twin.loading.LARGE", -1)
    store.update("".join(f"INSERT DATA {{ <urn:s> <urn:p> {number} }}" for number in range(others)))
    load_model(store, Model(spooled(b"<urn:a:s> <urn:a:p> '''%b''' ." % (character * (15 << 20))), "long.ttl"))
    assert len(store) == others + 1


def children(module: str) -> Iterator[int]:
    """Yield the processes that run a module for us."""
    for task in Path("/proc/self/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            try:
                if module.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                    yield child
            except FileNotFoundError:
                continue


def test_a_process_that_dies_while_it_reads_changes_nothing(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.twin.loading.LARGE", -1)
    text = b"".join(b"<urn:a:%d> <urn:a:p> 1 .\n" % number for number in range(300_000))
    with ThreadPoolExecutor() as threads:
        running = threads.submit(load_model, store, Model(spooled(text), "long.ttl"))
        while (found := next(children("server.twin.loading"), None)) is None:
            os.sched_yield()
        os.kill(found, signal.SIGTERM)
        with pytest.raises(Problem, match="ended with status -15"):
            running.result(60)
    assert len(store) == 0


def test_a_small_workbook_that_unpacks_to_much_is_read_apart(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = openpyxl.Workbook()
    book.active.append(["name", "unit"])  # type: ignore[union-attr] # it has a sheet
    book.active.append(["x" * 32_000, "y"])  # type: ignore[union-attr] # as above
    file = io.BytesIO()
    book.save(file)
    bomb = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content.replace(b"x" * 32_000, b"x" * (300 << 20))
            new.writestr(name, content)
    assert len(bomb.getvalue()) < 400_000
    monkeypatch.setattr("server.twin.loading.MEMORY", 256 << 20)
    with pytest.raises(MemoryLimitExceeded):
        load_model(store, Model(spooled(bomb.getvalue()), "points.xlsx"))
    assert len(store) == 0


DEEP = {
    RdfFormat.JSON_LD: b'{"@id":"urn:a:s","urn:a:p":' * 6000 + b"1" + b"}" * 6000,
    RdfFormat.TURTLE: b"<urn:a:s> <urn:a:p> "
    + b"<<( <urn:a:s> <urn:a:p> " * 40_000
    + b"1"
    + b" )>>" * 40_000
    + b" .",
}
ENTITIES = "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
BOMB = f"""<!DOCTYPE rdf [<!ENTITY a "aaaaaaaaaa">{ENTITIES}]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:a="urn:a:">
<a:s rdf:about="urn:a:s"><a:p>&m;</a:p></a:s></rdf:RDF>"""


@pytest.mark.parametrize("fmt", DEEP, ids=str)
def test_a_document_that_is_too_deep_ends_the_process_that_reads_it_alone(store: GraphStore, fmt: RdfFormat) -> None:
    with store.staged() as staged, pytest.raises(MemoryLimitExceeded, match="too deep in each other"):
        stage(staged, Document(spooled(DEEP[fmt]), fmt, G))
    with pytest.raises(MemoryLimitExceeded):
        load_model(store, Model(spooled(DEEP[fmt]), "deep", fmt.media_type if fmt != RdfFormat.JSON_LD else "jsonld"))
    assert len(store) == 0


def test_entities_that_unfold_without_end_are_refused(store: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.twin.loading.MEMORY", 256 << 20)
    with store.staged() as staged, pytest.raises(MemoryLimitExceeded):
        stage(staged, Document(spooled(BOMB.encode()), RdfFormat.RDF_XML, G))
    with pytest.raises(MemoryLimitExceeded):
        load_model(store, Model(spooled(BOMB.encode()), "bomb.rdf"))
    assert len(store) == 0


def test_a_document_whose_reading_takes_too_long_is_given_up(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.twin.loading.LARGE", -1)
    monkeypatch.setattr("server.twin.loading.SECONDS", 0.1)  # which a process takes to begin
    with store.staged() as staged, pytest.raises(DeadlineExceeded, match="took more than 0 s"):
        stage(staged, Document(spooled(b"<urn:a:s> <urn:a:p> 1 ."), RdfFormat.TURTLE, G))
