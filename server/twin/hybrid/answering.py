"""Makes an update one that the graph's engine can run: each WHERE that sees readings becomes its solutions.

Its operations see what those before them do (SPARQL 1.1 Update, section 3), and they are made all or none. So a WHERE
behind other operations is asked of a copy, on which its reader makes these; the text that comes of it runs whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from server.errors import bad_request
from server.twin.hybrid import updates
from server.twin.hybrid.operations import Operation
from server.twin.hybrid.run import Hybrid
from server.twin.rows import Solutions, solutions_of
from storage.graph.guard import mentions_outbound
from storage.graph.queries import Limits, Query
from storage.graph.rewriting.tokens import Edit, edited

if TYPE_CHECKING:
    from server.twin.service import Twin

_LONGEST = 1 << 30  # characters


class Answering:
    """Answers the WHEREs of one update; `union` says that they read the union of all graphs.

    Raises a 400 problem for one that would write readings, as far as its text tells.
    """

    def __init__(self, twin: Twin, text: str, base_iri: str | None = None, union: bool = False) -> None:
        updates.refuse_writes(text)
        self._twin = twin
        self._text = text
        self._base_iri = base_iri
        self._union = union
        self._operations = updates.read(text, twin.hybrid.public_url)

    @property
    def checks(self) -> bool:
        """Tell whether the graph says what may be written, and has to be the same until that is done."""
        return any(operation.doubtful for operation in self._operations)

    def run(self, limits: Limits) -> str:
        """Return the update with solutions for WHEREs, within limits that have begun.

        Raises a 400 problem for what would write readings, or has no such form, and what queries raise.
        """
        edits, last = list[Edit](), 0
        for operation in self._operations:
            sees = operation.sees(self._twin.hybrid.public_url)
            if sees or operation.doubtful:
                before = edited(self._text[:last], edits, _LONGEST)
                hybrid = self._after(before) if last else self._twin.hybrid
                if sees or operation.is_fickle:
                    edits.append(updates.answered(operation, self._ask(hybrid, operation, limits)))
                else:
                    self._refuse(hybrid, operation, limits)
            last = operation.end
        return edited(self._text, edits, _LONGEST)

    def _after(self, before: str) -> Hybrid:
        if mentions_outbound(before):
            raise bad_request(
                "an operation over readings is behind one with SERVICE or LOAD",
                hint="send it as an update of its own",
            )
        return self._twin.hybrid.after(before, self._base_iri)

    def _ask(self, hybrid: Hybrid, operation: Operation, limits: Limits) -> updates.Solutions:
        held = replace(limits, rows=min(limits.rows, updates.MOST_SOLUTIONS))
        return self._solutions(hybrid, updates.selected(operation), operation, held).rows

    def _refuse(self, hybrid: Hybrid, operation: Operation, limits: Limits) -> None:
        """Raise a 400 problem where an operation would write the graph of readings."""
        if self._solutions(hybrid, updates.naming_readings(operation), operation, limits).rows:
            raise updates.read_only()

    def _solutions(self, hybrid: Hybrid, text: str, operation: Operation, limits: Limits) -> Solutions:
        default = (operation.default,) if operation.default else None
        query = Query(text, base=self._base_iri, union=self._union and not default, default_graphs=default)
        query = self._twin.leased(query, limits)
        return solutions_of(hybrid.run(query, limits).read())
