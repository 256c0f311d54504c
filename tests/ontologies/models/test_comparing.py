from __future__ import annotations

from pyoxigraph import BlankNode, Quad, RdfFormat

from ontologies.formats import read_quads
from ontologies.models.comparing import Difference, alike, difference
from tests.support.data import shared

OLD = "<urn:a> <urn:p> [ <urn:q> 1 ; <urn:r> [ <urn:s> 2 ] ] , [ <urn:q> 9 ] . <urn:a> <urn:l> 'A' ."


def compared(old: str, new: str) -> Difference:
    return difference(*(read_quads(text.encode(), RdfFormat.TURTLE) for text in (old, new)))


def test_labels_and_order_make_no_difference() -> None:
    shuffled = "_:x <urn:s> 2 . <urn:a> <urn:l> 'A' ; <urn:p> [ <urn:q> 9 ] , _:y . _:y <urn:r> _:x ; <urn:q> 1 ."
    assert not compared(OLD, shuffled)
    path = shared("brick/hhw/building_110_non-condensing_ad.ttl")
    assert not difference(*(read_quads(path, RdfFormat.TURTLE) for _ in range(2)))


def test_what_changed_is_told_and_nothing_else() -> None:
    found = compared(OLD, OLD.replace("'A'", "'B'") + " <urn:b> <urn:p> <urn:a> .")
    assert found.removed == ('<urn:a> <urn:l> "A" .',)
    assert found.added == ('<urn:a> <urn:l> "B" .', "<urn:b> <urn:p> <urn:a> .")


def test_a_change_in_a_blank_node_is_a_change_of_that_one_alone() -> None:
    found = compared(OLD, OLD.replace("9", "8"))
    assert len(found.added) == len(found.removed) == 2
    assert any('"8"' in line for line in found.added)


def test_a_ring_of_blank_nodes_ends() -> None:
    assert not compared("_:a <urn:p> _:b . _:b <urn:p> _:a .", "_:x <urn:p> _:y . _:y <urn:p> _:x .")
    assert compared("_:a <urn:p> _:b . _:b <urn:p> _:a .", "_:x <urn:p> _:y . _:y <urn:q> _:x .")


def test_blank_nodes_of_the_same_document_are_alike() -> None:
    """Also where the same is said of several: each time, labels and so any order are others."""
    repeating = f"""@prefix : <urn:> . :a :list ({"1 " * 30}) ; :b {"[ :c [ :d 1 ; :e [] ] ] , " * 4} [ :f 2 ] .
        _:r :next [ :next [ :next _:r ] ] ."""
    for _ in range(5):
        before, after = (list(read_quads(repeating.encode(), RdfFormat.TURTLE)) for _ in range(2))
        same = alike(before, after)
        nodes = {end for quad in after for end in (quad.subject, quad.object) if isinstance(end, BlankNode)}
        assert same.keys() == nodes
        assert len(set(same.values())) == len(nodes)
        taken = {Quad(same.get(q.subject, q.subject), q.predicate, same.get(q.object, q.object)) for q in after}  # type: ignore[arg-type]
        assert taken == set(before)
