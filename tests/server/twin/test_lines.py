"""Line protocol in a twin: whose readings they are, and what is there after what."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest

from ontologies.identity import series_uuid
from ontologies.written_points import GRAPH
from server.errors import Problem
from server.settings import Settings
from server.tables.errors import BadReadings
from server.tables.line_protocol.read import Precision, read_lines
from server.twin import known_series, lines, series_keys
from server.twin.models import Model
from server.twin.resolve import PointIndex
from server.twin.service import Twin
from storage.errors import Closed
from tests.server.building import MODEL, ZONE_1

POINT = "<urn:site#room> <https://brickschema.org/schema/Brick/ref#hasExternalReference> <urn:site#r> . "
HAS_ID = "<urn:site#r> <https://brickschema.org/schema/Brick/ref#hasTimeseriesId> "
STORED_AT = "<urn:site#r> <https://brickschema.org/schema/Brick/ref#storedAt> "


def opened(data: Path, **settings: object) -> Iterator[Twin]:
    twin = Twin(Settings.from_environment({}, data=data, readers=1, **settings))
    try:
        yield twin
    finally:
        twin.close()


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    yield from opened(tmp_path / "data")


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Twin]:
    yield from opened(tmp_path / "data", influx_unknown="refuse")


def write(twin: Twin, text: str, store: str | None = None) -> int:
    return twin.lines.write(read_lines(io.BytesIO(text.encode()), Precision("s")), store)


def latest(twin: Twin) -> dict[str, object]:
    """Return the newest value or text of each series, by UUID."""
    return {
        str(row["id"]): row["text"] if row["value"] is None else row["value"]
        for row in twin.series.latest().to_pylist()
    }


def derived(key: str, store: str | None = None) -> str:
    return str(series_uuid(key, store))


def anew(twin: Twin) -> PointIndex:
    """Return the index as it is read from the graph."""
    return twin._read_index()


def test_each_field_is_a_series_with_a_point_of_its_own(twin: Twin) -> None:
    assert write(twin, 'ahu,site=n,ahu=1 supply=18.5,mode="on",ok=t 1700000000', "home") == 3
    keys = {f"ahu,ahu=1,site=n {field}": value for field, value in (("supply", 18.5), ("mode", "on"), ("ok", 1.0))}
    assert latest(twin) == {derived(key, "home"): value for key, value in keys.items()}
    assert {point.point for point in twin.index.points} == {f"urn:uuid:{uuid}" for uuid in latest(twin)}
    found = twin.points.table(twin.index.points).to_pylist()
    assert {row["label"] for row in found} == set(keys)
    assert {(row["stored_at"], row["readings"]) for row in found} == {("home", 1)}
    assert twin.graph.graphs() == [GRAPH.value]


def test_the_same_series_is_the_same_point_however_it_is_written(twin: Twin) -> None:
    write(twin, "m,b=2,a=x\\ y f=1 1700000000", "home")
    write(twin, "m,a=x\\ y,b=2   f=2i 1700000001", "home")
    assert latest(twin) == {derived("m,a=x\\ y,b=2 f", "home"): 2.0}


def test_known_series_cost_no_write_to_the_graph(twin: Twin) -> None:
    write(twin, "m,t=a f=1\nm,t=b f=1")
    generation = twin.graph.generation
    write(twin, "m,t=b f=2\nm,t=a f=2\n")
    assert twin.graph.generation == generation
    write(twin, "m,t=b f=2\nm,t=c f=2\n")
    assert twin.graph.generation == generation + 1


def test_ten_thousand_new_series_are_one_write_to_the_graph(twin: Twin) -> None:
    generation = twin.graph.generation
    assert write(twin, "".join(f"m,t={n} f={n}\n" for n in range(10_000))) == 10_000
    assert twin.graph.generation == generation + 1
    assert len(twin.index.points) == 10_000


def test_the_index_grows_without_being_read_again(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    write(twin, "m,t=a f=1", "home")
    with monkeypatch.context() as patched:
        patched.setattr(twin._index, "_make", lambda: pytest.fail("the index was read again"))
        write(twin, "m,t=b f=1\nm,t=c f=1", "home")
        write(twin, "m,t=c f=1\nm,t=d f=1")
        grown = twin.index
    assert grown == anew(twin)
    assert len(grown.points) == 5


def test_databases_keep_series_of_one_name_apart(twin: Twin) -> None:
    for store, value in (("home", 1), ("office", 2), (None, 3)):
        write(twin, f"m f={value}", store)
    assert latest(twin) == {derived("m f", "home"): 1.0, derived("m f", "office"): 2.0, derived("m f"): 3.0}


def test_a_tag_names_the_point_of_the_only_field_or_the_value(twin: Twin) -> None:
    twin.load(Model(MODEL, "site.ttl"))
    write(twin, f"temp,uuid={ZONE_1} t=20.5 1700000000")
    assert latest(twin) == {ZONE_1: 20.5}
    write(twin, f"temp,uuid={ZONE_1.upper()},room=1 value=21.5,quality=192 1700000001")
    assert latest(twin) == {ZONE_1: 21.5, derived(f"temp,room=1,uuid={ZONE_1.upper()} quality"): 192.0}
    write(twin, "temp,uuid=urn:site#zone1 t=22.5 1700000002")  # the IRI of the point
    assert latest(twin)[ZONE_1] == 22.5


def test_a_uuid_that_no_point_has_needs_none(twin: Twin) -> None:
    other = str(UUID(int=99))
    write(twin, f"temp,uuid={other} value=1")
    assert (latest(twin), twin.index.points) == ({other: 1.0}, ())


def test_a_tag_of_that_name_that_names_no_point_is_a_tag(twin: Twin) -> None:
    write(twin, "gpu,uuid=GPU-f9ba66fc value=1")
    assert latest(twin) == {derived("gpu,uuid=GPU-f9ba66fc value"): 1.0}


@pytest.mark.parametrize(("tag", "is_point"), [("point", True), ("", False)])
def test_the_tag_is_a_setting(tmp_path: Path, tag: str, is_point: bool) -> None:
    [twin] = [next(opening := opened(tmp_path / "data", influx_tag=tag))]
    write(twin, f"temp,point={ZONE_1} value=1")
    assert (set(latest(twin)) == {ZONE_1}) is is_point
    opening.close()  # type: ignore[attr-defined] # it is a generator


@pytest.mark.parametrize("at", ["", f'{STORED_AT} "home" .', f'{STORED_AT} "/databases/home" .'])
def test_a_model_may_name_the_series_of_its_points(twin: Twin, at: str) -> None:
    twin.load(Model(f'{POINT} {HAS_ID} "temp,room=1 value" . {at}'.encode(), "site.ttl"))
    [point] = twin.index.points
    write(twin, "temp,room=1 value=20.5", "home")
    assert latest(twin) == {str(point.uuid): 20.5}
    assert len(twin.index.points) == 1


def test_a_model_that_comes_later_takes_over(twin: Twin) -> None:
    write(twin, "temp,room=1 value=1 1700000000", "home")
    twin.load(Model(f'{POINT} {HAS_ID} "temp,room=1 value" . {STORED_AT} "home" .'.encode(), "site.ttl"))
    write(twin, "temp,room=1 value=2 1700000001", "home")
    assert latest(twin) == {derived("temp,room=1 value", "home"): 2.0}  # the very same series
    assert twin.index.by_iri["urn:site#room"].uuid == series_uuid("temp,room=1 value", "home")


def test_a_model_of_another_store_does_not(twin: Twin) -> None:
    twin.load(Model(f'{POINT} {HAS_ID} "temp,room=1 value" . {STORED_AT} "office" .'.encode(), "site.ttl"))
    write(twin, "temp,room=1 value=1", "home")
    assert latest(twin) == {derived("temp,room=1 value", "home"): 1.0}


def test_a_point_that_was_dropped_is_made_again(twin: Twin) -> None:
    write(twin, "m f=1")
    twin.graph.remove(GRAPH)
    assert twin.index.points == ()
    write(twin, "m f=2")
    assert len(twin.index.points) == 1


@pytest.mark.parametrize("wrong", ["m,t=a,t=b f=1", "m f=x", "m f=1 99999999999", "m f=1 4102444800"])
def test_one_wrong_line_stores_nothing_at_all(twin: Twin, wrong: str) -> None:
    with pytest.raises(BadReadings, match=r"^line 3, column"):
        write(twin, f"m,t=a f=1\nm,t=b f=1\n{wrong}\n")
    assert (latest(twin), len(twin.graph)) == ({}, 0)


def test_one_wrong_line_after_hundreds_of_thousands_stores_nothing(twin: Twin) -> None:
    text = "".join(f"m,t={n % 100} f={n} {1_700_000_000 + n}\n" for n in range(300_000))
    with pytest.raises(BadReadings, match=r"^line 300001,"):
        write(twin, f"{text}m f=\n")
    assert (twin.series.stats().num_rows, len(twin.graph)) == (0, 0)
    assert write(twin, text) == 300_000
    assert (twin.series.stats().num_rows, len(twin.index.points)) == (100, 100)


def test_what_cannot_be_made_in_the_graph_is_not_stored(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise Closed("no more")

    monkeypatch.setattr(twin.graph, "add", full)
    with pytest.raises(Closed):
        write(twin, "m f=1")
    assert latest(twin) == {}
    monkeypatch.undo()
    write(twin, "m f=1")  # nothing remembers that the point was there
    assert len(twin.index.points) == 1


@pytest.mark.parametrize("count", [2, 300_000])
def test_the_points_are_there_before_the_readings(twin: Twin, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    def cut(rows: pa.Table | pa.RecordBatchReader, _receipt: object) -> None:
        """End as the last reading has come, and none is stored."""
        assert sum(batch.num_rows for batch in (rows.to_batches() if isinstance(rows, pa.Table) else rows)) == count
        assert len(anew(twin).points) == 2
        raise Closed("the power is gone")

    for name in ("append", "append_stream"):
        monkeypatch.setattr(twin.series, name, cut)
    with pytest.raises(Closed):
        write(twin, "".join(f"m,t={n % 2} f=1 {1_700_000_000 + n}\n" for n in range(count)))
    assert (latest(twin), len(anew(twin).points)) == ({}, 2)


def test_a_time_too_far_ahead_is_refused(twin: Twin) -> None:
    days = twin.settings.future_days
    near, far = (int((datetime.now(UTC) + timedelta(days=days + more)).timestamp()) for more in (-1, 1))
    assert write(twin, f"m f=1 {near}") == 1
    with pytest.raises(BadReadings, match=r"line 2, .* too far in the future"):
        write(twin, f"m f=1 {near}\nm f=2 {far}")


def test_more_readings_than_allowed_are_refused(tmp_path: Path) -> None:
    for twin in opened(tmp_path / "data", ingest_rows=2):
        assert write(twin, "m f=1,g=2") == 2
        with pytest.raises(Problem) as caught:
            write(twin, "m f=1,g=2\nn f=1")
        assert (caught.value.status, len(latest(twin))) == (413, 2)


def test_more_new_series_than_allowed_are_refused(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_keys, "MOST_NEW", 2)
    with pytest.raises(Problem) as caught:
        write(twin, "m,t=1 f=1\nm,t=2 f=1\nm,t=3 f=1")
    assert (caught.value.status, caught.value.kind, latest(twin)) == (413, "too-many-series", {})
    for n in (1, 3):
        write(twin, f"m,t={n} f=1\nm,t={n + 1} f=1\nm,t=1 f=1")
    assert len(latest(twin)) == 4


def test_line_protocol_makes_no_more_series_in_all_than_it_may(tmp_path: Path) -> None:
    for known in (2, 3):  # opened again they count as before
        for twin in opened(tmp_path / "data", influx_series=3):
            twin.load(Model(MODEL, "site.ttl"))  # whose points do not count
            write(twin, "".join(f"m,t={n} f=1\n" for n in range(known)) * 2)
            for more in ("m,t=a f=1\nm,t=b f=1", "n,t=a f=1,g=2"):
                with pytest.raises(
                    BadReadings, match=r"^line [23], column 1: no point has .*TWINHOUSE_INFLUX_SERIES"
                ):
                    write(twin, f"m,t=0 f=2\n{more}")
            assert set(latest(twin).values()) == {1.0}
            assert (twin.index.made, twin.index) == (known, anew(twin))
            assert write(twin, f"m,t=0 f=1\ntemp,uuid={ZONE_1} value=1") == 2


def test_very_many_points_are_made_in_several_writes(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_AT_A_TIME", 2)
    write(twin, "".join(f"m,t={n} f=1\n" for n in range(5)))
    assert twin.index == anew(twin)
    assert len(twin.index.points) == 5


def test_what_no_point_has_may_be_refused(strict: Twin) -> None:
    strict.load(Model(MODEL, "site.ttl"))
    for line in ("m,t=a f=1", f"m,uuid={UUID(int=99)} value=1"):
        with pytest.raises(BadReadings, match=r"^line 2, column 1: no point has the series m,"):
            write(strict, f"temp,uuid={ZONE_1} value=1\n{line}\n")
    assert latest(strict) == {}
    assert write(strict, f"temp,uuid={ZONE_1} value=1") == 1


def test_no_more_names_are_remembered_than_there_is_room_for(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_series, "_MOST_BYTES", 2_000)
    known = twin.lines._known
    for first in (0, 0, 100, 0):
        assert write(twin, "".join(f"m,t={n} f=1\n" for n in range(first, first + 100))) == 100
        assert known._bytes < 3_000
        assert sum(map(len, known._names.values())) < 8
    for n in range(10):
        write(twin, "", f"database {n}")
    assert len(known._names) < 8
    assert len(latest(twin)) == 200


def test_one_new_series_may_be_written_in_many_ways(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_keys, "MOST_NEW", 1)
    orders = ("a=1,b=2,c=3", "b=2,a=1,c=3", "c=3,b=2,a=1", "c=3,a=1,b=2")
    assert write(twin, "".join(f"m,{tags} f=1\n" for tags in orders)) == 4
    assert set(latest(twin)) == {derived("m,a=1,b=2,c=3 f")}


def test_many_may_write_the_same_new_series_at_once(twin: Twin) -> None:
    text = "".join(f"m,t={n} f=1\n" for n in range(200))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: write(twin, text + f"n,t={n} f=1\n"), range(8))) == [201] * 8
    assert twin.index == anew(twin)
    assert len(twin.index.points) == 208
    assert set(latest(twin)) == {str(point.uuid) for point in twin.index.points}


def test_the_graph_that_is_written_is_valid_brick(twin: Twin) -> None:
    write(twin, "m,t=a f=1", "home")
    assert twin.ontologies.validate(GRAPH.value)["conforms"] is True
    assert twin.check().ok
