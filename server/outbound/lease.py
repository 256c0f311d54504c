"""The lease of one text: its SERVICE and LOAD at the gateway, asked when the engine asks, once each.

An answer is there as a whole, and has been looked at, before the engine gets any of it: so a server that leaves in
between, is late or sends what is no answer fails as a whole, and SILENT means what it says.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from functools import partial

from server.outbound import documents, results
from server.outbound.budget import Budget
from server.outbound.fetch import Fetcher, Request, spool
from server.outbound.gateway import Gateway, Kept, failed
from server.outbound.urls import Url
from storage.children import Children
from storage.errors import OutboundFailed, QueryEvaluationError, QueryRefused, QuerySyntaxError, StorageError
from storage.graph.federation import Call, Detour

_MOST_REQUESTS = 100  # that differ, of one call
_QUERY = "application/sparql-query"
_UNREADABLE = "Parser error"  # what the engine says of results that it cannot read


def about(call: Call, error: StorageError) -> StorageError:
    """Return an error that says which call it is about."""
    outcome = "is not allowed" if isinstance(error, QueryRefused) else "failed"
    return type(error)(f"{call.keyword} <{call.iri}> {outcome}: {error}")


class Clause:
    """One call and what came of it: an answer to each request of the engine, or a failure.

    Without a `url`, nobody can be asked.
    """

    def __init__(self, call: Call, url: Url | None) -> None:
        self.call = call
        self.url = url
        self.gateway = ""
        self.asking = threading.Lock()
        self.answers: dict[bytes, Kept] = {}
        self.failure: StorageError | None = None


class OutboundLease:
    """A `storage.graph.federation.Lease`. Closing twice is fine."""

    def __init__(
        self,
        text: str,
        clauses: Sequence[Clause],
        gateway: Gateway,
        fetcher: Fetcher,
        budget: Budget,
        children: Children,
    ) -> None:
        self._clauses = clauses
        self._gateway = gateway
        self._fetcher = fetcher
        self._budget = budget
        self._children = children
        self._closing = threading.Lock()
        self._closed = False
        for clause in clauses:
            clause.gateway = gateway.open(partial(self._answer, clause))
        self._detour = Detour(text, [clause.call for clause in clauses], [clause.gateway for clause in clauses])
        self.text = self._detour.text
        self.gateways = frozenset(self._detour.gateways)

    def fetch_documents(self) -> None:
        """Ask for the document of each LOAD. One that cannot be had fails when the engine wants it."""
        for clause in self._clauses:
            if clause.call.keyword == "LOAD":
                with contextlib.suppress(StorageError):
                    self._answer(clause, b"")

    def _answer(self, clause: Clause, sent: bytes) -> Kept:
        """Return what the other server says, asked now or before. Raises why it says nothing."""
        with clause.asking:
            if sent in clause.answers:
                return clause.answers[sent]
            if clause.failure is not None:
                raise clause.failure
            try:
                return self._keep(clause, sent, self._ask(clause, sent))
            except StorageError as error:
                clause.failure = about(clause.call, error)
                raise clause.failure from None

    def _ask(self, clause: Clause, sent: bytes) -> Kept:
        if len(clause.answers) == _MOST_REQUESTS:
            raise OutboundFailed(f"it would be asked more than {_MOST_REQUESTS} times")
        if clause.url is None:
            raise OutboundFailed("it has no URL to ask")
        return self._document(clause.url) if clause.call.keyword == "LOAD" else self._solutions(clause.url, sent)

    def _document(self, url: Url) -> Kept:
        answer = self._fetcher.fetch(Request(url, documents.ACCEPT), self._budget)
        with answer.body, spool() as document:
            documents.write_ntriples(answer, document, self._budget, self._children)
        return Kept(documents.N_TRIPLES, document)

    def _solutions(self, url: Url, sent: bytes) -> Kept:
        for inner in self._clauses:  # a SERVICE within this one is the other server's to ask
            sent = sent.replace(inner.gateway.encode(), inner.call.iri.encode())
        answer = self._fetcher.fetch(Request(url, results.ACCEPT, sent, _QUERY), self._budget)
        try:
            return Kept(results.media_type_of_solutions(answer), answer.body)
        except BaseException:
            answer.body.close()
            raise

    def _keep(self, clause: Clause, sent: bytes, answer: Kept) -> Kept:
        with self._closing:
            if self._closed:
                answer.close()
                raise OutboundFailed("the query has ended")
            clause.answers[sent] = answer
        return answer

    def explain(self, error: Exception) -> Exception:
        """Return an error of the engine as one of the server that was asked, or as one in the text as it came."""
        if isinstance(error, QuerySyntaxError):
            return self._detour.moved_back(error)
        said = str(error)
        for clause in self._clauses:
            if clause.gateway in said or failed(clause.gateway) in said:
                return clause.failure or about(clause.call, OutboundFailed("it was not asked"))
        if isinstance(error, QueryEvaluationError) and said.startswith(_UNREADABLE):
            return OutboundFailed(f"an answer to SERVICE cannot be read: {said}")
        return error

    def close(self) -> None:
        """Let go of connections, answers and the addresses at the gateway."""
        for clause in self._clauses:
            self._gateway.shut(clause.gateway)
        self._budget.close()
        with self._closing:
            self._closed = True
            for clause in self._clauses:
                for answer in clause.answers.values():
                    answer.close()
