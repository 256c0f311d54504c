from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    Store,
    Triple,
    parse,
    serialize,
)

from storage.errors import DiskFailed
from storage.graph import blank_nodes
from storage.graph.bulk import Lines, load_lines, make_store

DOCUMENT = "".join(
    [
        "# a comment with _:b in it\n\n",
        *(f'<urn:s:{n}> <urn:p> "{n} \\" # \\n" <urn:g:{n % 3}> .\n' for n in range(200)),
        "_:shared <urn:p> <urn:first> .\r\n",
        *(f"<urn:s:{n}> <urn:p> <urn:o:{n}>  .   # a comment\n" for n in range(200)),
        '<urn:s> <urn:p> "a literal with _:b in it" .\n\n',
        "\t<urn:s> <urn:p> <<( <urn:s> <urn:p> _:shared )>> .\n",
        *(f'<urn:s:{n}> <urn:p> "{n}"@de _:g .\n' for n in range(100)),
        "_:shared <urn:p> <urn:last> .",
    ]
).encode()


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A document that is read in some pieces."""
    monkeypatch.setattr("storage.graph.bulk._STEP", 100)
    monkeypatch.setattr("storage.graph.bulk._PIECE", len(DOCUMENT) // 5)
    path = tmp_path / "document"
    path.write_bytes(DOCUMENT)
    return path


def never() -> Iterator[Quad]:
    raise AssertionError("the lines are enough")


def test_lines_are_loaded_as_they_are_whatever_the_pieces(document: Path, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    assert load_lines(store, Lines(document, RdfFormat.N_QUADS), tmp_path) == 504
    assert set(store) == set(parse(DOCUMENT, RdfFormat.N_QUADS))
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("document", "store")] == []


def test_a_store_is_made_of_lines_with_other_blank_nodes(document: Path, tmp_path: Path) -> None:
    count, graphs = make_store(tmp_path / "store", Lines(document, RdfFormat.N_QUADS), never)
    store = Store.read_only(str(tmp_path / "store"))
    assert count == len(store) == 504
    named = {graph for graph in graphs if isinstance(graph, NamedNode)}
    [unnamed] = [graph for graph in graphs if isinstance(graph, BlankNode)]
    assert (named, DefaultGraph() in graphs) == ({NamedNode(f"urn:g:{n}") for n in range(3)}, True)
    assert len(list(store.quads_for_pattern(None, None, None, unnamed))) == 100
    [first], [last] = (
        [quad.subject for quad in store.quads_for_pattern(None, None, NamedNode(f"urn:{name}"), None)]
        for name in ("first", "last")
    )
    assert first == last != BlankNode("shared")


def with_error(line: bytes) -> bytes:
    return DOCUMENT + b"\n" + line


@pytest.mark.parametrize(
    "broken",
    [
        with_error(b"<urn:s> <urn:p> ."),
        with_error(b"<urn:s> <urn:p> _:"),
        with_error(b'<urn:s> <urn:p> "\xff" .'),
        with_error(b"<urn:s> <urn:p> 'a\nb' ."),
    ],
)
def test_of_lines_with_an_error_the_quads_tell_its_place(document: Path, tmp_path: Path, broken: bytes) -> None:
    document.write_bytes(broken)
    with pytest.raises(SyntaxError) as found:
        make_store(tmp_path / "store", Lines(document, RdfFormat.N_QUADS), quads_of(document))
    assert found.value.lineno == DOCUMENT.count(b"\n") + 2


def quads_of(path: Path) -> Callable[[], Iterator[Quad]]:
    return lambda: parse(path=path, format=RdfFormat.N_QUADS)


def test_a_line_that_is_longer_than_any_piece_is_loaded_as_well(document: Path, tmp_path: Path) -> None:
    long = b'<urn:s> <urn:p> "' + b"x" * 300 + b'" .\n'
    document.write_bytes(DOCUMENT + b"\n" + long)
    count, _ = make_store(tmp_path / "store", Lines(document, RdfFormat.N_QUADS), quads_of(document))
    assert count == len(Store.read_only(str(tmp_path / "store"))) == 505


def test_what_is_not_in_lines_is_made_of_its_quads(tmp_path: Path) -> None:
    quads = list(parse(DOCUMENT, RdfFormat.N_QUADS))
    assert make_store(tmp_path / "store", None, lambda: iter(quads))[0] == 504
    assert set(Store.read_only(str(tmp_path / "store"))) == set(quads)


def test_a_store_that_cannot_be_written_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("no folder")
    with pytest.raises(DiskFailed, match="could not be written"):
        make_store(tmp_path / "store", None, never)


NODES = st.sampled_from([BlankNode(label) for label in ("a", "a.b", "b", "c", "d\u00e9", "e-1")])
TERMS = st.one_of(NODES, st.sampled_from([NamedNode("urn:o"), Literal("_:a, _:b"), Literal("")]))
TRIPLES = st.builds(Triple, NODES, st.just(NamedNode("urn:p")), NODES)
LINKED = st.builds(
    Quad,
    st.one_of(NODES, st.just(NamedNode("urn:s"))),
    st.sampled_from([NamedNode("urn:p"), NamedNode("urn:q")]),
    st.one_of(TERMS, TERMS, TERMS, TRIPLES),
    st.one_of(st.just(DefaultGraph()), st.just(NamedNode("urn:g")), st.just(NamedNode("urn:g")), NODES),
)


@given(
    st.lists(LINKED, max_size=12), st.sampled_from([60, 1 << 20]), st.sampled_from([200, 1 << 20]), st.integers(0, 3)
)
@settings(deadline=None)
def test_blank_nodes_are_the_same_in_whatever_parts(quads: list[Quad], enough: int, most: int, linked: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(blank_nodes, "_ENOUGH", enough)
        patch.setattr(blank_nodes, "_FILE", enough)
        patch.setattr(blank_nodes, "_MOST", most)
        patch.setattr(blank_nodes, "_MOST_LINKED", linked)
        document = Path(folder) / "document"
        serialize(quads, str(document), RdfFormat.N_QUADS)
        store = Store()
        load_lines(store, Lines(document, RdfFormat.N_QUADS), Path(folder), rename=True)
        made, expected = Dataset(store), Dataset(quads)
    for dataset in (made, expected):
        dataset.canonicalize(CanonicalizationAlgorithm.UNSTABLE)
    assert made == expected
