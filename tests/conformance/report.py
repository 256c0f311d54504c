"""Writes docs/conformance.md: `python -m tests.conformance.report` runs the suites first, and only then writes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from itertools import groupby
from pathlib import Path

import pytest

from tests.conformance.cases import Case
from tests.conformance.manifests import cases
from tests.conformance.outcomes import Group, known_failures, not_applicable, reason

FILE = Path(__file__).parents[2] / "docs" / "conformance.md"

_SUITES = {"sparql10": "SPARQL 1.0", "sparql11": "SPARQL 1.1", "sparql12": "SPARQL 1.2"}
_HEAD = """\
# Conformance

The W3C's SPARQL suites ([w3c/rdf-tests](https://github.com/w3c/rdf-tests)), run over HTTP against the real
application: data go in by `PUT /store`, queries and updates by `/query` and `/update`, each answer in the format
that its expected result is written in. The requests of the protocol and graph-store manifests are sent as they are.
The default graph is the plain one (`default_graph = "strict"`). The services that SERVICE and LOAD name are real ones
on loopback, which the allow list (`outbound_hosts`) has: their IRIs are changed on the way in, and back on the way
out. Where the manifest has no data for one, nobody answers there.

A known failure must fail: one that passes fails the run, so the lists below are what the suites say today. A number
that is computed is compared by value, one that is stored by its letters. SPARQL 1.2 is not finished and is counted
apart.

Written by `python -m tests.conformance.report`, which runs the suites first; `pytest tests/conformance` checks it.
"""
_COLUMNS = "| {} | tests | passed | known failures | not applicable |\n|---|---:|---:|---:|---:|"


@dataclass(frozen=True)
class Count:
    """How the cases of a category, a suite or all of them come out."""

    tests: int
    passed: int
    known_failures: int
    not_applicable: int


def count(chosen: Iterable[Case]) -> Count:
    """Count what the lists say of some cases; a run that is green has found them to be so."""
    found = list(chosen)
    excused = [case for case in found if reason(case, not_applicable())]
    failing = [case for case in found if case not in excused and reason(case, known_failures())]
    return Count(len(found), len(found) - len(excused) - len(failing), len(failing), len(excused))


def document() -> str:
    """Return the document as the lists and the manifests have it."""
    parts = [_HEAD, "## Totals\n", _totals(), *_categories()]
    parts += ["## Known failures\n", *_listed(known_failures())]
    parts += ["## Not applicable\n", *_reasons(not_applicable())]
    return "\n".join(parts)


def _totals() -> str:
    rows = [_row(title, count(_suite(suite))) for suite, title in _SUITES.items()]
    both = count([*_suite("sparql10"), *_suite("sparql11")])
    return "\n".join([_COLUMNS.format("suite"), *rows[:2], _row("**1.0 and 1.1**", both), *rows[2:], ""])


def _suite(suite: str) -> list[Case]:
    return [case for case in cases() if case.suite == suite]


def _row(title: str, counted: Count) -> str:
    return f"| {title} | " + " | ".join(f"{number:,}" for number in astuple(counted)) + " |"


def _categories() -> Iterator[str]:
    for suite, title in _SUITES.items():
        yield f"## {title}\n"
        yield _COLUMNS.format("category")
        for category, chosen in groupby(_suite(suite), key=lambda case: case.category):
            yield _row(category, count(chosen))
        yield ""


def _listed(groups: Iterable[Group]) -> Iterator[str]:
    for group in groups:
        found = [case.id for case in cases() if group.has(case)]
        yield f"### {group.reason[0].upper()}{group.reason[1:]}\n"
        yield "\n".join(f"- `{name}`" for name in found) + "\n"


def _reasons(groups: Iterable[Group]) -> Iterator[str]:
    for group in groups:
        found = sum(group.has(case) for case in cases())
        yield f"- {found} of {', '.join(_folders(group))}: {group.reason}"
    yield ""


def _folders(group: Group) -> list[str]:
    return sorted({f"`{case.suite}/{case.category}`" for case in cases() if group.has(case)})


def main() -> int:
    """Run the suites; write the document if they came out as listed. Returns the exit status."""
    folder = Path(__file__).parent
    status = pytest.main([str(folder), "-q", f"--ignore={folder / 'test_report.py'}"])
    if status == pytest.ExitCode.OK:
        FILE.write_text(document())
        print(f"wrote {FILE.name}: {count(cases())}")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
