"""What reading or writing a model found: counts, and where something was repaired, renamed or not understood."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

# What a finding may be about. The order is that of a report.
NOT_UNDERSTOOD = "not-understood"  # it is in the document, and not in the graph
WITHOUT_CLASS = "without-class"  # it is in the graph, and no class of ours fits it
NOT_EXPRESSED = "not-expressed"  # it is in the graph, and the form that is written has no word for it
REPAIRED = "repaired"
RENAMED = "renamed"
KINDS = (NOT_UNDERSTOOD, WITHOUT_CLASS, NOT_EXPRESSED, REPAIRED, RENAMED)

_MOST_KEPT = 200  # of a kind, so that memory does not grow with the document


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know: its kind, where (line, record, path or IRI), and in words."""

    kind: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


@dataclass(slots=True)
class Report:
    """What was found in a document of a form.

    ``counts`` are by what the form itself speaks of (``records``, ``interfaces``), ``found`` by kind of finding;
    the first of each kind are in ``findings``.
    """

    form: str
    counts: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    _kept: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, where: str, message: str, times: int = 1) -> None:
        """Note a finding, which stands for as many as it says."""
        self.found[kind] += times
        if self._kept[kind] < _MOST_KEPT:
            self._kept[kind] += 1
            self.findings.append(Finding(kind, where, message))

    def of(self, kind: str) -> list[Finding]:
        """Return the findings of a kind that were kept."""
        return [finding for finding in self.findings if finding.kind == kind]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "form": self.form,
            "counts": dict(self.counts),
            "found": {kind: count for kind, count in self.found.items() if count},
            "findings": [asdict(finding) for finding in self.findings],
        }


def times(count: int) -> str:
    """Return a count in words: ``once``, ``1,234 times``."""
    return "once" if count == 1 else f"{count:,} times"
