"""LOAD through the whole server: the engine, the gateway, and other servers on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable
from tempfile import TemporaryFile
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from server.outbound.budget import Budget
from server.outbound.documents import write_ntriples
from server.outbound.fetch import Answer
from server.outbound.urls import parse_url
from storage.children import Children
from storage.errors import OutboundFailed
from tests.server.outbound.asking import ask, everything, problem, update
from tests.support.peer import Peer, Reply, endless, moved, reply, typed

TURTLE = b"@prefix : <http://e/> . <> :p <#x>, <y>, _:b, '\xc3\xa9' . _:b :q 1 ."
RDF_XML = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://e/">
<rdf:Description rdf:about=""><p rdf:resource="#x"/></rdf:Description></rdf:RDF>"""


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/d", "text/turtle; charset=utf-8", b"<> <http://e/p> <#x> ."),
        ("/d.ttl", "text/plain", b"<> <http://e/p> <#x> ."),
        ("/d.ttl?raw", "application/octet-stream", b"<> <http://e/p> <#x> ."),
        ("/d", "application/rdf+xml", RDF_XML),
        ("/d.rdf", "text/xml", RDF_XML),
        ("/d", "application/ld+json", b'{"@id": "", "http://e/p": {"@id": "#x"}}'),
    ],
)
def test_a_document_is_loaded(twin: TestClient, peer: Peer, path: str, media_type: str, body: bytes) -> None:
    """Relative IRIs are those of the document, wherever the engine got it from."""
    peer.replies[path] = typed(media_type, body)
    url = f"{peer.url}{path[1:]}"
    assert update(twin, f"LOAD <{url}>").status_code == 204
    assert everything(twin) == [f"<{url}> <http://e/p> <{url}#x> ."]
    assert (peer.asked[0].method, "text/turtle" in peer.asked[0].headers["accept"]) == ("GET", True)


def test_a_document_after_a_redirect_is_where_it_lies(twin: TestClient, peer: Peer) -> None:
    """RFC 3986, section 5.1.3."""
    peer.replies |= {"/id": moved("/docs/d.ttl", 303), "/docs/d.ttl": typed("text/turtle", b"<> <http://e/p> <z> .")}
    assert update(twin, f"LOAD <{peer.url}id> INTO GRAPH <urn:g>").status_code == 204
    assert everything(twin) == [f"<{peer.url}docs/d.ttl> <http://e/p> <{peer.url}docs/z> <urn:g> ."]


def test_blank_nodes_of_two_documents_never_meet(twin: TestClient, peer: Peer) -> None:
    peer.replies["/"] = typed("text/turtle", TURTLE)
    load = f"LOAD <{peer.url}>"
    assert update(twin, f"{load} ; {load} ; {load} INTO GRAPH <urn:g>").status_code == 204
    assert len(everything(twin)) == 3 + 2 * 2 + 5
    found = ask(twin, "SELECT DISTINCT ?b { ?s ?p ?b FILTER(isBlank(?b)) }").json()["results"]["bindings"]
    assert len(found) == 3


def test_operations_see_what_was_loaded_before_them(twin: TestClient, peer: Peer) -> None:
    peer.replies["/"] = typed("text/turtle", b"<urn:a> <urn:p> <urn:b> .")
    rest = "INSERT { ?o <urn:q> ?s } WHERE { ?s <urn:p> ?o } ; DELETE WHERE { ?s <urn:p> ?o }"
    assert update(twin, f"BASE <{peer.url}> LOAD SILENT <> ; {rest}").status_code == 204
    assert everything(twin) == ["<urn:b> <urn:q> <urn:a> ."]


NO_DOCUMENTS: list[tuple[Callable[[str], Reply], str]] = [
    (lambda _: reply(404), "answered 404"),
    (lambda _: typed("text/html", b"<html>"), "is text/html, which is no RDF"),
    (lambda _: reply(200, {}, b"<urn:a> <urn:b> <urn:c> ."), "of no Content-Type"),
    (lambda _: typed("text/turtle", b"<urn:a> <urn:b> <urn:c> . <urn:d"), "cannot be read"),
    (lambda _: typed("text/turtle", b"<urn:a> <urn:b> <urn:c> .\n<urn:d> <urn:e> <urn:f> .", cut=26), "left before"),
    (lambda _: typed("application/trig", b"<urn:g> { <urn:a> <urn:b> <urn:c> }"), "named graphs"),
    (lambda _: endless("text/turtle", b"<urn:a> <urn:b> <urn:c> .\n" * 1000), "more bytes"),
    (
        lambda _: typed("text/turtle", b"@prefix : <urn:%b> ." % (b"x" * 9000) + b":a :a :a, :b .\n" * 99),
        "more bytes",
    ),
    (lambda _: typed("application/ld+json", b'{"@context": "/c", "@id": "urn:a", "p": 1}'), "cannot be read"),
    (lambda url: typed("application/ld+json", f'{{"@context": "{url}", "@id": "urn:a"}}'.encode()), "cannot be read"),
]


