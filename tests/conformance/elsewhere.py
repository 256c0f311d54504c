"""The other services of the tests with SERVICE and LOAD: real ones on loopback, in place of those that are named.

What a text asks that has no data in the manifest is where nobody answers. The IRIs are put back in what comes out, so
that a test compares what its files say.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin

import httpx2

from tests.conformance.cases import Sources
from tests.conformance.rdf import nquads_of
from tests.support.service import serving

HOST = "127.0.0.1"
N_QUADS = "application/n-quads"

_CALL = re.compile(r"(?P<before>\b(?:SERVICE|LOAD)\s+(?:SILENT\s+)?)<(?P<iri>[^>]*)>", re.IGNORECASE)


class Directions:
    """Where the IRIs of one test lead. Those in a text that are not listed lead to `nobody`."""

    def __init__(self, places: Mapping[str, str], nobody: str) -> None:
        self._places = places
        self._nobody = nobody

    def text(self, text: str, base: str) -> str:
        """Return a query or update with another IRI behind each SERVICE and LOAD of an http URL."""

        def led(found: re.Match[str]) -> str:
            iri = urljoin(base, found["iri"])
            return f"{found['before']}<{self._places.get(iri, self._nobody)}>" if iri.startswith("http") else found[0]

        return _CALL.sub(led, text)

    def there(self, content: bytes) -> bytes:
        """Return data with the IRIs that lead somewhere."""
        for iri, place in self._places.items():
            content = content.replace(iri.encode(), place.encode())
        return content

    def back(self, content: bytes) -> bytes:
        """Return an answer with the IRIs of the test."""
        for iri, place in self._places.items():
            content = content.replace(place.encode(), iri.encode())
        return content


class Elsewhere:
    """Services that are started when a test first needs them, each of which may ask the others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._urls: list[str] = []
        self._open = ExitStack()
        refusing = self._open.enter_context(socket.socket())  # bound, so that nobody else listens there
        refusing.bind((HOST, 0))
        self._nobody = f"http://{HOST}:{refusing.getsockname()[1]}/"

    def prepare(self, endpoints: tuple[tuple[str, Sources], ...]) -> Directions:
        """Load each endpoint's data into a service; returns how to get there."""
        places = {}
        for number, (iri, sources) in enumerate(endpoints):
            url = self._urls[number] if number < len(self._urls) else self._start()
            headers = {"content-type": N_QUADS}
            answer = httpx2.put(f"{url}/store", content=nquads_of(sources), headers=headers, timeout=60)
            assert answer.status_code == 204, answer.text
            places[iri] = f"{url}/query"
        return Directions(places, self._nobody)

    def _start(self) -> str:
        folder = self._folder / str(len(self._urls))
        settings = {"default_graph": "strict", "readers": 1, "outbound_hosts": HOST}
        self._urls.append(self._open.enter_context(serving(folder, **settings)).url)
        return self._urls[-1]

    def close(self) -> None:
        """End the services."""
        self._open.close()
