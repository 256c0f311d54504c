"""Writes solutions in the results formats, as the graph's engine does: a column at a time, in batches."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc
import pyoxigraph as ox

from ontologies.namespaces import XSD
from storage.graph import escaping

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Texts: TypeAlias = "pa.Array[Any]"
JSON, XML, CSV, TSV = (
    "application/sparql-results+json",
    "application/sparql-results+xml",
    "text/csv",
    "text/tab-separated-values",
)
_QUOTED = re.compile(r'[",\r\n]')
_MARK = "0mark0"
_XML = {'"': "&quot;"}


def _json_cell(term: Term) -> str:
    if isinstance(term, ox.NamedNode):
        return f'{{"type":"uri","value":{_json(term.value)}}}'
    if isinstance(term, ox.BlankNode):
        return f'{{"type":"bnode","value":{_json(term.value)}}}'
    if not isinstance(term, ox.Literal):
        raise TypeError("a triple is no cell")
    more = ""
    if term.language:
        more = f',"xml:lang":{_json(term.language)}'
    elif term.datatype != XSD["string"]:
        more = f',"datatype":{_json(term.datatype.value)}'
    return f'{{"type":"literal","value":{_json(term.value)}{more}}}'


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _xml_cell(term: Term) -> str:
    if isinstance(term, ox.NamedNode):
        return f"<uri>{_xml(term.value)}</uri>"
    if isinstance(term, ox.BlankNode):
        return f"<bnode>{_xml(term.value)}</bnode>"
    if not isinstance(term, ox.Literal):
        raise TypeError("a triple is no cell")
    more = ""
    if term.language:
        more = f' xml:lang="{_xml(term.language)}"'
    elif term.datatype != XSD["string"]:
        more = f' datatype="{_xml(term.datatype.value)}"'
    return f"<literal{more}>{_xml(term.value)}</literal>"


def _xml(text: str) -> str:
    return escaping.escaped(escape(text, _XML).encode()).decode()


def _csv_cell(term: Term) -> str:
    text = str(term) if isinstance(term, ox.BlankNode | ox.Triple) else term.value
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _tsv_cell(term: Term) -> str:
    if isinstance(term, ox.Literal) and term.datatype in (XSD["integer"], XSD["boolean"]):
        return term.value
    return str(term).replace("\t", "\\t")


@dataclass(frozen=True, slots=True)
class Format:
    """A results format: the cell of a term, what begins and ends an answer, and a row of cells."""

    cell: Callable[[Term], str]
    head: Callable[[Sequence[str]], str]
    row: Callable[[Sequence[str], Sequence[Texts]], Texts]
    between: str
    end: str


def _json_rows(names: Sequence[str], columns: Sequence[Texts]) -> Texts:
    cells = [joined(f",{_json(name)}:", column) for name, column in zip(names, columns, strict=True)]
    return joined("{", pc.utf8_slice_codeunits(together(cells, ""), 1), "}")


def _xml_rows(names: Sequence[str], columns: Sequence[Texts]) -> Texts:
    cells = [
        joined(f'<binding name="{name}">', column, "</binding>") for name, column in zip(names, columns, strict=True)
    ]
    return joined("<result>", together(cells, ""), "</result>")


def _separated(separator: str) -> Callable[[Sequence[str], Sequence[Texts]], Texts]:
    return lambda _names, columns: together(columns, separator)


def together(columns: Sequence[Texts], separator: str) -> Texts:
    """Join the columns, with nothing for what is null. (With `skip` Arrow 26 drops rows where everything is.)"""
    found: Texts = pc.binary_join_element_wise(  # type: ignore[call-overload]
        *columns, separator, null_handling="replace", null_replacement=""
    )
    return found


def joined(*parts: str | Texts) -> Texts:
    """Join scalars and columns; null where a column is."""
    found: Texts = pc.binary_join_element_wise(*parts, "")  # type: ignore[call-overload] # scalars beside arrays
    return found


FORMATS = {
    JSON: Format(
        _json_cell,
        lambda names: (
            f'{{"head":{{"vars":{json.dumps(list(names), separators=(",", ":"))}}},"results":{{"bindings":['
        ),
        _json_rows,
        ",",
        "]}}",
    ),
    XML: Format(
        _xml_cell,
        lambda names: (
            '<?xml version="1.0"?><sparql xmlns="http://www.w3.org/2005/sparql-results#"><head>'
            + "".join(f'<variable name="{name}"/>' for name in names)
            + "</head><results>"
        ),
        _xml_rows,
        "",
        "</results></sparql>",
    ),
    CSV: Format(_csv_cell, lambda names: ",".join(names) + "\r\n", _separated(","), "\r\n", "\r\n"),
    TSV: Format(_tsv_cell, lambda names: "\t".join(f"?{n}" for n in names) + "\n", _separated("\t"), "\n", "\n"),
}


def literals(form: Format, texts: Texts, datatype: ox.NamedNode | None, end: str = "") -> Texts:
    """Return the cells of literals of one datatype (None: IRIs), whose texts need no escapes, and have an `end`."""
    written = f"{_MARK}{end}"
    term = ox.NamedNode(f"urn:{written}") if datatype is None else ox.Literal(written, datatype=datatype)
    before, _, after = form.cell(term).replace(f"urn:{written}", written).partition(_MARK)
    return joined(before, texts, after)


def looked_up(values: Texts, make: Callable[[str], str]) -> Texts:
    """Return a text for each value, made once for each that differs."""
    encoded = values.dictionary_encode()
    made = pa.array([make(str(text)) for text in encoded.dictionary.to_pylist()], pa.string())
    found: Texts = made.take(encoded.indices)
    return found


def _bytes(rows: Texts, between: str) -> bytes:
    """Return rows, one after the other, with nothing made of each on the way."""
    together: Any = pc.binary_join(pa.ListArray.from_arrays([0, len(rows)], rows), between)
    found: bytes = together[0].as_buffer().to_pybytes()
    return found


def write(form: Format, names: Sequence[str], batches: Iterable[tuple[Sequence[Texts], int]]) -> Iterator[bytes]:
    """Yield an answer. Each batch has a column of cells for each name, null where unbound, and so many rows."""
    yield form.head(names).encode()
    before = ""
    for columns, size in batches:
        if size:
            rows = form.row(names, columns) if names else pa.array(["{}"] * size)
            yield before.encode() + _bytes(rows, form.between)
            before = form.between
    yield (form.end if before or form.between in (",", "") else "").encode()