@pytest.mark.parametrize(("answer", "said"), NO_DOCUMENTS)
def test_a_document_that_cannot_be_had_changes_nothing(
    twin: TestClient, peer: Peer, stranger: Peer, answer: Callable[[str], Reply], said: str
) -> None:
    peer.replies["/"] = answer(stranger.url)
    before = "INSERT DATA { <urn:a> <urn:b> 1 } ;"
    status, detail = problem(update(twin, f"{before} LOAD <{peer.url}> INTO GRAPH <urn:g>"))
    assert (status, detail.startswith(f"LOAD <{peer.url}> failed: "), said in detail) == (502, True, True), detail
    assert everything(twin) == []
    assert update(twin, f"{before} LOAD SILENT <{peer.url}> INTO GRAPH <urn:g>").status_code == 204
    assert len(everything(twin)) == 1
    assert set(peer.paths()) == {"/"}


def test_other_updates_go_on_while_a_document_is_fetched(twin: TestClient, peer: Peer) -> None:
    release = threading.Event()
    begun = threading.Event()

    def slow(asked: Any, out: Any) -> None:  # noqa: ANN401 - a Reply
        begun.set()
        assert release.wait(20)
        typed("text/turtle", b"<urn:a> <urn:b> <urn:late> .")(asked, out)

    peer.replies["/"] = slow
    answers: list[Response] = []
    loading = threading.Thread(target=lambda: answers.append(update(twin, f"LOAD <{peer.url}>")))
    loading.start()
    assert begun.wait(20)
    assert update(twin, "INSERT DATA { <urn:a> <urn:b> <urn:early> }").status_code == 204
    assert len(everything(twin)) == 1
    release.set()
    loading.join()
    assert answers[0].status_code == 204
    assert len(everything(twin)) == 2


def test_what_has_entities_is_loaded(twin: TestClient, peer: Peer) -> None:
    """A process of its own reads it."""
    document = b'<!DOCTYPE rdf [<!ENTITY e "http://e/">]>' + RDF_XML.replace(b'"#x"', b'"&e;x"')
    peer.replies["/"] = typed("application/rdf+xml", document)
    assert update(twin, f"LOAD <{peer.url}>").status_code == 204
    assert everything(twin) == [f"<{peer.url}> <http://e/p> <http://e/x> ."]


def test_what_takes_too_much_memory_to_read_fails(twin: TestClient, peer: Peer) -> None:
    """That memory is not the server's own."""
    entities = "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
    bomb = f'<!DOCTYPE rdf [<!ENTITY a "aaaaaaaaaa">{entities}]>'.encode() + RDF_XML.replace(b'"#x"', b'"&m;"')
    peer.replies["/"] = typed("application/rdf+xml", bomb)
    status, detail = problem(update(twin, f"LOAD <{peer.url}>"))
    assert (status, "1,024 MiB of memory" in detail) == (502, True), detail
    assert everything(twin) == []


DEEP = 200_000
PLAIN = b"<urn:a:s> <urn:a:p> 1 .\n" * 20_000
TERMS = b"<urn:a:s> <urn:a:p> " + b"<<(<a:><a:>" * DEEP + b"1" + b")>>" * DEEP + b" ."
NODES = b'[{"@id": "urn:a:s", "urn:a:p": "%s"},' + b'{"a:":' * DEEP + b"1" + b"}" * DEEP + b"]"


@pytest.mark.parametrize(
    ("media_type", "document", "said"),
    [
        ("text/turtle", PLAIN + TERMS, "too deep in each other"),
        ("application/ld+json", NODES % (b"x" * len(PLAIN)), "Max stack size"),
    ],
)
def test_what_is_deep_behind_its_beginning_is_read_apart(media_type: str, document: bytes, said: str) -> None:
    with pytest.raises(OutboundFailed, match=said):
        read(media_type, document, Budget(20.0, 1 << 30))


def test_reading_a_document_takes_no_longer_than_the_query_may() -> None:
    document = b'[{"@id": "urn:a:s"}, ' + b'{"urn:a:p":' * 40_000 + b"1" + b"}" * 40_000 + b"]"
    with pytest.raises(OutboundFailed, match=r"no answer within 0\.5 s"):
        read("application/ld+json", document, Budget(0.5, 1 << 30))


def read(media_type: str, document: bytes, budget: Budget) -> None:
    with TemporaryFile() as body, TemporaryFile() as target:
        body.write(document)
        body.seek(0)
        write_ntriples(Answer(parse_url("http://peer.example/"), media_type, body), target, budget, Children())
