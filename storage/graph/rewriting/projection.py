"""What a SELECT computes, in the two places where the engine does not follow the recommendation.

- BNODE with an argument gives a blank node for each solution (SPARQL 1.1 Query, section 17.4.2.9). The engine makes
  the argument its label, so that all solutions share it: something of the solution's own goes into the label.
- An expression may use a variable that an item before it has named (section 18.2.4.4), which the engine refuses
  where there is an aggregate: the variable's expression takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from storage.graph.rewriting.scope import all_of
from storage.graph.rewriting.syntax import AGGREGATES, NEW_EACH_TIME, Bind, Expression, Select
from storage.graph.rewriting.tokens import Edit, Fresh, NotUnderstood, Token, between, closing, edited, tokens_of

_LONGEST_MEANING = 1 << 10


def blank_nodes(text: str, queries: tuple[Select, ...]) -> Iterator[Edit]:
    """Yield the edits that give each solution its own blank nodes."""
    fresh, tokens = Fresh(text), tokens_of(text)
    for select in _selects(queries):
        calls = [call for expression in select.expressions for call in _calls(tokens, expression)]
        if calls and not _is_aggregate(select):
            row, group = fresh.variable(), select.group
            for first, last in calls:
                yield Edit(first.end, first.end, f"SHA1(CONCAT(?{row}, ")
                yield Edit(last.start, last.start, "))")
            yield Edit(group.start, group.start, "{ ")
            yield Edit(group.end, group.end, f" BIND(STRUUID() AS ?{row}) }}")


def reused_variables(text: str, queries: tuple[Select, ...]) -> Iterator[Edit]:
    """Yield the edits that put expressions in the place of the variables that stand for them."""
    tokens = tokens_of(text)
    for select in _selects(queries):
        if _is_aggregate(select):
            yield from _replaced(text, tokens, select)


def _selects(queries: tuple[Select, ...]) -> Iterator[Select]:
    for query in queries:
        yield query
        yield from (element for element in all_of(query.group) if isinstance(element, Select))


def _is_aggregate(select: Select) -> bool:
    return bool(select.words & AGGREGATES) or "GROUP" in select.modifiers


def _calls(tokens: Sequence[Token], expression: Expression) -> Iterator[tuple[Token, Token]]:
    """Yield the brackets of each BNODE that has an argument."""
    own = between(tokens, expression.start, expression.end)
    for place, token in enumerate(own):
        if token.word == "BNODE" and own[place + 1].sign == "(":
            last = closing(own, place + 1)
            if last is not own[place + 2]:
                yield own[place + 1], last


def _replaced(text: str, tokens: Sequence[Token], select: Select) -> Iterator[Edit]:
    written = dict[str, str]()
    for item in select.items:
        if item.expression is None:
            continue
        own, edits = _expression(tokens, item), list[Edit]()
        for token in own:
            if token.kind == "variable" and (meaning := written.get(token.text[1:])):
                edits.append(Edit(token.start, token.end, meaning))
        yield from edits
        if not item.expression.words & NEW_EACH_TIME:
            start, end = own[0].start, own[-1].end
            moved = (Edit(edit.start - start, edit.end - start, edit.text) for edit in edits)
            written[item.name] = f"({edited(text[start:end], moved, longest=_LONGEST_MEANING)})"


def _expression(tokens: Sequence[Token], item: Bind) -> Sequence[Token]:
    """Return the tokens between the bracket and the AS of an item: `(expression AS ?variable)`."""
    own = between(tokens, item.start, item.end)[1:-3]
    if not own:
        raise NotUnderstood("no expression")
    return own
