"""docs/conformance.md says what the lists and the manifests say."""

from __future__ import annotations

from tests.conformance import archive, report
from tests.support.data import shared


def test_document_is_not_stale() -> None:
    shared(archive.NAME)
    assert report.FILE.read_text() == report.document(), "run python -m tests.conformance.report"
