"""Proposals out to a person and decisions back, as CSV for a spreadsheet or as JSON.

In CSV a person fills the column ``verdict``: ``accept`` (or ``a``, ``ok``, ``x``), ``correct``, ``reject``, or
nothing for "not looked at". A changed ``class`` is a correction also without a verdict.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pyoxigraph import NamedNode

from ontologies.errors import TableError, ValueShapeError
from ontologies.namespaces import BRICK
from ontologies.tagging.classes import point_classes
from ontologies.tagging.decisions import VERDICTS, Decision
from ontologies.tagging.proposals import Proposal, class_iri

COLUMNS = (
    "verdict",
    "class",
    "confidence",
    "name",
    "description",
    "units",
    "object",
    "device",
    "equipment",
    "location",
    "tags",
    "alternatives",
    "reason",
    "status",
    "proposed",
    "point",
)
_WORDS = {
    "a": "accept",
    "ok": "accept",
    "x": "accept",
    "yes": "accept",
    "c": "correct",
    "r": "reject",
    "no": "reject",
}
# A spreadsheet takes a cell that begins so for a formula; the apostrophe keeps it a text, and is taken off again.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def proposals_csv(proposals: Iterable[Proposal]) -> str:
    """Return proposals as CSV (RFC 4180), in their order, for a spreadsheet; ``read_decisions`` reads it back."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for proposal in proposals:
        writer.writerow([_guarded(str(value)) for value in _row(proposal).values()])
    return out.getvalue()


def proposals_json(proposals: Iterable[Proposal]) -> str:
    """Return proposals as JSON: an array of objects with the columns of the CSV and the candidates in full."""
    rows = [
        {
            **_row(proposal),
            "confidence": proposal.confidence,
            "tags": list(proposal.tags),
            "alternatives": [
                {"class": c.name, "confidence": c.confidence, "reason": c.reason} for c in proposal.candidates
            ],
        }
        for proposal in proposals
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def read_decisions(
    text: str, form: str, *, by: str | None = None, at: str | None = None, points: Sequence[str] | None = None
) -> tuple[Decision, ...]:
    """Read what a person decided from CSV or JSON (`form`); rows without a verdict or a change are passed over.

    `by` and `at` (xsd:dateTime) say who and when. With `points`, one that is not among them is refused. Nothing
    is taken from a text with a mistake: `TableError` (CSV) and `ValueShapeError` (JSON) name the row.
    """
    rows = _json_rows(text) if form == "json" else _csv_rows(text)
    known = None if points is None else frozenset(points)
    found: dict[str, Decision] = {}
    for where, row in rows:
        decision = _decision(row, where, by, at)
        if decision is None:
            continue
        if known is not None and decision.point not in known:
            raise _error(where, f"no point {decision.point!r} in this network")
        if decision.point in found:
            raise _error(where, f"point {decision.point!r} was decided before in this text")
        found[decision.point] = decision
    return tuple(found.values())


def _row(proposal: Proposal) -> dict[str, str]:
    name = _short(proposal.class_iri)
    alternatives = (f"{c.name} {c.confidence:.0%}" for c in proposal.candidates if c.name != name)
    cells = (
        "",
        name,
        f"{proposal.confidence:.2f}",
        proposal.name,
        proposal.description,
        proposal.units,
        proposal.object,
        str(proposal.device),
        proposal.equipment or "",
        proposal.location or "",
        " ".join(proposal.tags),
        "; ".join(alternatives),
        proposal.reason,
        proposal.status,
        name,
        proposal.point,
    )
    return dict(zip(COLUMNS, cells, strict=True))


def _short(iri: str) -> str:
    return iri.removeprefix(BRICK.iri)


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _csv_rows(text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text))
    try:
        header = next(reader, [])
        missing = [name for name in ("verdict", "class", "point") if name not in header]
        if missing:
            raise TableError(f"no column {missing[0]!r}; a review has {', '.join(COLUMNS)}", line=1)
        for cells in reader:
            if any(cells):
                if len(cells) > len(header):
                    raise TableError(f"{len(cells)} cells for {len(header)} columns", line=reader.line_num)
                yield f"line {reader.line_num}", dict(zip(header, map(_bare, cells), strict=False))
    except csv.Error as error:
        raise TableError(str(error), line=reader.line_num) from error


def _delimiter(text: str) -> str:
    """Return what separates the columns: spreadsheets of some countries write semicolons."""
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _json_rows(text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueShapeError("", f"not JSON: {error}") from error
    if not isinstance(rows, list):
        raise ValueShapeError("", "an array expected")
    for at, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ValueShapeError(f"[{at}]", "an object expected")
        yield f"[{at}]", {name: _text(value) for name, value in row.items()}


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, list):
        return " ".join(item for item in value if isinstance(item, str))
    return "" if value is None else str(value)


def _decision(row: Mapping[str, str], where: str, by: str | None, at: str | None) -> Decision | None:
    said = row.get("verdict", "").strip().lower()
    verdict = _WORDS.get(said, said)
    name, proposed = row.get("class", "").strip(), row.get("proposed", "").strip()
    changed = bool(name) and bool(proposed) and name != proposed
    if not verdict and not changed:
        return None
    if verdict and verdict not in VERDICTS:
        raise _error(where, f"verdict {said!r}: accept, correct, reject or nothing expected")
    if changed and verdict != "reject":
        verdict = "correct"
    if not row.get("point"):
        raise _error(where, "no point")
    iri = None if verdict == "reject" and not changed else _class(name, where)
    tags = tuple(row["tags"].split()) if row.get("tags") and not changed and verdict != "reject" else ()
    return Decision(
        _iri(row["point"].strip(), where),
        verdict,
        iri,
        tags,
        row.get("equipment"),
        row.get("location"),
        row.get("name"),
        by,
        at,
    )


def _class(name: str, where: str) -> str:
    """Return the IRI of a class by name or IRI; a name must be one of Brick's classes of points."""
    if ":" in name and not name.startswith("brick:"):
        return _iri(name, where)
    name = name.removeprefix("brick:").replace(" ", "_")
    known = {found.name for found in point_classes().classes}
    replaced = point_classes().replaced.get(BRICK[name].value)
    if replaced is not None:
        return replaced
    if name not in known:
        close = ", ".join(sorted(known, key=lambda other: (-len(_words(other) & _words(name)), other))[:3])
        raise _error(where, f"Brick has no class of points {name!r}; near it are {close}")
    return class_iri(name)


def _iri(text: str, where: str) -> str:
    try:
        return str(NamedNode(text).value)
    except ValueError as error:
        raise _error(where, f"{text!r} is no IRI: {error}") from error


def _words(name: str) -> set[str]:
    return set(name.lower().split("_"))


def _error(where: str, message: str) -> TableError | ValueShapeError:
    if where.startswith("line "):
        return TableError(message, line=int(where.removeprefix("line ")))
    return ValueShapeError(where, message)
