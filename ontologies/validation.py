"""Validation of a model against an ontology's shapes: W3C SHACL, with the rules of SHACL-AF, by pyshifty."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, serialize

from ontologies.catalog import Ontology, qudt_types
from ontologies.formats import read_quads
from ontologies.namespaces import BRICK, RDF, RDFS, compact
from ontologies.skolem import named, unnamed, unnamed_triples

if TYPE_CHECKING:
    from shifty import Reason, Violation

_SEVERITIES = ("Violation", "Warning", "Info")
_DEPRECATED = re.compile(r"has type <([^>]+)> which was deprecated")
_CLASS = re.compile(r"instance of <([^>]+)>")
_IRI = re.compile(r"<([^<>\s]+)>")


@dataclass(frozen=True, slots=True)
class ValidationFinding:
    """One result of a SHACL report; ``cause`` is the same for findings that one change would mend."""

    severity: str
    focus: str
    path: str | None
    value: str | None
    shape: str | None
    message: str
    cause: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason why the model does not conform: how many nodes it touches, with one finding to look at."""

    severity: str
    cause: str
    hint: str | None
    count: int
    example: ValidationFinding


@dataclass(frozen=True, slots=True)
class Report:
    """What a validation found. As in SHACL, a model conforms when there is nothing at all to report."""

    conforms: bool
    findings: tuple[ValidationFinding, ...]

    def causes(self) -> tuple[Cause, ...]:
        """Group the findings by cause: the gravest first, then the most frequent."""
        groups: defaultdict[tuple[str, str], list[ValidationFinding]] = defaultdict(list)
        for finding in self.findings:
            groups[finding.severity, finding.cause].append(finding)
        causes = [_cause(group) for group in groups.values()]
        return tuple(sorted(causes, key=lambda c: (_rank(c.severity), -c.count, c.cause)))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "conforms": self.conforms,
            "causes": [asdict(cause) for cause in self.causes()],
            "findings": [asdict(finding) for finding in self.findings],
        }


def validate(
    model: Iterable[Quad] | bytes, ontology: Ontology | Iterable[Quad] | bytes, *, infer: bool = True
) -> Report:
    """Validate a model, as quads or N-Triples, against an ontology's shapes.

    The rules of the ontology run first, as Brick's shapes expect; ``infer=False`` leaves them out, is several
    times as fast, and misses what only the inferred triples break.
    """
    import shifty  # heavy: imported by those who validate

    quads = _without_blank_nodes(model)
    shapes = _packaged(ontology) if isinstance(ontology, Ontology) else _shapes(_quads(ontology))
    result = shifty.validate_algebra(_document(quads, shapes), infer=infer)
    explain = _Explainer(quads, shapes)
    findings = {explain.finding(violation, reason) for violation in result.violations for reason in violation.reasons}
    return Report(result.conforms, tuple(sorted(findings, key=_order)))


def report_graph(model: Iterable[Quad] | bytes, ontology: Ontology) -> bytes:
    """Validate a model; return the report (SHACL, section 3.6) as N-Triples."""
    import shifty  # heavy: imported by those who validate

    _, graph, _ = shifty.validate(_document(_without_blank_nodes(model), _packaged(ontology)))
    return unnamed_triples(graph.serialize(format="nt", encoding="utf-8"))


def _without_blank_nodes(model: Iterable[Quad] | bytes) -> list[Quad]:
    # pyshifty 0.5.1 never ends when a Brick rule makes triples of a blank node that has a brick:value: each round
    # makes a new node. So a model's blank nodes get names for now. The price: a shape that wants an IRI accepts them.
    return [named(quad) for quad in _quads(model)]


def _document(quads: list[Quad], shapes: _Shapes) -> bytes:
    # A model may use units that the ontology never mentions; they are QUDT's all the same.
    return ntriples([*quads, *qudt_types(quads, DefaultGraph())]) + shapes.ntriples


@dataclass(frozen=True, slots=True)
class _Shapes:
    ntriples: bytes
    classes: frozenset[str]
    replacements: dict[str, str]


@lru_cache(maxsize=2)
def _packaged(ontology: Ontology) -> _Shapes:
    return _shapes(list(ontology.quads()))


