"""One SPARQL query over graph and readings: the readings appear as triples of SOSA and Brick.

    mentions -> algebra -> plan -> run -> explain

A query that names none of their vocabulary goes to the graph as it is. Whatever path a query takes, its answer is the
one it had if each reading were in the graph `urn:twinhouse:readings`; `docs/hybrid-sparql.md` says which triples.
"""
