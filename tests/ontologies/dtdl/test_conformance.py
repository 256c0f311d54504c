"""The DTDL parser's own suite: every verdict agrees, and docs/dtdl.md has the counts and each other reason."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.ontologies.dtdl.conformance import FOLDERS, Case, run_cases
from tests.support.data import shared

DOCS = Path(__file__).parents[3] / "docs" / "dtdl.md"


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return list(run_cases(shared("adt/models/dtdlparser-test-cases.tgz")))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_verdict_agrees(cases: list[Case], folder: str) -> None:
    asked = [case for case in cases if case.folder == folder and not case.not_asked]
    assert len(asked) > 10
    assert [(case.name, case.valid, case.found) for case in asked if not case.agrees] == []


def test_the_documented_counts_are_these(cases: list[Case]) -> None:
    for folder in FOLDERS:
        own = [case for case in cases if case.folder == folder]
        asked = [case for case in own if not case.not_asked]
        explained = [case for case in asked if case.expected and case.agrees]
        same = sum(case.same_reason for case in explained)
        agreed = sum(case.agrees for case in asked)
        row = f"| `{folder}` | {len(own)} | {len(asked)} | {agreed} | {same} of {len(explained)} |"
        assert row in DOCS.read_text(encoding="utf-8"), row


def test_what_is_not_asked_is_documented(cases: list[Case]) -> None:
    counted = Counter(case.not_asked for case in cases if case.not_asked)
    documented = dict(re.findall(r"^\| (\w.*?) \| (\d+) \|$", _section("Not asked"), re.MULTILINE))
    assert documented == {reason: str(count) for reason, count in counted.items()}


def test_each_other_reason_is_documented_and_none_is_stale(cases: list[Case]) -> None:
    other = {case.name for case in cases if not case.not_asked and case.agrees and not case.same_reason}
    documented = set(re.findall(r"^\| `(\w+)` \|", _section("Other reasons"), re.MULTILINE))
    assert documented == other


def _section(title: str) -> str:
    text = DOCS.read_text(encoding="utf-8")
    return text.partition(f"### {title}\n")[2].partition("\n#")[0]
