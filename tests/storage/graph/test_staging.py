from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse

from storage.errors import DiskFailed
from storage.graph.staging import Staged

S, P, G = (NamedNode(f"urn:test:{name}") for name in "spg")


def some(count: int, graph: NamedNode | BlankNode | DefaultGraph = G) -> Iterator[Quad]:
    return (Quad(S, P, Literal(f"{number}\n"), graph) for number in range(count))


@pytest.mark.parametrize("parts", [(0,), (10,), (11,), (4, 5, 6), (5_000, 10_000)])
def test_few_quads_stay_in_memory_and_more_go_into_a_file(tmp_path: Path, parts: tuple[int, ...]) -> None:
    with Staged(tmp_path / "loading", 10) as staged:
        for part in parts:
            staged.extend(some(part))
        assert staged.count == sum(parts)
        expected = [quad for part in parts for quad in some(part)]
        assert staged.quads() == (expected if staged.count <= 10 else None)
        assert list(parse(path=staged.path(), format=RdfFormat.N_QUADS)) == expected
        assert staged.quads() is None
    assert list((tmp_path / "loading").iterdir()) == []
    staged.close()


def test_graphs_are_counted_and_quads_pass(tmp_path: Path) -> None:
    node = BlankNode("b")
    with Staged(tmp_path, 10) as staged:
        assert list(staged.passing(some(9))) == list(some(9))
        assert list(staged.passing(some(9, node))) == list(some(9, node))
        staged.extend(some(1, DefaultGraph()))
        assert staged.graphs == {G, node, DefaultGraph()}


def test_what_another_process_appends_comes_between(tmp_path: Path) -> None:
    with Staged(tmp_path, 10) as staged:
        staged.extend(some(1))
        path = staged.path()
        with Staged.onto(path) as other:
            other.extend(some(2, S))
            assert other.count == 2
        assert path.exists()
        staged.extend(some(3))
        found = list(parse(path=staged.path(), format=RdfFormat.N_QUADS))
    assert [quad.graph_name for quad in found] == [G, S, S, G, G, G]


def test_a_document_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    def breaking() -> Iterator[Quad]:
        yield from some(20_000)
        raise RuntimeError("the document is broken")

    with pytest.raises(RuntimeError, match="broken"), Staged(tmp_path, 10) as staged:
        staged.extend(breaking())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_to_be_one() -> None:
    with pytest.raises(DiskFailed, match="No space left"), Staged.onto(Path("/dev/full")) as staged:
        staged.extend(some(10_000))