def _shapes(quads: list[Quad]) -> _Shapes:
    classes = {
        quad.subject.value
        for quad in quads
        if quad.predicate in (RDFS["subClassOf"], RDF["type"]) and isinstance(quad.subject, NamedNode)
    }
    replacements = {
        quad.subject.value: quad.object.value
        for quad in quads
        if quad.predicate == BRICK["isReplacedBy"]
        and isinstance(quad.subject, NamedNode)
        and isinstance(quad.object, NamedNode)
    }
    return _Shapes(ntriples(quads), frozenset(classes), replacements)


def _quads(source: Iterable[Quad] | bytes) -> list[Quad]:
    return list(read_quads(source, RdfFormat.N_TRIPLES) if isinstance(source, bytes) else source)


def ntriples(quads: Iterable[Quad]) -> bytes:
    """Return the triples of quads, whatever their graphs."""
    return serialize((quad.triple for quad in quads), format=RdfFormat.N_TRIPLES) or b""


class _Explainer:
    """Puts a result into words, knowing what the model says its nodes are."""

    def __init__(self, model: Iterable[Quad], shapes: _Shapes) -> None:
        self._shapes = shapes
        self._types: defaultdict[str, set[str]] = defaultdict(set)
        for quad in model:
            if quad.predicate == RDF["type"] and isinstance(quad.object, NamedNode):
                self._types[_bare(str(quad.subject))].add(quad.object.value)

    def finding(self, violation: Violation, reason: Reason) -> ValidationFinding:
        message = reason.author_message or reason.message
        path = _bare(reason.path) if reason.path else None
        shape = _bare(violation.shape_name) if violation.shape_name else None
        value = _bare(reason.value)
        cause, hint = self._explain(value, path, shape, message)
        return ValidationFinding(
            reason.severity, _bare(violation.focus_node), path, value, shape, message, cause, hint
        )

    def _explain(self, value: str, path: str | None, shape: str | None, message: str) -> tuple[str, str | None]:
        if deprecated := _DEPRECATED.search(message):
            return self._deprecated(deprecated[1])
        if wanted := _CLASS.search(message):
            return self._misfit(value, path, wanted[1])
        where = " ".join(compact(name) for name in (shape, path) if name)
        return f"{where}: {_IRI.sub(_compacted, message)}", None

    def _deprecated(self, old: str) -> tuple[str, str]:
        new = self._shapes.replacements.get(old)
        todo = f"write {compact(new)} in its place" if new else "look for its successor in the release notes"
        return f"{compact(old)} is deprecated", f"{compact(old)} still works, but {todo}"

    def _misfit(self, value: str, path: str | None, wanted: str) -> tuple[str, str]:
        types = self._types.get(value, set())
        gone = sorted(types - self._shapes.classes)
        where = f"what {compact(path)} points to" if path else "the node"
        if gone:
            names = ", ".join(map(compact, gone))
            return (
                f"the ontology has no class {names}",
                f"renamed, removed or misspelt: give it a class that the ontology has, or declare {names}"
                f" as a subclass of {compact(wanted)} or one below it",
            )
        if types:
            names = ", ".join(map(compact, sorted(types)))
            return (
                f"{where} is {names}, not {compact(wanted)}",
                f"check whether {compact(path or '')} is meant",
            )
        return (
            f"{where} has no class, but must be {compact(wanted)}",
            f"say what it is: add an rdf:type that is {compact(wanted)} or below it",
        )


def _cause(group: list[ValidationFinding]) -> Cause:
    first = group[0]
    touched = {(finding.focus, finding.value) for finding in group}
    return Cause(first.severity, first.cause, first.hint, len(touched), first)


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


def _order(finding: ValidationFinding) -> tuple[int, str, str, str, str, str]:
    return (
        _rank(finding.severity),
        finding.focus,
        finding.path or "",
        finding.value or "",
        finding.shape or "",
        finding.message,
    )


def _bare(term: str) -> str:
    found = _IRI.fullmatch(term)
    return unnamed(found[1] if found else term)


def _compacted(found: re.Match[str]) -> str:
    return compact(found[1])
