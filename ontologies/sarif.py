"""Reports of a validation as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    rules = {cause["cause"]: _rule(cause) for cause in causes}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Twinhouse", "version": version, "rules": list(rules.values())}},
                "results": [*_findings(report, rules), *_advice(report, rules)],
            }
        ],
    }


def _rule(cause: Mapping[str, Any]) -> dict[str, Any]:
    name = re.sub(r"[^A-Za-z0-9]+", "-", cause["cause"]).strip("-").lower()
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": cause["cause"]}}
    if cause["hint"]:
        rule["help"] = {"text": cause["hint"]}
    return rule


def _findings(report: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for finding in report["findings"]:
        terms = " ".join(compact(finding[part]) for part in ("focus", "path", "value") if finding[part])
        level = _LEVELS.get(finding["severity"], "note")
        yield _result(rules[finding["cause"]], level, f"{finding['message']} ({terms})", [finding["focus"]])


def _advice(report: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for item in report.get("advice", ()):
        text = f"{item['cause']}, {item['count']:,} times"
        yield _result(rules[item["cause"]], "note", text, item["examples"])


def _result(rule: Mapping[str, Any], level: str, text: str, nodes: Iterable[str]) -> dict[str, Any]:
    places = [{"logicalLocations": [{"fullyQualifiedName": node, "kind": "resource"}]} for node in nodes]
    return {"ruleId": rule["id"], "level": level, "message": {"text": text}, "locations": places}
