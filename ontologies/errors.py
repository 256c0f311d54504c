"""What the package raises, split by what the caller can do about it.

OntologyError
├── FormatError          the document is not what its format says it should be: line and column where known
├── UnknownFormat        no such file ending or media type: the known ones are listed
├── UnknownSetting       a form has no such setting: those that it has are listed
├── UnknownOntology      no such packaged ontology or version: the known ones are listed
├── MapError             a table of points cannot be read: the line is named
├── ValueShapeError      a JSON document is not what was expected: the member is named
└── TableError           a table of names, units or reviews cannot be read: file and line are named
"""

from __future__ import annotations


class OntologyError(Exception):
    """Anything that this package refuses."""


class FormatError(OntologyError):
    """A document that breaks its format's grammar."""

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class UnknownFormat(OntologyError):  # reads better, and its base says Error
    """A file ending or media type that no RDF format of ours has."""


class UnknownSetting(OntologyError):
    """A setting that a form of models does not have, or that is not written as one."""


class UnknownOntology(OntologyError):  # reads better, and its base says Error
    """A name or version that no packaged ontology has."""


class MapError(OntologyError):
    """A table of points that lacks a column, or has a bad line."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class ValueShapeError(OntologyError):
    """A JSON document with a member that is missing, unknown, or of another type; ``where`` is its path."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where


class TableError(OntologyError):
    """A table that lacks a column, or has a bad line."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        place = ", ".join(filter(None, (file, None if line is None else f"line {line}")))
        super().__init__(f"{place}: {message}" if place else message)
        self.file = file
        self.line = line
