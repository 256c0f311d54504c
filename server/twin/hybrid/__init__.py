"""One SPARQL query over graph and readings: the readings appear as triples of SOSA and Brick.

    vocabulary -> inlining -> forms -> algebra -> patterns, unions -> plan   what the text says, and no data
    views, facts -> bindings -> statement -> pushed -> rendering, lexical   the graph's part, the rows of the series
    describing, needs -> materialise   what is not pushed down
    operations -> updates -> answering   updates

`run` holds them together. A query that names none of the vocabulary goes to the graph as it is. Whatever path a query
takes, its answer is the one it had if each reading were in the graph `urn:twinhouse:readings`;
`docs/hybrid-sparql.md` says which triples.
"""
