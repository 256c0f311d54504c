"""The application under test, as a client sees it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from httpx2 import Response
from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings
from tests.conformance.cases import Exchange, Sources
from tests.conformance.elsewhere import HOST, N_QUADS, Elsewhere
from tests.conformance.rdf import nquads_of

AUTHORITY = "http://www.example"
"""Where the protocol's manifests have the service."""

_KIND = "urn:twinhouse:problem:"


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Service]:  # noqa: ANN401 - of many types
    """Serve the real application in a folder; its default graph is the plain one, as the suites have it."""
    chosen = Settings(
        data=folder / "data",
        default_graph="strict",
        readers=1,
        allowed_hosts="*",
        outbound_hosts=HOST,
        **settings,
    )
    with (
        closing(Elsewhere(folder)) as elsewhere,
        TestClient(create_app(chosen), base_url=AUTHORITY, raise_server_exceptions=False) as client,
    ):
        yield Service(client, elsewhere)


class Service:
    """Loads data, asks and updates; remembers what is loaded, so that the same data are not loaded twice."""

    def __init__(self, client: TestClient, elsewhere: Elsewhere) -> None:
        self.client = client
        self._elsewhere = elsewhere
        self._directions = elsewhere.prepare(())
        self._loaded: Sources | None = None

    def load(self, sources: Sources, endpoints: tuple[tuple[str, Sources], ...] = ()) -> None:
        """Make the dataset hold exactly these files, each read with its own URL as its base."""
        self._directions = self._elsewhere.prepare(endpoints)
        if sources == self._loaded:
            return
        body = self._directions.there(nquads_of(sources))
        answer = self.client.put("/store", content=body, headers={"content-type": N_QUADS})
        assert answer.status_code == 204, _shown(answer)
        self._loaded = None if endpoints else sources

    def query(self, text: str, *, base: str, accept: str = "*/*") -> Response:
        """Ask for one media type, and get it or a problem."""
        answer = self._post("/query", "application/sparql-query", self._text(text, base), accept)
        headers = {"content-type": answer.headers["content-type"]}
        return Response(answer.status_code, headers=headers, content=self._directions.back(answer.content))

    def update(self, text: str, *, base: str) -> Response:
        """Run an update."""
        self._loaded = None
        return self._post("/update", "application/sparql-update", self._text(text, base), "*/*")

    def _text(self, text: str, base: str) -> str:
        """Give a text its file's URL as base, without moving its lines, and lead it to the services of the test."""
        return f"BASE <{base}> {self._directions.text(text, base)}"

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
