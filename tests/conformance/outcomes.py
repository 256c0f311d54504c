"""Which cases are known to fail, and which do not apply: outcomes.toml, read once.

A pattern in the lists stands for every case whose id it matches (`sparql11/entailment/*`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.cases import Case

_FILE = Path(__file__).with_name("outcomes.toml")


@dataclass(frozen=True)
class Group:
    """Cases with one reason in common."""

    reason: str
    patterns: tuple[str, ...]

    def has(self, case: Case) -> bool:
        return any(fnmatchcase(case.id, pattern) for pattern in self.patterns)


@cache
def known_failures() -> tuple[Group, ...]:
    """Return the cases that must fail: one that passes fails the run."""
    return tuple(_groups("known_failures"))


@cache
def not_applicable() -> tuple[Group, ...]:
    """Return the cases that the service does not claim to answer."""
    return tuple(_groups("not_applicable"))


def _groups(name: str) -> Iterator[Group]:
    content: dict[str, list[dict[str, Any]]] = tomllib.loads(_FILE.read_text())
    for group in content[name]:
        yield Group(group["reason"], tuple(group["tests"]))


def reason(case: Case, groups: tuple[Group, ...]) -> str | None:
    """Return the reason that a list gives for a case, or None."""
    return next((group.reason for group in groups if group.has(case)), None)


def parameter(case: Case) -> Any:  # noqa: ANN401 - pytest's parameter sets have no public type
    """Return the case as a test's parameter: skipped where it does not apply, strictly failing where known to."""
    marks = []
    if excuse := reason(case, not_applicable()):
        marks.append(pytest.mark.skip(reason=f"not applicable: {excuse}"))
    elif known := reason(case, known_failures()):
        marks.append(pytest.mark.xfail(reason=known, raises=AssertionError, strict=True))
    return pytest.param(case, id=case.id, marks=marks)


def parameters(cases: list[Case]) -> list[Any]:
    """Return cases as a test's parameters."""
    return [parameter(case) for case in cases]
