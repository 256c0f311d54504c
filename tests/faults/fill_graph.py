"""Fills a small disk, and asks and updates the graph while it is full, and again once there is room.

It runs in a mount namespace of its own, with the directory an empty tmpfs.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings
from tests.faults.fill_series import full

COUNT = "SELECT (COUNT(*) AS ?n) { ?s <urn:p> ?o }"
SERIES = "b0000000-0000-4000-8000-000000000001"
REFERENCE = f'[ a ref:TimeseriesReference ; ref:hasTimeseriesId "{SERIES}" ]'
POINT = f"""PREFIX ref: <https://brickschema.org/schema/Brick/ref#>
INSERT DATA {{ <urn:point> ref:hasExternalReference {REFERENCE} }}"""
SOSA = "PREFIX sosa: <http://www.w3.org/ns/sosa/>"
OVER_READINGS = f"{SOSA} SELECT ?v {{ ?o sosa:madeBySensor <urn:point> ; sosa:hasSimpleResult ?v }}"
EACH = 500  # triples of an update


@contextmanager
def serving(root: Path) -> Iterator[TestClient]:
    settings = Settings(data=root / "data", readers=2, allowed_hosts="testserver", changes="none")
    with TestClient(create_app(settings)) as client:
        yield client


def counted(client: TestClient) -> int:
    """Return how many triples a query finds, after making sure that all forms of answers say the same."""
    numbers = {form: _number(client, form, read) for form, read in _READERS.items()}
    assert len(set(numbers.values())) == 1, numbers
    return numbers["csv"]


def _number(client: TestClient, form: str, read: Callable[[bytes], int]) -> int:
    answer = client.get("/query", params={"query": COUNT, "format": form})
    assert answer.status_code == 200, (form, answer.text)
    return read(answer.content)


_READERS: dict[str, Callable[[bytes], int]] = {
    "csv": lambda body: int(body.split()[1]),
    "arrow": lambda body: pa.ipc.open_stream(body).read_all()["n"][0].as_py(),
    "parquet": lambda body: pq.read_table(io.BytesIO(body))["n"][0].as_py(),
}


def update(client: TestClient, number: int) -> int:
    """Add triples; returns the status."""
    triples = " ".join(f"<urn:{number}:{n}> <urn:p> {n} ." for n in range(EACH))
    answer = client.post("/update", data={"update": f"INSERT DATA {{ {triples} }}"})
    if answer.status_code != 204:
        assert (answer.status_code, answer.json()["type"]) == (507, "urn:twinhouse:problem:disk-failed"), answer.text
        assert "make room" in answer.json()["hint"]
    return answer.status_code


def is_answered(client: TestClient, acknowledged: int) -> None:
    """Raise unless all that was acknowledged is found, and nothing else."""
    assert counted(client) == acknowledged * EACH
    answer = client.get("/query", params={"query": OVER_READINGS, "format": "csv"})
    assert (answer.status_code, answer.text.split()) == (200, ["v", "21.5"]), answer.text
    answer = client.get("/readings", params={"query": "SELECT ?point { ?point ?p ?o }", "format": "csv"})
    assert (answer.status_code, "21.5" in answer.text) == (200, True), answer.text


def is_too_large(client: TestClient) -> None:
    """Raise unless an answer that has to be kept on disk says so."""
    answer = client.get(
        "/query", params={"query": "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 1000000", "format": "arrow"}
    )
    assert (answer.status_code, "becomes a table, cannot be kept on disk" in answer.json()["detail"]) == (507, True)


def main(root: Path) -> None:
    ballast, rest = root / "ballast", root / "rest"
    ballast.write_bytes(b"\0" * (56 << 20))
    with serving(root) as client:
        assert client.post("/update", data={"update": POINT}).status_code == 204
        reading = {"id": SERIES, "time": "2026-01-01T00:00:00Z", "value": 21.5}
        assert client.post("/readings", json=[reading]).status_code == 200
        acknowledged = 0
        while update(client, acknowledged) == 204:
            acknowledged += 1
        is_answered(client, acknowledged)
        with full(rest):
            for _ in range(3):
                assert update(client, -1) == 507
                is_answered(client, acknowledged)
            is_too_large(client)
        ballast.unlink()
        assert update(client, acknowledged) == 204
        is_answered(client, acknowledged + 1)
    with serving(root) as client:
        is_answered(client, acknowledged + 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
