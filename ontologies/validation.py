"""Validation of a model against an ontology's shapes: W3C SHACL, with the rules of SHACL-AF, by pyshifty."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, serialize

from ontologies.catalog import Ontology, qudt_types
from ontologies.formats import read_quads
from ontologies.migration import renamed
from ontologies.namespaces import BRICK, BRICK_RELEASES, RDF, RDFS, REC, compact
from ontologies.skolem import named, unnamed, unnamed_triples

if TYPE_CHECKING:
    from shifty import Reason, Violation

_SEVERITIES = ("Violation", "Warning", "Info")
_DEPRECATED = re.compile(r"has type <([^>]+)> which was deprecated")
_CLASS = re.compile(r"instance of <([^>]+)>")
_DATATYPE = re.compile(r"datatype\(([a-z]+:\w+)\)")
_EXCLUDED = "not an instance of <"
_ONE_CLASS = (
    "keep the class of what it is; relations say a class as well: what has brick:isPointOf is a brick:Point, for one"
)
_MOST_NAMED = 3  # classes, of which a node may have any
_SINCE_1_5 = (
    "Brick 1.4 asks for that, though it has RealEstateCore's classes in place of its own; 1.5 does not: --version 1.5"
)
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
        cause, hint = self._explain(_bare(violation.focus_node), value, path, shape, message)
        return ValidationFinding(
            reason.severity, _bare(violation.focus_node), path, value, shape, message, cause, hint
        )

    def _explain(
        self, focus: str, value: str, path: str | None, shape: str | None, message: str
    ) -> tuple[str, str | None]:
        if deprecated := _DEPRECATED.search(message):
            return self._deprecated(deprecated[1])
        if _EXCLUDED in message and (types := self._types.get(value)):
            names = ", ".join(map(compact, sorted(types)))
            return f"the node is {names}, and of a class that excludes this", _ONE_CLASS
        if wanted := _CLASS.findall(message):
            return self._misfit(value, path, wanted)
        if path and (datatype := _DATATYPE.search(message)):
            return f"what {compact(path)} says is no {datatype[1]}", f'write it as "…"^^{datatype[1]}'
        if (known := self._types.get(focus)) and known.isdisjoint(self._shapes.classes):
            return self._unknown(sorted(known), None)
        said = _IRI.sub(_compacted, message)
        if path and _is_resource(value) and value != focus and value not in self._types:
            hint = "say what it is: add an rdf:type, or validate together with the model that says it"
            return f"what {compact(path)} points to has no class, but: {said}", hint
        # Shapes that say the same of a path are mended together.
        return f"{compact(path or shape or '')}: {said}".removeprefix(": "), None

    def _deprecated(self, old: str) -> tuple[str, str]:
        new = self._shapes.replacements.get(old)
        todo = f"write {compact(new)} in its place" if new else "look for its successor in the release notes"
        return f"{compact(old)} is deprecated", f"{compact(old)} still works, but {todo}"

    def _misfit(self, value: str, path: str | None, wanted: Sequence[str]) -> tuple[str, str]:
        """Explain a value that is of none of the classes that are wanted."""
        types = self._types.get(value, set())
        gone = sorted(types - self._shapes.classes)
        where = f"what {compact(path)} points to" if path else "the node"
        choice = _either(wanted)
        if gone:
            return self._unknown(gone, wanted[0])
        if types:
            names = ", ".join(map(compact, sorted(types)))
            later = list(wanted) == [BRICK["Location"].value] and all(NamedNode(name) in REC for name in types)
            return (
                f"{where} is {names}, not {choice}",
                _SINCE_1_5 if later else f"check whether {compact(path or '')} is meant",
            )
        if path and not _is_resource(value):
            hint = f"write a node in its place: [ a {compact(wanted[0])} ; … ]"
            return f"what {compact(path)} says is a literal, but must be {choice}", hint
        return (
            f"{where} has no class, but must be {choice}",
            f"say what it is: add an rdf:type that is {compact(wanted[0])} or below it",
        )

    def _unknown(self, gone: Sequence[str], wanted: str | None) -> tuple[str, str]:
        """Explain classes that the ontology does not have, of a node that should be of one that is `wanted`."""
        old = next((release for release in BRICK_RELEASES[1:] if NamedNode(gone[0]) in release), None)
        if old is not None:
            return (
                f"classes are of an older Brick, {old.iri}",
                "`twinhouse load --brick 1.4` writes the model in today's terms, and says which have none",
            )
        names = ", ".join(map(compact, gone))
        newer = renamed(NamedNode(gone[0]))
        if newer is not None:
            return (
                f"the ontology has no class {names}",
                f"renamed: write {compact(newer.value)} in its place; `twinhouse load --brick` does",
            )
        below = f"{compact(wanted)} or one below it" if wanted else "one that it has"
        return (
            f"the ontology has no class {names}",
            f"renamed, removed or misspelt: give it a class that the ontology has, or declare {names}"
            f" as a subclass of {below}",
        )


def _cause(group: list[ValidationFinding]) -> Cause:
    first = group[0]
    touched = {f.value if f.value and _is_resource(f.value) else f.focus for f in group}
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


def _either(classes: Sequence[str]) -> str:
    names = [compact(name) for name in classes]
    return " or ".join(names if len(names) <= _MOST_NAMED else [*names[:_MOST_NAMED], "one of others"])


def _is_resource(value: str) -> bool:
    return bool(re.match(r"_:|[A-Za-z][A-Za-z0-9+.\-]*:[^\s\"]*$", value))


def _compacted(found: re.Match[str]) -> str:
    return compact(found[1])
