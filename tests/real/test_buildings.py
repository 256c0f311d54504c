"""Eight real buildings: what Twinhouse answers is what pandas says of the same files."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import rdflib
from pandas.testing import assert_frame_equal
from starlette.testclient import TestClient

from tests.real.building import (
    counts,
    ingest_mortar,
    ingest_plants,
    load_mortar,
    load_plants,
    opened,
    plants,
)
from tests.support.data import shared

BRICK = rdflib.Namespace("https://brickschema.org/schema/Brick#")
ZONES = f"""
PREFIX brick: <{BRICK}>
SELECT ?point ?vav WHERE {{
  ?vav a brick:VAV ; brick:hasPoint ?point . ?point a brick:Zone_Air_Temperature_Sensor }}"""
PLANTS = f"""
PREFIX brick: <{BRICK}>
PREFIX ref: <https://brickschema.org/schema/Brick/ref#>
SELECT ?point ?file ?series WHERE {{
  ?loop a brick:Hot_Water_Loop ; brick:hasPart ?point .
  ?point ref:hasExternalReference [ ref:hasTimeseriesId ?series ; ref:storedAt ?file ]
  FILTER(?series IN ("sup", "ret")) }}"""


_DOCUMENT = Path(__file__).parents[2] / "docs" / "real-buildings.md"
_SINGLE = [text for text in re.findall(r"```sparql\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL) if "sosa:" in text]


class Site:
    """A client of the buildings, and what loading and ingesting them reported."""

    def __init__(self, client: TestClient, data: Path) -> None:
        self.client, self.data = client, data
        self.mortar, self.mortar_readings = load_mortar(client), ingest_mortar(client)
        self.plants, self.plant_readings = load_plants(client), ingest_plants(client)

    def read(self, **wanted: str | list[str]) -> pd.DataFrame:
        """Return an answer, with its time in UTC."""
        answer = self.client.post("/readings/query", json={**wanted, "format": "parquet"})
        assert answer.status_code == 200, answer.text
        return pd.read_parquet(io.BytesIO(answer.content))

    def ask(self, text: str) -> pd.DataFrame:
        """Return the answer to a query that is pushed down."""
        plan = self.client.get("/query", params={"query": text, "explain": "plan"}).json()
        assert plan["path"] == "pushed", plan["above"]
        answer = self.client.get("/query", params={"query": text, "format": "parquet"})
        assert answer.status_code == 200, answer.text
        return pd.read_parquet(io.BytesIO(answer.content))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("real") / "data"
    with opened(data) as client:
        yield Site(client, data)


@pytest.fixture(scope="module")
def mortar() -> pd.DataFrame:
    """The Mortar readings as the file has them, with the IRI of each point by the table."""
    frame = pd.read_parquet(shared("brick/mortar-bldg1/readings.parquet"))
    frame["uuid"] = frame["uuid"].map(str)
    table = pd.read_csv(shared("brick/mortar-bldg1/points.csv"))
    return frame.merge(table[["iri", "uuid"]], on="uuid")


def test_the_damaged_ids_are_reported_and_repaired(site: Site) -> None:
    table = pd.read_csv(shared("brick/mortar-bldg1/points.csv"))
    damaged = table[table["uuid"] != table["uuid_as_published"]]
    assert (len(damaged), site.mortar["repaired_ids"], site.mortar["damaged_ids"]) == (197, 197, 0)
    assert (site.mortar["points"], site.mortar["triples"]) == (1691, 12022)
    assert site.client.post("/check").json()["notes"] == []
    model = shared("brick/mortar-bldg1/model.ttl").read_bytes()
    turtle = {"content-type": "text/turtle"}
    alone = site.client.post("/models?lenient&graph=urn:damaged", content=model, headers=turtle).json()
    site.client.delete("/store?graph=urn:damaged")
    assert (alone["damaged_ids"], "197" in alone["warnings"][0]) == (197, True)


def test_every_point_has_the_count_and_mean_of_the_file(site: Site, mortar: pd.DataFrame) -> None:
    assert site.mortar_readings["readings"] == len(mortar) == 246_151
    assert site.mortar_readings["points"] == mortar["uuid"].nunique() == 1_284
    assert site.mortar_readings["unknown"]["points"] == 0
    expected = mortar.groupby("iri")["value"].agg(["count", "mean"])
    points = list(expected.index)
    for aggregate in ("count", "mean"):
        found = site.read(point=points, aggregate=aggregate).set_index("point")["value"]
        assert list(found.index) == points
        pd.testing.assert_series_equal(found, expected[aggregate], check_names=False, check_dtype=False)


def _expected_hours(mortar: pd.DataFrame) -> pd.DataFrame:
    """Return the hourly mean of every zone with its VAV box, as pandas and rdflib say."""
    model = rdflib.Graph().parse(shared("brick/mortar-bldg1/model.ttl"))
    zones = set(model.subjects(rdflib.RDF.type, BRICK.Zone_Air_Temperature_Sensor))
    vavs = set(model.subjects(rdflib.RDF.type, BRICK.VAV))
    pairs = {(str(p), str(v)) for v, p in model.subject_objects(BRICK.hasPoint) if v in vavs and p in zones}
    joined = mortar.merge(pd.DataFrame(sorted(pairs), columns=["point", "vav"]), left_on="iri", right_on="point")
    return joined.groupby(["point", "vav", joined["ts"].dt.floor("h").rename("time")])["value"].mean().reset_index()


def _assert_same(found: pd.DataFrame, expected: pd.DataFrame, order: list[str]) -> None:
    """Compare but for the order of rows and columns."""
    columns = list(expected.columns)
    assert_frame_equal(
        found[columns].sort_values(order, ignore_index=True),
        expected.sort_values(order, ignore_index=True),
        check_dtype=False,
    )


def test_the_hourly_mean_of_every_zone_with_its_vav(site: Site, mortar: pd.DataFrame) -> None:
    expected = _expected_hours(mortar)
    assert len(expected) > 5_000
    _assert_same(site.read(query=ZONES, every="PT1H", aggregate="mean"), expected, ["point", "vav", "time"])


def test_the_same_hours_by_a_single_query(site: Site, mortar: pd.DataFrame) -> None:
    _assert_same(site.ask(_SINGLE[0]), _expected_hours(mortar), ["point", "vav", "time"])


def test_the_daily_means_of_seven_plants_come_from_one_query(site: Site) -> None:
    found, expected = site.read(query=PLANTS, every="P1D", aggregate="mean"), _expected_days()
    assert expected["file"].nunique() == 7
    _assert_same(found.drop(columns="point"), expected, ["file", "series", "time"])


def _expected_days() -> pd.DataFrame:
    """Return the daily means of supply and return of each plant, as pandas says."""
    frames = []
    for file in plants():
        long = _plant(file).melt("time", ["sup", "ret"], "series", "value").dropna()
        frames.append(long.assign(file=file.name))
    every = pd.concat(frames)
    return every.groupby(["file", "series", every["time"].dt.floor("D")])["value"].mean().reset_index()


def _plant(file: Path) -> pd.DataFrame:
    frame = pd.read_csv(file, na_values="NA", parse_dates=["datetime_UTC"])
    return frame.rename(columns={"datetime_UTC": "time"})


def test_the_same_days_by_a_single_query(site: Site) -> None:
    _assert_same(site.ask(_SINGLE[1]), _expected_days(), ["file", "series", "time"])


def test_how_far_supply_and_return_are_apart_by_a_single_query(site: Site) -> None:
    apart = [(file.name, (frame["sup"] - frame["ret"]).dropna()) for file in plants() for frame in [_plant(file)]]
    rows = [(name, len(values), values.mean()) for name, values in apart]
    _assert_same(site.ask(_SINGLE[2]), pd.DataFrame(rows, columns=["file", "times", "value"]), ["file"])


def test_columns_of_the_histories_that_are_no_points_are_ignored_and_reported(site: Site) -> None:
    for file, report in site.plant_readings.items():
        columns = pd.read_csv(shared("brick/hhw") / file, nrows=0).columns
        assert report["ignored"]["ids"] == ["yr", "hr"]
        assert report["ignored"]["columns"] == ["dt", "season", "mnth", "wd"]
        assert report["points"] == len(columns) - 7


def test_everything_once_more_changes_no_count(site: Site) -> None:
    before = counts(site.client)
    assert before["readings"] == 246_151 + sum(r["readings"] for r in site.plant_readings.values())
    again = Site(site.client, site.data)
    assert (again.mortar, again.plants) == (site.mortar, site.plants)
    assert counts(site.client) == before
    sealed = site.client.post("/seal").json()
    assert (sealed["hot_rows"], sealed["runs"]) == (0, 0)
    public = site.data / "series/readings/**/*.parquet"
    [(rows, distinct)] = duckdb.execute(
        f"SELECT count(*), count(DISTINCT (id, time)) FROM read_parquet('{public}', hive_partitioning = true)"
    ).fetchall()
    assert rows == distinct == before["readings"]
    assert counts(site.client) == before
    assert site.client.post("/check").json()["ok"] is True
