"""The formats of tables: the one place that knows their names, media types and file endings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class TableFormat:
    """A format: `name` is what `?format=` takes; the first media type and ending are those we write."""

    name: str
    media_types: tuple[str, ...]
    endings: tuple[str, ...]

    @property
    def media_type(self) -> str:
        return self.media_types[0]

    @property
    def ending(self) -> str:
        return self.endings[0]


TABLE_FORMATS: dict[str, TableFormat] = {
    table_format.name: table_format
    for table_format in (
        TableFormat("json", ("application/json",), (".json",)),
        TableFormat(
            "ndjson",
            ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"),
            (".ndjson", ".jsonl"),
        ),
        TableFormat("csv", ("text/csv", "text/tab-separated-values"), (".csv", ".tsv")),
        TableFormat(
            "arrow",
            ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"),
            (".arrow", ".arrows", ".feather"),
        ),
        TableFormat("parquet", ("application/vnd.apache.parquet", "application/x-parquet"), (".parquet", ".pq")),
    )
}
"""By name, in the order of our preference when a client accepts several."""
PACKED = (".gz", ".zst")
"""What may follow the ending of a file."""

_BY_MEDIA_TYPE = {media: known for known in TABLE_FORMATS.values() for media in known.media_types}
_BY_ENDING = {ending: known for known in TABLE_FORMATS.values() for ending in known.endings}


def format_of(media_type: str) -> TableFormat | None:
    """The format of a media type, its parameters and case ignored; None when it is none of ours."""
    return _BY_MEDIA_TYPE.get(media_type.partition(";")[0].strip().lower())


def format_of_path(path: PurePath) -> TableFormat | None:
    """The format of a file by its ending, `.csv.gz` being that of `.csv`; None when it is none of ours."""
    known = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return _BY_ENDING.get(known.suffix.lower())
