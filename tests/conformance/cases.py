"""What a manifest's entries say, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a case asks for, by its class in the manifests (a class for SPARQL 1.1 alone ends in 11)."""

    QUERY = "QueryEvaluationTest"
    CSV = "CSVResultFormatTest"
    UPDATE = "UpdateEvaluationTest"
    POSITIVE = "PositiveSyntaxTest"
    NEGATIVE = "NegativeSyntaxTest"
    POSITIVE_UPDATE = "PositiveUpdateSyntaxTest"
    NEGATIVE_UPDATE = "NegativeUpdateSyntaxTest"
    PROTOCOL = "ProtocolTest"
    GRAPH_STORE = "GraphStoreProtocolTest"
    DESCRIPTION = "ServiceDescriptionTest"


@dataclass(frozen=True)
class Sources:
    """The files that make a dataset: those of the default graph, and (name, file) of the named ones."""

    default: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Expected:
    """The answer that a request must get; None and empty are not checked."""

    statuses: frozenset[str]
    format: str | None = None
    boolean: bool | None = None
    location: str | None = None
    media_type: str | None = None
    body: str | None = None


@dataclass(frozen=True)
class Exchange:
    """One HTTP request, and the answer that it must get."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    expected: Expected


@dataclass(frozen=True)
class Case:
    """One entry of a manifest. `text` and `result` are URLs of files, `endpoints` other services by their IRIs."""

    suite: str
    category: str
    name: str
    kind: Kind
    requires: frozenset[str]
    text: str = ""
    data: Sources = Sources()
    result: str | None = None
    after: Sources = Sources()
    lax: bool = False
    exchanges: tuple[Exchange, ...] = ()
    endpoints: tuple[tuple[str, Sources], ...] = ()

    @property
    def id(self) -> str:
        return f"{self.suite}/{self.category}/{self.name}"

    @property
    def is_update(self) -> bool:
        """Tell by the file's ending: some syntax tests of updates are classed as those of queries."""
        return self.text.endswith(".ru")
