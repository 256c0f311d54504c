"""What can go wrong with stored data, split by what the caller can do about it.

StorageError
├── DirectoryError            the data directory cannot be used as it is
│   ├── DirectoryLocked       another process holds it; `holder` names it
│   └── FormatVersionError    written by another version of the format
├── QueryError                the client's SPARQL is at fault
│   ├── QuerySyntaxError      with line and column
│   ├── QueryRefused          asks for what is not allowed (SERVICE, LOAD)
│   └── QueryEvaluationError  cannot be evaluated (an unknown function)
├── NotInFormat               an answer that the form asked for cannot hold; another can
├── LimitExceeded             the query is fine but asks for more than the limits give
│   ├── DeadlineExceeded
│   ├── RowLimitExceeded
│   ├── ByteLimitExceeded
│   ├── MemoryLimitExceeded
│   └── TermTooLong           a literal or an IRI is longer than the engine reads
├── OutboundFailed            a server that SERVICE or LOAD names did not answer, or not as it should
├── Overloaded                no reader is free in time; try again
├── Cancelled                 somebody ended the query, or its client left
├── ReaderCrashed             a reader process died for a reason of its own
├── WriterCrashed             the process that writes the graph did
├── Closed                    the store is closed or closing
├── InvalidReadings           rows that are no readings: an id that is no UUID, no time, other columns
├── DiskFailed                the disk did not take bytes or give them: full, failing
└── Corrupt                   stored bytes are not what was written
    └── InQuarantine          what is asked for is in a file that was set apart for that
"""

from __future__ import annotations


class StorageError(Exception):
    """Root of all errors of this package."""


class DirectoryError(StorageError):
    """The data directory cannot be used as it is."""


class DirectoryLocked(DirectoryError):
    """Another process holds the directory; `holder` is what it said of itself."""

    def __init__(self, path: str, holder: str) -> None:
        super().__init__(f"{path} is in use by {holder}")
        self.path = path
        self.holder = holder


class FormatVersionError(DirectoryError):
    """The directory was written by a version of the format that this one does not read."""


class QueryError(StorageError):
    """The client's SPARQL is at fault."""


class QuerySyntaxError(QueryError):
    """Not SPARQL; `line` and `column` count from 1 and may be unknown."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class QueryRefused(QueryError):
    """Asks for what is not allowed."""


class QueryEvaluationError(QueryError):
    """Well formed, but cannot be evaluated."""


class NotInFormat(StorageError):
    """An answer that the form asked for cannot hold; another form can."""


class LimitExceeded(StorageError):
    """The query is fine but asks for more than the limits give."""


class DeadlineExceeded(LimitExceeded):
    """Took longer than its deadline, and was stopped."""


class RowLimitExceeded(LimitExceeded):
    """Has more rows than a result may have."""


class ByteLimitExceeded(LimitExceeded):
    """Has more bytes than a result may have."""


class MemoryLimitExceeded(LimitExceeded):
    """Needed more memory than a reader may use."""


class TermTooLong(LimitExceeded):
    """Has a literal or an IRI that is longer than the engine's parsers read."""


class OutboundFailed(StorageError):
    """A server that SERVICE or LOAD names did not answer, or not as it should."""


class Overloaded(StorageError):
    """No reader was free in time; the same request may succeed later."""


class Cancelled(StorageError):
    """Somebody ended the query, or nobody waits for its answer any more."""


class ReaderCrashed(StorageError):
    """A reader process died for a reason of its own."""


class WriterCrashed(StorageError):
    """The process that writes the graph died for a reason of its own; the message says what became of the change."""


class Closed(StorageError):
    """The store is closed or closing."""


class InvalidReadings(StorageError):
    """Rows that are no readings; nothing of their batch is stored."""


class DiskFailed(StorageError):
    """The disk did not take bytes or give them."""


class Corrupt(StorageError):
    """Stored bytes are not what was written."""


class InQuarantine(Corrupt):
    """What is asked for is in a file that was set apart, since it is not what was written."""
