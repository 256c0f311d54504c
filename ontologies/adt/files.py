"""Files of twin graphs: the Explorer's JSON, NDJSON of Azure's import job, and the Explorer's Excel sheets.

Read are also an array of twins, as a query answers, and DTDL by itself, which is a graph of models only.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from ontologies.adt.records import RecordError, read_relationship, read_twin, relationship_record, twin_record
from ontologies.adt.twins import Json, Relationship, Twin, TwinGraph
from ontologies.errors import FormatError

VERSION = "1.0.0"
SECTIONS = ("Header", "Models", "Twins", "Relationships")
COLUMNS = ("ModelID", "ID (must be unique)", "Relationship (From)", "Relationship Name", "Init Data")

_ZIP = b"PK\x03\x04"


def read_json(text: str) -> TwinGraph:
    """Read the Explorer's JSON, an array of twins, or DTDL. Raises FormatError, with line or path."""
    document = parse(text)
    graph = TwinGraph()
    if isinstance(document, dict) and ("digitalTwinsGraph" in document or "digitalTwinsModels" in document):
        _read_export(document, graph)
    elif isinstance(document, list) and any(isinstance(item, dict) and "$dtId" in item for item in document):
        for at, record in enumerate(document):
            _add_twin(graph, read_twin(record, f"[{at}]"), f"[{at}]")
    else:
        graph.models.extend(map(_definition, document if isinstance(document, list) else [document]))
    return graph


def _definition(item: Json) -> Json:
    """Return the model itself of what Azure's lists of models hold: id, time of upload, and the model."""
    inner = item.get("model") if isinstance(item, dict) and "@id" not in item else None
    return inner if isinstance(inner, dict) else item


def parse(text: str) -> Json:
    """Parse JSON. Raises FormatError with line and column."""
    try:
        return _sound(json.loads(text), text)
    except json.JSONDecodeError as error:
        message = f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        raise FormatError(message, line=error.lineno, column=error.colno) from None
    except (UnicodeEncodeError, RecursionError) as error:
        raise FormatError(f"not JSON that can be kept: {_why(error)}") from None


def _sound(document: Json, text: str) -> Json:
    """Return a document, unless half of a surrogate pair is escaped in it, which is no text (RFC 8259, 8.2)."""
    if "\\ud" in text.lower():
        json.dumps(document, ensure_ascii=False).encode()
    return document


def _why(error: Exception) -> str:
    return "it is nested too deep" if isinstance(error, RecursionError) else "half a surrogate pair is no text"


def read_ndjson(text: str) -> TwinGraph:
    """Read a file of an import job: a record a line, in sections. Raises FormatError, with the line."""
    graph = TwinGraph()
    section: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        record, where = _line(line, number), f"line {number}"
        if isinstance(record, dict) and set(record) == {"Section"}:
            section = _section(record["Section"], section, number)
            continue
        try:
            _read_in_section(graph, section, record, where)
        except RecordError as error:
            raise FormatError(str(error), line=number) from None
    return graph


def _line(line: str, number: int) -> Json:
    try:
        return _sound(json.loads(line), line)
    except json.JSONDecodeError as error:
        message = f"line {number}, column {error.colno}: not JSON: {error.msg}"
        raise FormatError(message, line=number, column=error.colno) from None
    except (UnicodeEncodeError, RecursionError) as error:
        raise FormatError(f"line {number}: not JSON that can be kept: {_why(error)}", line=number) from None


def _section(name: Json, before: str | None, line: int) -> str:
    if name not in SECTIONS:
        message = f"line {line}: no section {name!r}; there are {', '.join(SECTIONS)}"
        raise FormatError(message, line=line)
    if before is not None and SECTIONS.index(name) < SECTIONS.index(before):
        message = f"line {line}: section {name} comes after {before}; the order is {', '.join(SECTIONS)}"
        raise FormatError(message, line=line)
    return str(name)


def _read_in_section(graph: TwinGraph, section: str | None, record: Json, where: str) -> None:
    match section:
        case "Header":
            if not isinstance(record, dict) or not str(record.get("fileVersion", "")).startswith("1."):
                raise RecordError(where, f'the header must say "fileVersion": "{VERSION}"')
        case "Models":
            graph.models.append(record)
        case "Twins":
            _add_twin(graph, read_twin(record, where), where)
        case "Relationships":
            _add_relationship(graph, read_relationship(record, where), where)
        case _:
            raise RecordError(where, 'the file must begin with {"Section": "Header"}')


def _read_export(document: dict[str, Json], graph: TwinGraph) -> None:
    graph.models.extend(_listed(document, "digitalTwinsModels", ""))
    inner = document.get("digitalTwinsGraph", {})
    if not isinstance(inner, dict):
        raise RecordError("digitalTwinsGraph", "an object is needed")
    for at, record in enumerate(_listed(inner, "digitalTwins", "digitalTwinsGraph.")):
        where = f"digitalTwinsGraph.digitalTwins[{at}]"
        _add_twin(graph, read_twin(record, where), where)
    for at, record in enumerate(_listed(inner, "relationships", "digitalTwinsGraph.")):
        where = f"digitalTwinsGraph.relationships[{at}]"
        _add_relationship(graph, read_relationship(record, where), where)


def _listed(document: dict[str, Json], member: str, path: str) -> list[Json]:
    value = document.get(member) or []
    if not isinstance(value, list):
        raise RecordError(path + member, "an array is needed")
    return value


