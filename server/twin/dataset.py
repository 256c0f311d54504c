"""The export: a data set that is useful with no Twinhouse around.

readings/year=/month=/*.parquet    id, time (UTC), value, text, status
points.parquet                     what each series is: label, class, unit, equipment, place
graph.nq                           the whole graph
views.sql, README.md               how to start
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from storage.errors import DirectoryError
from storage.files import make_directory
from storage.graph.queries import Dump, Limits

if TYPE_CHECKING:
    from server.twin.service import Twin

VIEWS = """\
-- Run from the folder that this file is in:  duckdb -init views.sql
CREATE OR REPLACE VIEW readings AS
    SELECT id, time, value, text, status FROM read_parquet('readings/**/*.parquet', hive_partitioning = true);
CREATE OR REPLACE VIEW points AS SELECT * FROM 'points.parquet';
CREATE OR REPLACE VIEW labelled AS
    SELECT p.label, p.class, p.unit, p.equipment, p.room, r.time, r.value, r.text, r.status, r.id
    FROM readings r JOIN points p ON p.uuid = r.id;
"""

README = """\
# A building's readings and graph

Exported by Twinhouse; nothing here needs it.

| file | what it is |
|---|---|
| `readings/year=/month=/*.parquet` | all readings: `id` (UUID), `time` (UTC), `value`, `text`, `status` |
| `points.parquet` | a row a point: `uuid` (= `id`), `iri`, `label`, `class`, `unit`, `equipment`, `room`, … |
| `graph.nq` | the graph, as N-Quads |
| `views.sql` | the same as DuckDB views: `readings`, `points`, `labelled` |

Each example prints the daily mean of ten points; run it in this folder.

DuckDB (`pip install duckdb`):

```python
import duckdb

duckdb.sql(\"\"\"
    SELECT p.label, time_bucket(INTERVAL 1 DAY, r.time) AS day, avg(r.value) AS mean
    FROM read_parquet('readings/**/*.parquet', hive_partitioning = true) r
    JOIN (FROM 'points.parquet' WHERE readings > 0 ORDER BY iri LIMIT 10) p ON p.uuid = r.id
    GROUP BY ALL ORDER BY ALL
\"\"\").show()
```

pandas (`pip install pandas pyarrow`):

```python
import pandas as pd

points = pd.read_parquet("points.parquet").query("readings > 0").sort_values("iri").head(10)
readings = pd.read_parquet("readings", filters=[("id", "in", list(points["uuid"]))])
joined = readings.merge(points, left_on="id", right_on="uuid")
print(joined.groupby(["label", joined["time"].dt.floor("D")])["value"].mean())
```

Polars (`pip install polars`):

```python
import polars as pl

points = pl.scan_parquet("points.parquet").filter(pl.col("readings") > 0).sort("iri").head(10)
readings = pl.scan_parquet("readings/**/*.parquet", hive_partitioning=True)
joined = readings.join(points, left_on="id", right_on="uuid")
days = joined.group_by("label", pl.col("time").dt.truncate("1d").alias("day")).agg(pl.col("value").mean())
print(days.sort("label", "day").collect())
```
"""


def write_dataset(twin: Twin, target: Path) -> None:
    """Write the data set to `target`, which must be absent or empty. Raises DirectoryError."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DirectoryError(f"{target} is not an empty directory")
    make_directory(target)
    twin.series.export(target / "readings")
    pq.write_table(twin.points.table(twin.index.points), target / "points.parquet", compression="zstd")
    with (target / "graph.nq").open("wb") as file:
        for chunk in twin.query(Dump(whole=True), Limits(seconds=3600.0, bytes=1 << 50)):
            file.write(chunk)
    (target / "views.sql").write_text(VIEWS)
    (target / "README.md").write_text(README)
