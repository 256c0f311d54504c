"""Each real model of the shared data: what is recognised in it, what is not, and how long that takes.

    python -m tests.benchmarks.models --write-docs

Each is read as `twinhouse load --lenient --dry-run` reads it; the time is that of the CPU, without the start.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ontologies.errors import OntologyError
from ontologies.models.registry import form_named
from ontologies.models.report import NOT_UNDERSTOOD, RENAMED, REPAIRED, WITHOUT_CLASS
from server.errors import Problem
from server.twin.models import LoadReport, Model, read_model
from storage.graph.staging import Staged
from tests.benchmarks.report import Part, command, milliseconds
from tests.support.data import SHARED

DOCS = Path(__file__).resolve().parents[2] / "docs" / "models.md"
_FOLDERS = ("brick", "rec", "haystack/sites", "adt", "digital-buildings", "qudt")
_ENDINGS = (".ttl", ".rdf", ".json", ".jsonld", ".ndjson", ".xlsx", ".trio", ".zinc", ".csv", ".yaml")
# Histories, the validator's fixtures (which tests read), tables of other things, and ontologies that are no model.
_LEFT_OUT = (
    "/his/",
    "hw_system_data",
    "/instance_validator/",
    "/ontology/yaml/",
    "metadata.csv",
    "vars_available",
    "Mappings",
    "Ignored",
)
_MOST = 1 << 20  # quads in memory


def models() -> Iterator[Path]:
    """Yield each model of the shared data."""
    for folder in _FOLDERS:
        for path in sorted((SHARED / folder).rglob("*")):
            if path.suffix in _ENDINGS and not any(part in str(path) for part in _LEFT_OUT):
                yield path


def measured(path: Path, brick: str | None = None) -> tuple[LoadReport | str, float]:
    """Return the report of a model, or why it is refused, and the seconds of CPU."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder, Staged(Path(folder), _MOST) as staged:
        try:
            found: LoadReport | str = read_model(Model(path, path.name, lenient=True, brick=brick), staged)
        except (OntologyError, Problem) as error:
            found = str(error)
    return found, time.process_time() - began


def report() -> Part:
    """Read each model twice, as it is and migrated to Brick 1.4."""
    part = Part(
        "Each real model",
        (
            "model",
            "form",
            "quads",
            "points",
            "with series",
            "renamed",
            "not understood",
            "without class",
            "read",
            "as Zinc",
        ),
        """Made by `python -m tests.benchmarks.models --write-docs` from the models that the tests read. *Renamed* and
        *without class* are those of a migration to Brick 1.4, *read* is the time without it,
        *as Zinc* that of reading and writing it as Haystack records. What is refused says why.""",
    )
    for path in (*models(), *models())[: len(_FOLDERS)]:  # what is loaded once is not counted
        _add(Part("", part.head, ""), path)
    for path in models():
        _add(part, path)
    return part


def _add(part: Part, path: Path) -> None:
    found, seconds = measured(path)
    name = str(path.relative_to(SHARED))
    if isinstance(found, str):
        part.add(name, f"refused: {found[:90].replace('|', '/')}", *[""] * (len(part.head) - 2))
        return
    migrated, _ = measured(path, brick="1.4")
    later = migrated.found if isinstance(migrated, LoadReport) else {}
    repaired = f" ({found.found[REPAIRED]} repaired)" if REPAIRED in found.found else ""
    part.add(
        name,
        found.form + repaired,
        f"{found.triples:,}",
        f"{found.points:,}",
        f"{found.with_series:,}",
        f"{later.get(RENAMED, 0):,}",
        f"{found.found.get(NOT_UNDERSTOOD, 0):,}",
        f"{later.get(WITHOUT_CLASS, 0):,}",
        milliseconds(seconds),
        milliseconds(_as_zinc(path)),
    )


def _as_zinc(path: Path) -> float:
    from server.cli.convert import _convert

    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(OntologyError):
        began = time.process_time()
        _convert(Model(path, path.name, lenient=True), form_named("haystack-zinc"), Path(folder) / "out.zinc")
    return time.process_time() - began


if __name__ == "__main__":
    command("tests.benchmarks.models", __doc__, report, DOCS)