def _add_twin(graph: TwinGraph, twin: Twin, where: str) -> None:
    if twin.id in graph.places:
        raise RecordError(where, f"$dtId {twin.id!r} is there already, at {graph.places[twin.id]}; ids are unique")
    graph.places[twin.id] = where
    graph.twins.append(twin)


def _add_relationship(graph: TwinGraph, relationship: Relationship, where: str) -> None:
    key = (relationship.source, relationship.id)
    if key in graph.places:
        before = graph.places[key]
        raise RecordError(
            where, f"{relationship.source!r} has $relationshipId {relationship.id!r} twice; see {before}"
        )
    graph.places[key] = where
    graph.relationships.append(relationship)


def is_sheet(document: bytes) -> bool:
    """Tell whether bytes are a whole Excel file whose first row has the Explorer's columns."""
    if not document.startswith(_ZIP):
        return False
    try:
        return _is_header(next(_rows(document), ()))
    except FormatError:  # not Excel, or not all of it
        return False


def _is_header(cells: tuple[Any, ...]) -> bool:
    names = [str(cell or "").strip().lower() for cell in cells[: len(COLUMNS)]]
    return names == [name.lower() for name in COLUMNS]


def read_sheet(document: bytes) -> TwinGraph:
    """Read the first sheet of an Excel file of the Explorer. Raises FormatError, with the row."""
    rows = _rows(document)
    header = next(rows, ())
    if not _is_header(header):
        found = ", ".join(str(cell) for cell in header if cell is not None)
        raise FormatError(f"row 1: the columns must be {', '.join(COLUMNS)}, not {found}", line=1)
    graph = TwinGraph()
    for number, row in enumerate(rows, 2):
        cells = [None if cell is None else str(cell).strip() for cell in (*row, *[None] * len(COLUMNS))][
            : len(COLUMNS)
        ]
        if any(cells):
            _read_row(graph, cells, number)
    return graph


def _rows(document: bytes) -> Iterator[tuple[Any, ...]]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(document), read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever the broken part raises
        raise FormatError(f"not an Excel workbook: {error}") from None
    yield from book.worksheets[0].iter_rows(values_only=True)


def _read_row(graph: TwinGraph, cells: list[str | None], number: int) -> None:
    model, twin, source, name, data = cells
    where = f"row {number}"
    if not twin:
        raise FormatError(f"{where}: no id in column {COLUMNS[1]!r}", line=number)
    try:
        properties = json.loads(data) if data else {}
    except json.JSONDecodeError as error:
        raise FormatError(f"{where}: {COLUMNS[4]!r} is not JSON: {error.msg}", line=number) from None
    if not isinstance(properties, dict):
        raise FormatError(f"{where}: {COLUMNS[4]!r} must be a JSON object", line=number)
    if twin not in graph.places:
        if not model:
            raise FormatError(f"{where}: no model in column {COLUMNS[0]!r}", line=number)
        _add_twin(graph, read_twin({"$dtId": twin, "$metadata": {"$model": model}, **properties}, where), where)
    if source and not name:
        raise FormatError(f"{where}: a relationship from {source!r} without a name", line=number)
    if source and name:
        # A row gives a relationship no id, so it gets the one that its ends and name give.
        identifier = f"{source}_{name}_{twin}"
        _add_relationship(graph, Relationship(identifier, source, twin, name), where)


def write_json(graph: TwinGraph, sink: IO[bytes]) -> None:
    """Write the Explorer's JSON."""
    document = {
        "digitalTwinsFileInfo": {"fileVersion": VERSION},
        "digitalTwinsGraph": {
            "digitalTwins": [twin_record(twin) for twin in graph.twins],
            "relationships": [relationship_record(item) for item in graph.relationships],
        },
        "digitalTwinsModels": graph.models,
    }
    sink.write(json.dumps(document, ensure_ascii=False, indent=1).encode())
    sink.write(b"\n")


def write_ndjson(graph: TwinGraph, sink: IO[bytes]) -> None:
    """Write a file for an import job; models stand after those that they extend or have as components."""
    for record in _ndjson(graph):
        sink.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def _ndjson(graph: TwinGraph) -> Iterator[Json]:
    yield {"Section": "Header"}
    yield {"fileVersion": VERSION, "author": "twinhouse", "organization": "twinhouse"}
    sections: tuple[tuple[str, Iterable[Json]], ...] = (
        ("Models", graph.models),
        ("Twins", map(twin_record, graph.twins)),
        ("Relationships", (relationship_record(item, "$dtId") for item in graph.relationships)),
    )
    for name, records in sections:
        yield {"Section": name}
        yield from records


def write_sheet(graph: TwinGraph, sink: IO[bytes]) -> list[Relationship]:
    """Write an Excel sheet of the Explorer; return the relationships whose properties it cannot hold."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.append(COLUMNS)
    into: dict[str, list[Relationship]] = {}
    for item in graph.relationships:
        into.setdefault(item.target, []).append(item)
    for twin in graph.twins:
        data = json.dumps(dict(twin.properties), ensure_ascii=False) if twin.properties else None
        arriving = into.pop(twin.id, [])
        first, *others = [[item.source, item.name] for item in arriving] or [[]]
        sheet.append([twin.model, twin.id, *(first or (None, None)), data])
        for row in others:
            sheet.append([twin.model, twin.id, *row, None])
    book.save(sink)
    return [item for item in graph.relationships if item.properties or item in into.get(item.target, [])]
