"""Reports of validation in the forms that other tools read: SARIF 2.1.0 (OASIS) and SHACL's own report (W3C, 3.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from ontologies.namespaces import PREFIXES, RDF, SH, XSD

_LEVELS = {"Violation": "error", "Warning": "warning", "Info": "note"}
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|^`\\]+")
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
Finding = Mapping[str, Any]


def sarif(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report (see `Report.to_dict`) as SARIF: a rule for each cause, a result for each finding."""
    causes = {_key(cause): number for number, cause in enumerate(report["causes"])}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Twinhouse", "rules": [_rule(*pair) for pair in _numbered(report)]}},
                "results": [_result(finding, causes[_key(finding)]) for finding in report["findings"]],
            }
        ],
    }


def _numbered(report: Mapping[str, Any]) -> Iterator[tuple[int, Finding]]:
    yield from enumerate(report["causes"])


def _key(found: Finding) -> tuple[str, str]:
    return found["severity"], found["cause"]


def _rule(number: int, cause: Finding) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": _id(number),
        "shortDescription": {"text": cause["cause"]},
        "defaultConfiguration": {"level": _level(cause)},
    }
    return {**rule, "help": {"text": cause["hint"]}} if cause["hint"] else rule


def _result(finding: Finding, number: int) -> dict[str, Any]:
    names = [part for part in (finding["path"], finding["value"]) if part]
    return {
        "ruleId": _id(number),
        "ruleIndex": number,
        "level": _level(finding),
        "message": {"text": finding["message"]},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": finding["focus"], "kind": "resource"}]}],
        **({"properties": {"path": finding["path"], "value": finding["value"]}} if names else {}),
    }


def _id(number: int) -> str:
    return f"cause-{number + 1}"


def _level(found: Finding) -> str:
    return _LEVELS.get(found["severity"], "none")


def shacl(report: Mapping[str, Any]) -> bytes:
    """Return a report as a graph, in Turtle."""
    node = BlankNode()
    triples = [
        Triple(node, RDF["type"], SH["ValidationReport"]),
        Triple(node, SH["conforms"], Literal("true" if report["conforms"] else "false", datatype=XSD["boolean"])),
        *_results(node, report["findings"]),
    ]
    return serialize(triples, format=RdfFormat.TURTLE, prefixes=PREFIXES) or b""


def _results(report: BlankNode, findings: Sequence[Finding]) -> Iterator[Triple]:
    for finding in findings:
        result = BlankNode()
        yield Triple(report, SH["result"], result)
        yield Triple(result, RDF["type"], SH["ValidationResult"])
        yield Triple(result, SH["focusNode"], _term(finding["focus"]))
        yield Triple(result, SH["resultSeverity"], SH[finding["severity"]])
        yield Triple(result, SH["resultMessage"], Literal(finding["message"]))
        if finding["path"] and _IRI.fullmatch(finding["path"]):
            yield Triple(result, SH["resultPath"], NamedNode(finding["path"]))
        if finding["value"]:
            yield Triple(result, SH["value"], _term(finding["value"]))
        if finding["shape"] and _IRI.fullmatch(finding["shape"]):
            yield Triple(result, SH["sourceShape"], NamedNode(finding["shape"]))


def _term(text: str) -> NamedNode | BlankNode | Literal:
    if text.startswith("_:"):
        return BlankNode(re.sub(r"\W", "", text[2:]) or "b")
    return NamedNode(text) if _IRI.fullmatch(text) else Literal(text)
