"""What devices could take, remembered beside the file of a scan, so that the next one need not find it out again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from server.bacnet.reading import Limits
from server.bacnet.station import Station
from storage.files import write_atomically


def _path(file: Path) -> Path:
    return file.with_suffix(".limits.json")


def read(file: Path) -> dict[Station, Limits]:
    """Return what is remembered beside a scan's file; nothing where that cannot be read: it is found out anew."""
    try:
        document = json.loads(_path(file).read_bytes())
        return {Station.parse(at): Limits(**limits) for at, limits in document.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write(file: Path, limits: Mapping[Station, Limits]) -> None:
    """Remember limits beside a scan's file."""
    document = {str(station): asdict(each) for station, each in sorted(limits.items())}
    write_atomically(_path(file), json.dumps(document, indent=1).encode())
