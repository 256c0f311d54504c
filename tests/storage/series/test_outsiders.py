"""While everything goes on, the public data set is one that others read: whole files, no reading twice, none lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest

from storage.series.store import Options, SeriesStore
from tests.storage.series.outsiders import LOOKS
from tests.support.series import reading, table

ROOT = Path(__file__).resolve().parents[3]
SMALL = Options(memory=256 << 20, threads=1, target_rows=2000)
SECONDS = {"duckdb": 4, "pandas": 4, "polars": 4, "spark": 12}
PAUSES = {
    "duckdb": 1.0,
    "pandas": 1.0,
    "polars": 1.0,
    "spark": 6.0,
}  # seconds in which a look can end on a busy machine


@pytest.mark.parametrize("who", LOOKS)
def test_others_read_while_writing_goes_on(tmp_path: Path, who: str) -> None:
    if who == "spark" and shutil.which("java") is None:
        assert "CI" not in os.environ, ".ci/run installs Java"
        pytest.skip("there is no Java")
    store, ended = SeriesStore(tmp_path, SMALL), threading.Event()
    store.append(batch(0))
    store.compact()

    def write() -> None:
        for number in count(1):
            if ended.is_set():
                return
            store.append(batch(number))
            store.compact()
            ended.wait(PAUSES[who])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        command = [
            sys.executable,
            "-m",
            "tests.storage.series.outsiders",
            who,
            str(tmp_path / "readings"),
            str(SECONDS[who]),
        ]
        env = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
        said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    finally:
        ended.set()
        writer.join()
        store.close()
    assert said.returncode == 0, said.stderr[-20_000:]
    seen = [tuple(map(int, line.split())) for line in said.stdout.splitlines()]
    assert [rows for rows, different in seen if rows != different] == []
    assert max(rows for rows, _ in seen) >= 100
    assert len({rows for rows, _ in seen}) > 1, (seen, "nothing was written meanwhile")


def batch(number: int) -> pa.Table:
    """Return 100 readings, new ones and some again, of days that come one after the other."""
    return table([reading(series, (number - back) * 60, float(number)) for series in range(20) for back in range(5)])
