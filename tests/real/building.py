"""Real buildings in a data directory, through the same application that serves them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings
from tests.support.data import shared

Report = dict[str, Any]
PARQUET = {"content-type": "application/vnd.apache.parquet"}
CSV = {"content-type": "text/csv"}


@contextmanager
def opened(data: Path) -> Iterator[TestClient]:
    """Serve a data directory inside this process."""
    with TestClient(create_app(Settings(data=data, readers=2, allowed_hosts="*"))) as client:
        yield client


def load_mortar(client: TestClient) -> Report:
    """Load the Mortar building, with the table that mends its damaged ids; returns the report."""
    folder = shared("brick/mortar-bldg1")
    files = {name: (folder / file).open("rb") for name, file in (("model", "model.ttl"), ("map", "points.csv"))}
    try:
        report: Report = client.post("/models?lenient&name=mortar.ttl", files=files).json()
        return report
    finally:
        for file in files.values():
            file.close()


def ingest_mortar(client: TestClient) -> Report:
    """Ingest its readings; returns the report."""
    body = shared("brick/mortar-bldg1/readings.parquet").read_bytes()
    report: Report = client.post("/readings", content=body, headers=PARQUET).json()
    return report


def plants() -> list[Path]:
    """Return the histories of the seven heating plants."""
    return sorted(shared("brick/hhw").glob("*hhw_system_data.csv"))


def load_plants(client: TestClient) -> list[Report]:
    """Load the plants' models; returns their reports."""
    models = sorted(shared("brick/hhw").glob("building_*.ttl"))
    turtle = {"content-type": "text/turtle"}
    return [
        client.post("/models", params={"name": m.name}, content=m.read_bytes(), headers=turtle).json() for m in models
    ]


def ingest_plants(client: TestClient) -> dict[str, Report]:
    """Ingest the plants' histories; returns the reports by file name."""
    parameters = {"time_column": "datetime_UTC", "na": "NA"}
    return {
        file.name: client.post(
            "/readings", params={**parameters, "source": file.name}, content=file.read_bytes(), headers=CSV
        ).json()
        for file in plants()
    }


def counts(client: TestClient) -> dict[str, int]:
    """Return how many readings, points and quads there are, each counted by reading them."""
    rows = client.get("/readings", params={"aggregate": "count"}).json()["data"]
    answer = client.get("/query", params={"query": "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"}).json()
    return {
        "series": len(rows),
        "readings": int(sum(row["value"] for row in rows)),
        "points": len(client.get("/points", params={"format": "ndjson"}).text.splitlines()),
        "quads": int(answer["results"]["bindings"][0]["n"]["value"]),
    }
