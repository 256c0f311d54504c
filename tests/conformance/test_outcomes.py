"""The lists of known failures and of what does not apply are about the suites that there are."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase

import pytest

from tests.conformance import archive
from tests.conformance.manifests import cases
from tests.conformance.outcomes import known_failures, not_applicable
from tests.support.data import shared

_GROUPS = (*known_failures(), *not_applicable())


@pytest.fixture(autouse=True)
def _suites() -> None:
    shared(archive.NAME)


def test_the_suites_are_whole() -> None:
    assert Counter(case.suite for case in cases()) == {"sparql10": 482, "sparql11": 643, "sparql12": 269}


def test_ids_are_unique() -> None:
    assert len({case.id for case in cases()}) == len(cases())


@pytest.mark.parametrize("pattern", [pattern for group in _GROUPS for pattern in group.patterns])
def test_entry_names_a_case(pattern: str) -> None:
    assert any(fnmatchcase(case.id, pattern) for case in cases())


def test_no_case_has_two_reasons() -> None:
    listed = Counter(case.id for case in cases() for group in _GROUPS if group.has(case))
    assert [name for name, times in listed.items() if times > 1] == []
