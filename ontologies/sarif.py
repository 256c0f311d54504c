"""Reports of a validation as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the model."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from ontologies.namespaces import compact

MEDIA_TYPE = "application/sarif+json"
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"Violation": "error", "Warning": "warning"}


def to_sarif(report: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return a report (`validation.Report.to_dict`, with `advice` or without) as a SARIF log of one run.

    A cause becomes a rule, a finding a result; it is located by its focus node, since RDF has no lines.
    """
    causes = [*report["causes"], *({**item, "severity": "Info"} for item in report.get("advice", ()))]
    rules: dict[str, dict[str, Any]] = {}
    for cause in causes:
        rules.setdefault(cause["cause"], _rule(cause, {rule["id"] for rule in rules.values()}))
    places = {text: index for index, text in enumerate(rules)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Twinhouse", "version": version, "rules": list(rules.values())}},
                "results": [
                    {"ruleId": rules[cause]["id"], "ruleIndex": places[cause], **result}
                    for cause, result in chain(_findings(report), _advice(report))
                ],
            }
        ],
    }


def _rule(cause: Mapping[str, Any], taken: Container[str]) -> dict[str, Any]:
    stem = name = re.sub(r"[^A-Za-z0-9]+", "-", cause["cause"]).strip("-").lower()
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": cause["cause"]}}
    if cause["hint"]:
        rule["help"] = {"text": cause["hint"]}
    return rule


def _findings(report: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a result for each finding, with its cause."""
    for finding in report["findings"]:
        terms = " ".join(compact(finding[part]) for part in ("focus", "path", "value") if finding[part])
        level = _LEVELS.get(finding["severity"], "note")
        yield finding["cause"], _result(level, f"{finding['message']} ({terms})", [finding["focus"]])


def _advice(report: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a result for each piece of advice, with its cause."""
    for item in report.get("advice", ()):
        text = f"{item['cause']}, {item['count']:,} times"
        yield item["cause"], _result("note", text, item["examples"])


def _result(level: str, text: str, nodes: Iterable[str]) -> dict[str, Any]:
    places = [{"logicalLocations": [{"fullyQualifiedName": node, "kind": "resource"}]} for node in nodes]
    return {"level": level, "message": {"text": text}, "locations": places}
