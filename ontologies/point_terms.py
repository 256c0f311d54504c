"""The terms that speak of points and their series, in each vocabulary, and the query that fetches them."""

from __future__ import annotations

import re

from pyoxigraph import Literal

from ontologies.namespaces import BRICK, RDF, REC, REF, S223, SENAPS, SKOS, any_brick

TYPE = RDF["type"]
LINK = REF["hasExternalReference"]
PROPERTY_LINK = S223["hasExternalReference"]
LINKS = frozenset({LINK, PROPERTY_LINK, BRICK["timeseries"]})
IDS = frozenset({REF["hasTimeseriesId"], BRICK["hasTimeseriesId"]})
STORES = frozenset({REF["storedAt"], BRICK["storedAt"]})
PREFERRED = REF["preferred"]
OWN_IDS = frozenset({*any_brick("uuid"), SENAPS["stream_id"]})
HAS_POINT = frozenset({*any_brick("hasPoint"), REC["hasPoint"]})
IS_POINT_OF = frozenset({*any_brick("isPointOf"), REC["isPointOf"]})
NAMES = frozenset({SKOS["notation"]})  # what sources call it: see ontologies.identifiers
PREDICATES = LINKS | IDS | STORES | {PREFERRED} | OWN_IDS | HAS_POINT | IS_POINT_OF | NAMES

# Brick names every class of points by its kind, which also holds for the classes that a release has dropped;
# the one exception is Fire_Alarm, a piece of equipment. The tests hold this against Brick itself.
POINT_CLASS = (
    r"^https://brickschema\.org/schema/([0-9.]+/)?Brick#"
    r"(Point|([^#/]+_)?(Sensor|Setpoint|Status|Command|Alarm|Parameter|Limit)"
    r"|Differential_Pressure_Proportional_Band|Start_Stop_Counter)$"
)
NOT_A_POINT_CLASS = BRICK["Fire_Alarm"].value
_POINT_CLASS = re.compile(POINT_CLASS)


def is_point_class(iri: str) -> bool:
    """Tell whether a Brick class, of any release, is one of points: by its name alone."""
    return iri != NOT_A_POINT_CLASS and _POINT_CLASS.match(iri) is not None


def _series_construct() -> str:
    """Build the query of the triples that ``find_points`` reads: one index range for each predicate."""
    ranges = "\n  UNION ".join(
        f"{{ ?s {predicate} ?o BIND({predicate} AS ?p) }}" for predicate in sorted(PREDICATES, key=str)
    )
    # The classes come first, in a sub-select: joined the other way round each typed thing would be matched.
    return f"""CONSTRUCT {{ ?s ?p ?o }} WHERE {{
  {ranges}
  UNION {{
    {{ SELECT DISTINCT ?o WHERE {{ ?any {TYPE} ?o FILTER(REGEX(STR(?o), {Literal(POINT_CLASS)})) }} }}
    ?s {TYPE} ?o BIND({TYPE} AS ?p)
  }}
}}"""


SERIES_CONSTRUCT: str = _series_construct()
"""A SPARQL query, for a union default graph, of exactly what ``find_points`` reads."""
