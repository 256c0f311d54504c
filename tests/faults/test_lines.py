from __future__ import annotations

import random
from pathlib import Path

from ontologies.identity import series_uuid
from server.settings import Settings
from server.twin.service import Twin
from tests.faults.write_lines import STORE, keys
from tests.support.faults import ROUNDS, run_and_kill


def test_no_reading_is_ever_without_its_point(tmp_path: Path) -> None:
    """What was acknowledged is there, points and readings. What was not may have points, but never readings alone."""
    moment = random.Random(3)
    acknowledged: set[int] = set()
    first = 0
    for _ in range(max(ROUNDS // 5, 1)):
        acknowledged |= set(run_and_kill("tests.faults.write_lines", tmp_path, first, moment))
        twin = Twin(Settings(data=tmp_path, readers=1))
        stored = {str(row) for row in twin.series.latest()["id"].to_pylist()}
        known = {str(point.uuid) for point in twin.index.points}
        expected = {str(series_uuid(key, STORE)) for request in acknowledged for key in keys(request)}
        assert expected <= stored <= known
        assert len(stored) % len(keys(0)) == 0
        assert twin.check().ok
        twin.close()
        first = max(acknowledged) + 2
