"""Query evaluation and the result formats: the data in, the query asked, the result compared."""

from __future__ import annotations

import re
from dataclasses import replace

import pyoxigraph as ox
import pytest

from ontologies.formats import format_of_file
from tests.conformance import archive, solutions
from tests.conformance.cases import Case, Kind
from tests.conformance.manifests import of
from tests.conformance.outcomes import parameters
from tests.conformance.rdf import dataset, document
from tests.conformance.service import Service, media_type, must
from tests.conformance.solutions import Solutions
from tests.conformance.values import by_value, computed, stored

_RESULTS = {
    "srx": "application/sparql-results+xml",
    "srj": "application/sparql-results+json",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
}
_DEFAULT = _RESULTS["srj"]
_ORDERED = re.compile(r"\bORDER\s+BY\b[^}]*$", re.IGNORECASE)


@pytest.mark.parametrize("case", parameters(of(Kind.QUERY, Kind.CSV)))
def test_query(case: Case, service: Service) -> None:
    """Expect the solutions, the boolean or the graph of the result's file."""
    expected = _expected(case)
    accept = _accept(case, expected)
    service.load(case.data, case.endpoints)
    answer = must(service.query(archive.text(case.text), base=case.text, accept=accept))
    assert media_type(answer) == accept
    if isinstance(expected, ox.Dataset):
        assert dataset(list(ox.parse(answer.content, ox.RdfFormat.from_media_type(accept)))) == expected
    else:
        _compare(expected, solutions.read(answer.content, accept), case)


def _expected(case: Case) -> Solutions | bool | ox.Dataset:
    results = _read(case)
    if isinstance(results, Solutions) and _ORDERED.search(archive.text(case.text)):
        return replace(results, ordered=True)
    return results


def _read(case: Case) -> Solutions | bool | ox.Dataset:
    assert case.result is not None
    if found := _RESULTS.get(_ending(case.result)):
        return solutions.read(archive.files()[case.result], found)
    quads = document(case.result)
    results = solutions.read_graph(quads)
    return dataset(quads) if results is None else results


def _accept(case: Case, expected: Solutions | bool | ox.Dataset) -> str:
    """Ask for the format that the expected result is in, where that is one of a service's."""
    assert case.result is not None
    if isinstance(expected, ox.Dataset):
        return format_of_file(case.result).media_type
    return _RESULTS.get(_ending(case.result), _DEFAULT)


def _ending(url: str) -> str:
    return url.rpartition(".")[2]


def _compare(expected: Solutions | bool, actual: Solutions | bool, case: Case) -> None:
    if isinstance(expected, bool) or isinstance(actual, bool):
        assert actual == expected
        return
    kept, new = stored(case.data), computed(archive.text(case.text))
    same = solutions.same(by_value(expected, kept, new), by_value(actual, kept, new), lax=case.lax)
    assert same, f"expected {solutions.shown(expected)}\nbut got {solutions.shown(actual)}"
