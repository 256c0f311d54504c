"""The application under test, as a client sees it over HTTP."""

from __future__ import annotations

from typing import Any

import pyoxigraph as ox
from httpx2 import Response
from starlette.testclient import TestClient

from tests.conformance.cases import Exchange, Sources
from tests.conformance.rdf import GraphName, document

AUTHORITY = "http://www.example"
"""Where the protocol's manifests have the service."""

N_QUADS = "application/n-quads"
_KIND = "urn:twinhouse:problem:"


class Service:
    """Loads data, asks and updates; remembers what is loaded, so that the same data are not loaded twice."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self._loaded: Sources | None = None

    def load(self, sources: Sources) -> None:
        """Make the dataset hold exactly these files, each read with its own URL as its base."""
        if sources == self._loaded:
            return
        body = ox.serialize(quads_of(sources), format=ox.RdfFormat.N_QUADS)
        answer = self.client.put("/store", content=body, headers={"content-type": N_QUADS})
        assert answer.status_code == 204, _shown(answer)
        self._loaded = sources

    def query(self, text: str, *, base: str, accept: str = "*/*") -> Response:
        """Ask for one media type, and get it or a problem."""
        return self._post("/query", "application/sparql-query", _with_base(text, base), accept)

    def update(self, text: str, *, base: str) -> Response:
        """Run an update."""
        self._loaded = None
        return self._post("/update", "application/sparql-update", _with_base(text, base), "*/*")

    def _post(self, path: str, media_type: str, body: str, accept: str) -> Response:
        headers = {"content-type": media_type, "accept": accept}
        return self.client.post(path, content=body.encode(), headers=headers)

    def dataset(self) -> list[ox.Quad]:
        """Return everything that is stored."""
        answer = self.client.get("/store", headers={"accept": N_QUADS})
        return list(ox.parse(must(answer).content, ox.RdfFormat.N_QUADS))

    def send(self, exchange: Exchange, path: str) -> Response:
        """Send a request as a manifest has it, to a path of ours."""
        self._loaded = None
        headers: dict[str, Any] = dict(exchange.headers)
        return self.client.request(exchange.method, path, content=exchange.body, headers=headers)


def _with_base(text: str, base: str) -> str:
    """Give a text its file's URL as base, without moving its lines."""
    return f"BASE <{base}> {text}"


def must(answer: Response) -> Response:
    """Return the answer of a request that must succeed."""
    assert answer.is_success, _shown(answer)
    return answer


def problem(answer: Response) -> str | None:
    """Return the kind of problem that an answer is; None for none."""
    if answer.is_success:
        return None
    return str(answer.json()["type"]).removeprefix(_KIND)


def media_type(answer: Response) -> str:
    """Return an answer's media type without parameters."""
    return str(answer.headers.get("content-type", "")).partition(";")[0]


def _shown(answer: Response) -> str:
    return f"{answer.status_code} {answer.text[:500]}"


def quads_of(sources: Sources) -> list[ox.Quad]:
    """Return the dataset that files make."""
    plain = [quad for file in sources.default for quad in document(file)]
    return plain + [quad for name, file in sources.named for quad in _within(ox.NamedNode(name), file)]


def _within(graph: GraphName, file: str) -> list[ox.Quad]:
    return [ox.Quad(quad.subject, quad.predicate, quad.object, graph) for quad in document(file)]
