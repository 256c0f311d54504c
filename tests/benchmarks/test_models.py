from __future__ import annotations

from tests.benchmarks.models import DOCS, measured, models
from tests.support.data import SHARED, shared


def test_the_table_has_a_row_for_each_real_model() -> None:
    shared("brick")
    text = DOCS.read_text("utf-8")
    assert [name for path in models() if f"| {(name := str(path.relative_to(SHARED)))} |" not in text] == []


def test_a_model_is_measured_and_a_bad_one_says_why() -> None:
    report, seconds = measured(shared("brick/ciee.ttl"))
    assert not isinstance(report, str)
    assert report.points == 216
    assert seconds > 0
    refused, _ = measured(shared("haystack/sites/carytown/carytown.hayson.json"))
    assert isinstance(refused, str)
    assert "rows[0].id" in refused
