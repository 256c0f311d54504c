"""A table of points (`--map`): the ids that a file of readings uses -> the UUIDs of their series."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from ontologies.errors import MapError
from ontologies.point_map import read_map
from server.cli.failure import Failure
from server.cli.options import read_text

_PUBLISHED = "uuid_as_published"


def read_translation(path: Path) -> dict[str, str]:
    """Return the UUID by IRI and by `uuid_as_published`, where that column is there.

    An id that was published for several points tells nothing, and is left out. Raises Failure.
    """
    lines = read_text(path).splitlines(keepends=True)
    try:
        by_iri = {iri: str(uuid) for iri, uuid in read_map(lines).uuids.items()}
    except MapError as error:
        raise Failure(f"{path}: {error}") from None
    published: dict[str, set[str]] = {}
    for row in csv.DictReader(lines):
        if row.get(_PUBLISHED):
            published.setdefault(row[_PUBLISHED].strip(), set()).add(row["uuid"].strip())
    return by_iri | {name: uuids.pop() for name, uuids in published.items() if len(uuids) == 1}


def translated(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Return the table with its ids translated, where `names` has them."""
    ids = table.column("id").combine_chunks()
    encoded = cast(
        "pa.DictionaryArray[Any, Any]", ids if pa.types.is_dictionary(ids.type) else pc.dictionary_encode(ids)
    )
    words = [names.get(str(word), str(word)) for word in encoded.dictionary.to_pylist()]
    # Two ids may mean one series, and a dictionary may not say a word twice.
    column = pa.array(words, pa.string()).take(encoded.indices)
    return table.set_column(0, "id", column)
