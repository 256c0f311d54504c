"""EDE, BACnet's lists of points (BIG-EU, Engineering Data Exchange 2.x): CSV with a preamble and numbers for types.

The entities are those that a scan of the same network gives, with the same UUIDs, where the network has the same
name: the setting ``network``, or else the file's project name.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from ontologies.bacnet_network import Address, BacnetObject, Device, Network, identify
from ontologies.errors import FormatError
from ontologies.models.report import NOT_EXPRESSED, Report
from ontologies.tables.from_rdf import Table
from ontologies.tables.sheets import separator_of
from ontologies.tables.vocabulary import object_named, object_number, object_type, unit_named
from ontologies.units import bacnet_unit

_TITLE = "engineering-data-exchange"
_COLUMNS = ("keyname", "device obj.-instance", "object-name", "object-type", "object-instance")
_HEADER = (
    *("# keyname", "device obj.-instance", "object-name", "object-type", "object-instance", "description"),
    *("present-value-default", "min-present-value", "max-present-value", "settable", "supports COV", "hi-limit"),
    *("low-limit", "state-text-reference", "unit-code"),
)
_DEVICE = "device"
_YES = frozenset(("y", "yes", "true", "1", "j", "ja", "x"))


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    cells: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


def looks_like_ede(text: str) -> bool:
    """Tell whether a text begins as an EDE file does."""
    head = text[:4000].lower()
    return _TITLE in head.partition("\n")[0] or ("device obj.-instance" in head and "object-instance" in head)


def read_ede(text: str, network: str | None = None, states: Mapping[str, tuple[str, ...]] | None = None) -> Network:
    """Read an EDE file; ``states`` are its StateTexts file's, by reference. Raises FormatError, with line."""
    project, lines = _lines(text)
    devices: defaultdict[int, list[BacnetObject]] = defaultdict(list)
    names: dict[int, _Line] = {}
    seen: dict[tuple[int, str, int], int] = {}
    for line in lines:
        device, kind, instance = _whole(line, _COLUMNS[1]), _type(line), _whole(line, _COLUMNS[4])
        key = (device, kind, instance)
        if key in seen:
            message = (
                f"line {line.number}: {kind},{instance} of device {device} is there already, in line {seen[key]}"
            )
            raise FormatError(message, line=line.number)
        seen[key] = line.number
        if kind == _DEVICE:
            names[device] = line
            devices.setdefault(device, [])
        else:
            devices[device].append(_object(line, kind, instance, states or {}))
    made = tuple(_device(instance, found, names.get(instance)) for instance, found in devices.items())
    return identify(Network(network or project or "ede", made))


def read_state_texts(text: str) -> dict[str, tuple[str, ...]]:
    """Read a StateTexts file: the texts of each reference, for binary objects inactive first."""
    rows = csv.reader(io.StringIO(text), delimiter=separator_of(text))
    return {
        cells[0].strip(): tuple(cell.strip() for cell in cells[1:])
        for cells in rows
        if cells and cells[0].strip().isdecimal()
    }


def _lines(text: str) -> tuple[str | None, Iterator[_Line]]:
    reader = csv.reader(io.StringIO(text), delimiter=separator_of(text))
    project: str | None = None
    for cells in reader:
        names = [cell.strip().lstrip("#").strip().lower() for cell in cells]
        if names[:1] == ["project_name"] and len(cells) > 1:
            project = cells[1].strip() or None
        if names[: len(_COLUMNS)] == list(_COLUMNS):
            return project, _rows(reader, names)
    raise FormatError(f"no EDE file: no line has the columns {', '.join(_COLUMNS)}", line=1)


def _rows(reader: Iterable[list[str]], names: list[str]) -> Iterator[_Line]:
    number = reader.line_num if hasattr(reader, "line_num") else 0
    for cells in reader:
        number = getattr(reader, "line_num", number + 1)
        if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
            values = (cell.strip() for cell in cells)
            yield _Line(number, dict(zip(names, values, strict=False)))


def _whole(line: _Line, name: str) -> int:
    if not line[name].isdecimal():
        raise FormatError(f"line {line.number}: {name} must be a whole number, not {line[name]!r}", line=line.number)
    return int(line[name])


def _type(line: _Line) -> str:
    text = line[_COLUMNS[3]]
    found = object_type(text)
    if found is None and not text.isdecimal():
        message = f"line {line.number}: object-type must be a number of BACnet's, not {text!r}"
        raise FormatError(message, line=line.number)
    return found or text  # a proprietary type is its number


def _object(line: _Line, kind: str, instance: int, states: Mapping[str, tuple[str, ...]]) -> BacnetObject:
    unit = bacnet_unit(line["unit-code"] or None)
    return BacnetObject(
        kind,
        instance,
        name=line["object-name"] or line["keyname"] or None,
        description=line["description"] or None,
        units=unit.name if unit is not None else None,
        states=states.get(line["state-text-reference"], ()),
        minimum=_number(line["min-present-value"]),
        maximum=_number(line["max-present-value"]),
        low_limit=_number(line["low-limit"]),
        high_limit=_number(line["hi-limit"]),
        commandable=line["settable"].lower() in _YES if line["settable"] else None,
    )


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def _device(instance: int, objects: list[BacnetObject], line: _Line | None) -> Device:
    name = (line["object-name"] or line["keyname"] or None) if line is not None else None
    description = (line["description"] or None) if line is not None else None
    return Device(Address(""), instance, name=name, description=description, objects=tuple(objects))


def write_ede(points: Table, sink: IO[bytes], report: Report) -> None:
    """Write a table of points in the columns of EDE 2.3: those that have a BACnet device and object."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    preamble = (
        ("# Engineering-Data-Exchange - B.I.G.-EU",),
        ("PROJECT_NAME", "twinhouse"),
        ("VERSION_OF_REFERENCEFILE", "1"),
        ("TIMESTAMP_OF_LAST_CHANGE", ""),
        ("AUTHOR_OF_LAST_CHANGE", "twinhouse"),
        ("VERSION_OF_LAYOUT", "2.3"),
        ("#mandatory", *["mandatory"] * 4, *["optional"] * 10),
        _HEADER,
    )
    writer.writerows(preamble)
    skipped = 0
    for row in points.rows:
        cells = dict(zip(points.header, row, strict=True))
        found = object_named(cells["bacnet object"]) if cells["bacnet object"] else None
        number = object_number(found[0]) if found is not None else None
        if found is None or number is None or not cells["bacnet device"]:
            skipped += 1
            continue
        unit = bacnet_unit(unit_named(cells["unit"]) if cells["unit"] else None)
        code = str(unit.number) if unit is not None else ""
        name = cells["label"] or cells["id"]
        fields = (cells["id"], cells["bacnet device"], name, str(number), str(found[1]), cells["description"])
        writer.writerow((*fields, *[""] * 8, code))
    if skipped:
        report.add(NOT_EXPRESSED, "", f"{skipped} points without a BACnet device and object", skipped)
    sink.write(text.getvalue().encode())
