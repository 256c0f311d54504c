"""What SERVICE, LOAD and models by URL may ask, and the leases of texts (see `storage.graph.federation`)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from server.outbound.budget import Budget
from server.outbound.fetch import Answer, Fetcher, Request, Resolve, permit, resolve
from server.outbound.gateway import Gateway
from server.outbound.hosts import AllowList
from server.outbound.lease import Clause, OutboundLease, about
from server.outbound.urls import BadUrl, Url, parse_url
from storage.children import Children
from storage.errors import QueryRefused
from storage.graph.federation import Call, calls
from storage.graph.guard import refuse_outbound

_SHARE = 0.8  # of a query's seconds, so that some are left for what a SILENT lets go on


class Outbound:
    """Lends what the list of hosts allows. Closing twice is fine."""

    def __init__(
        self, hosts: AllowList, bytes_: int, resolve: Resolve = resolve, children: Children | None = None
    ) -> None:
        """The answers to one query may have so many `bytes_`; `resolve` finds the addresses of names.

        Large documents are read by `children`.
        """
        self._hosts = hosts
        self._bytes = bytes_
        self._children = children or Children()
        self._fetcher = Fetcher(hosts, resolve)
        self._gateway = Gateway() if hosts else None

    def lend(self, text: str, base_iri: str | None, seconds: float) -> OutboundLease | None:
        """Return a lease for a text that may take so many seconds; None where it asks nobody.

        Raises QueryRefused, or QuerySyntaxError for what is no IRI.
        """
        found = calls(text, base_iri) if self._gateway else []
        if self._gateway is None or not found:
            refuse_outbound(text)
            return None
        clauses = [self._allowed(call) for call in found]
        budget = Budget(seconds * _SHARE, self._bytes)
        lease = OutboundLease(text, clauses, self._gateway, self._fetcher, budget, self._children)
        try:
            refuse_outbound(lease.text, lease.gateways)
        except QueryRefused:
            lease.close()
            raise
        return lease

    def _allowed(self, call: Call) -> Clause:
        try:
            url = parse_url(call.iri)
            permit(url, self._hosts)
        except BadUrl as error:
            if call.silent:  # whatever the list says, nobody can be asked there
                return Clause(call, None)
            raise about(call, QueryRefused(str(error))) from None
        except QueryRefused as error:
            raise about(call, error) from None
        return Clause(call, url)

    @contextlib.contextmanager
    def lent(self, text: str, base_iri: str | None, seconds: float) -> Iterator[OutboundLease | None]:
        """Lend a lease for the block, with the document of each LOAD fetched already."""
        lease = self.lend(text, base_iri, seconds)
        if lease is None:
            yield None
            return
        with contextlib.closing(lease):
            lease.fetch_documents()
            yield lease

    def document(self, url: Url, seconds: float) -> Answer:
        """Fetch a document of any kind; close its body. Raises QueryRefused or OutboundFailed."""
        permit(url, self._hosts)
        return self._fetcher.fetch(Request(url, "*/*"), Budget(seconds, self._bytes))

    def close(self) -> None:
        """Stop the gateway."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.close()
