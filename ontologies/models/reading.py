"""Reads a document of any form, and migrates what it says to the wanted release of Brick."""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import Quad

from ontologies.catalog import find
from ontologies.migration import Migration
from ontologies.models.form import Form, Model, Options, Source

BRICK = "brick"
"""The setting that names the release of Brick to migrate to, such as ``1.4``."""


def read(form: Form, source: Source, options: Options) -> Model:
    """Read a document. Raises UnknownOntology for a release that is not packaged; see Form.read as well."""
    model = form.read(source, options)
    release = options.settings.get(BRICK)
    return model if release is None else Model(_migrated(model, Migration(find("brick", release))), model.report)


def _migrated(model: Model, migration: Migration) -> Iterator[Quad]:
    yield from migration.quads(model.quads)
    migration.report(model.report)
