"""The benchmark's own parts: all systems are given the same, and what differs is noticed."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from server.tables.line_protocol.read import Precision, read_lines
from storage.series.selection import Selection
from storage.series.store import SeriesStore
from tests.benchmarks.series import bodies
from tests.benchmarks.series.__main__ import PARTS, TITLE, main, present
from tests.benchmarks.series.bench import Bench
from tests.benchmarks.series.data import LATE, STEP, DataSet, midnight
from tests.benchmarks.series.offline import fill
from tests.benchmarks.series.questions import Cell, asked, compare, questions
from tests.benchmarks.series.system import Found
from tests.support.series import QUIET

TINY = 0.002
SET = DataSet("reading", points=20, days=2, start=midnight(2025))
BLOCK = next(SET.blocks())


def test_readings_do_not_depend_on_the_blocks_they_are_made_in() -> None:
    days = list(SET.blocks(days=1))
    assert len(days) == 2
    assert np.array_equal(np.concatenate([day.values for day in days]), BLOCK.values)
    assert np.array_equal(np.concatenate([day.times for day in days]), BLOCK.times)
    assert BLOCK.readings == SET.readings == 20 * 2 * 288
    assert BLOCK.times[0] == SET.start + LATE
    assert BLOCK.times[-1] == SET.end - STEP + LATE


def test_readings_are_rounded_to_their_resolution_and_change() -> None:
    temperatures, others, states = BLOCK.values[:, 0], BLOCK.values[:, 1:3], BLOCK.values[:, 3::4]
    assert np.array_equal(np.round(temperatures, 1), temperatures)
    assert len(np.unique(temperatures)) > 10
    assert np.array_equal(np.round(others), others)
    assert set(np.unique(states)) == {0, 1}


def _arrow(body: bytes) -> pa.Table:
    return pa.ipc.open_stream(body).read_all()


def _parquet(body: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(body))


def _csv(body: bytes) -> pa.Table:
    names = ["box", "floor", "id", "value", "time"]
    return arrow_csv.read_csv(io.BytesIO(body), arrow_csv.ReadOptions(column_names=names))


def _lines(body: bytes) -> pa.Table:
    rows = [line.split() for line in body.decode().splitlines()]
    return pa.table(
        {
            "id": [tags.partition("uuid=")[2] for tags, _, _ in rows],
            "time": [int(time) // 1000 for _, _, time in rows],
            "value": [float(field.removeprefix("value=")) for _, field, _ in rows],
        }
    )


@pytest.mark.parametrize(
    ("encode", "read", "unit"),
    [
        (bodies.arrow, _arrow, 1),
        (bodies.parquet, _parquet, 1),
        (bodies.lines, _lines, 1),
        (bodies.csv, _csv, 1_000_000),
    ],
)
def test_every_form_has_every_reading(encode: bodies.Encode, read: Callable[[bytes], pa.Table], unit: int) -> None:
    tables = [read(body) for body in encode(BLOCK)]
    ids = [str(each) for table in tables for each in table.column("id").to_pylist()]
    times = np.concatenate([table.column("time").cast(pa.int64()).to_numpy() for table in tables]) * unit
    values = np.concatenate([table.column("value").to_numpy() for table in tables])
    assert ids == [SET.uuid(point) for point in range(SET.points)] * len(BLOCK.times)
    assert np.array_equal(times, np.repeat(BLOCK.times * 1_000_000, SET.points))
    assert np.array_equal(values, BLOCK.values.ravel())


def test_our_reader_takes_the_lines() -> None:
    (body,) = bodies.lines(next(BLOCK.parts(100)))
    assert sum(len(batch.codes) for batch in read_lines(io.BytesIO(body), Precision("ns"))) == 100


@pytest.mark.parametrize("other", [Found(3, 2.0), Found(2, 2.1)])
def test_answers_that_differ_are_noticed(other: Found) -> None:
    cells = {"a": Cell([1.0], [Found(2, 2.0), Found(2, 2.0)]), "b": Cell([1.0], [Found(2, 2.0), other])}
    with pytest.raises(AssertionError, match=r"a question, run 1: a found .*, b Found"):
        compare("a question", cells)


def test_answers_of_nothing_are_noticed() -> None:
    with pytest.raises(AssertionError, match="found nothing"):
        compare("a question", {"a": Cell([1.0], [Found(0, 0.0)])})


def test_questions_differ_from_run_to_run(tmp_path: Path) -> None:
    for title, question in asked(Bench(tmp_path, (), scale=1.0)).items():
        assert len({question(run) for run in range(10)}) > 1, title


def test_all_parts_of_ours_beside_duckdb(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _run(monkeypatch, "--scale", str(TINY / 10), "--runs", "2", "--systems", "duckdb")
    report = capsys.readouterr().out
    assert report.startswith(TITLE)
    for part in PARTS:
        assert f"### {part.capitalize()}\n" in report
    assert "failed" not in report
    assert "InfluxDB |" not in report


def test_what_was_measured_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ("--scale", str(TINY / 10), "--runs", "1", "--systems", "duckdb", "--keep", str(tmp_path))
    _run(monkeypatch, *run, "--fill")
    filled = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "scale-0.0002").glob("*.whole")}
    assert sorted(filled) == ["duckdb.whole", "twinhouse.whole"]
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "ingest.md").write_text("### Ingest\n\nof another day\n")
    _run(monkeypatch, *run, "--only", "questions")
    report = capsys.readouterr().out
    assert report.index("of another day") < report.index("### Questions")
    assert "### Questions" in (tmp_path / "parts" / "questions.md").read_text()
    assert filled == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "scale-0.0002").glob("*.whole")}


@pytest.mark.skipif(
    shutil.which("influxd") is None or shutil.which("victoria-metrics") is None,
    reason="the other servers are missing",
)
def test_all_systems_answer_the_same(tmp_path: Path) -> None:
    bench = Bench(tmp_path, present(("influxdb", "victoriametrics", "duckdb")), TINY, runs=2)
    part = questions(bench)
    assert [len(row) for row in part.rows] == [len(part.head)] * 7
    assert "failed" not in part.markdown()
    assert all((bench.folder / f"{name}.whole").exists() for name in ("twinhouse", "influxdb", "victoriametrics"))
    assert set(bench.peaks) == {("questions", name) for name in ("Twinhouse", "InfluxDB", "VictoriaMetrics")}


def test_what_is_missing_is_left_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    assert [kind.name for kind in present(("influxdb", "victoriametrics"))] == ["Twinhouse"]
    assert "influxd is missing, so InfluxDB is left out: apt-get install influxdb" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "--long"),
        (["--only", "x"], 2, "no x"),
        (["--systems", "y"], 2, "no y"),
        (["--scale", "0.01", "--write-docs"], 2, "wants a --scale of 0.1"),
        (["--fill"], 2, "wants a folder"),
    ],
)
def test_the_command(
    arguments: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _run(monkeypatch, *arguments)
    assert ended.value.code == code
    assert said in "".join(capsys.readouterr())


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["series", *arguments])
    main()


def test_readings_that_the_server_never_saw_are_as_if_it_had(tmp_path: Path) -> None:
    first, later = SET.blocks(1, 0, 1), SET.blocks(1, 1)
    assert fill(tmp_path, first) + fill(tmp_path, later) == SET.readings
    with closing(SeriesStore(tmp_path / "series", QUIET)) as store:
        assert store.check() == []
        assert store.compact() == 0
        rows = bodies.table(BLOCK)
        rows = rows.set_column(0, "id", rows.column("id").cast(pa.string()))
        expected = rows.sort_by([("id", "ascending"), ("time", "ascending")])
        found = store.select(Selection()).read_all()
        assert found.column("id").to_pylist() == expected.column("id").to_pylist()
        assert found.select(["time", "value"]).equals(expected.select(["time", "value"]))
        assert (
            store.latest().column("time").to_pylist()
            == [datetime.fromtimestamp(SET.end - STEP + LATE, UTC).replace(tzinfo=None)] * 20
        )
