"""Every parameter of every route, for OpenAPI and the documentation's test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storage.series.aggregates import NAMES


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: where it stands (`query` or `path`), and what it means."""

    name: str
    meaning: str
    place: str = "query"

    def document(self) -> dict[str, Any]:
        """Return it as OpenAPI has it."""
        return {
            "name": self.name,
            "in": self.place,
            "required": self.place == "path",
            "description": self.meaning,
            "schema": {"type": "string"},
        }


_FORMAT = Parameter("format", "name of the answer's format, instead of Accept")
_TIMEOUT = Parameter("timeout", "seconds after which to give up, up to the server's own limit")
_EXPLAIN = Parameter("explain", "true: tell what became of the query instead of its answer; plan: do not run it")
_DATASET = (
    Parameter("default-graph-uri", "a graph of the default graph; may be repeated"),
    Parameter("named-graph-uri", "a named graph; may be repeated"),
    Parameter("union-default-graph", "take the union of all graphs as the default graph"),
)
_QUERY = (Parameter("query", "the SPARQL query"), *_DATASET, _FORMAT, _TIMEOUT, _EXPLAIN)
_UPDATE = (
    Parameter("update", "the SPARQL update, in a form"),
    Parameter("using-graph-uri", "a graph of the default graph that a WHERE reads; may be repeated"),
    Parameter("using-named-graph-uri", "a named graph that a WHERE reads; may be repeated"),
    Parameter("using-union-graph", "let the WHERE read the union of all graphs as the default graph"),
    _TIMEOUT,
)
_WHICH = (
    Parameter("query", "a SPARQL SELECT of ?point and columns to carry along"),
    Parameter("point", "a point's IRI or UUID, or a series id; may be repeated"),
)
_READ = (
    *_WHICH,
    Parameter("start", "first time: ISO 8601, now, or -7d"),
    Parameter("end", "the time just after the last"),
    Parameter("timezone", "IANA name of the zone that buckets follow, and times without an offset are in"),
    Parameter("every", "width of a bucket: PT15M, PT1H, P1D, P1M, or 15m, 1h, 1d, 1mo"),
    Parameter("origin", "a time on the zone's clock at which some bucket starts"),
    Parameter("offset", "how much later than usual buckets start"),
    Parameter("aggregate", f"what to make of a bucket: {', '.join(NAMES)}"),
    Parameter("hold", "the longest that a value holds, for twmean, integral and duration"),
    Parameter("fill", "none, null, previous or linear: what buckets without a value get"),
    Parameter("fill_limit", "how far previous fills, and over how long a gap linear does"),
    Parameter("downsample", "so many raw readings a series, those that show its line best"),
    Parameter("shape", "long (a row a reading), wide (a column a point), or asof (wide, at the first point's times)"),
    Parameter("tolerance", "of shape=asof: how old the other points' values may be"),
    Parameter("limit", "at most so many rows"),
    Parameter("cursor", "where the next page goes on"),
    _FORMAT,
    _TIMEOUT,
)
_WRITE = (
    Parameter("id_column", "column of the series id"),
    Parameter("time_column", "column of the time"),
    Parameter("value_column", "column of the value"),
    Parameter("text_column", "column of the text"),
    Parameter("status_column", "column of the quality flags"),
    Parameter("wide", "true: a column a series; false: a row a reading"),
    Parameter("time_unit", "s, ms, us or ns: what times given as numbers count"),
    Parameter("na", "a further text that means no reading; may be repeated"),
    Parameter("delimiter", "of CSV"),
    Parameter("source", "file or store that the ids are from, as the model's ref:storedAt has it"),
    Parameter("file", "name of the file that the readings are from, to tell equal ids of several files apart"),
    Parameter("unknown", "accept or ignore ids that neither are UUIDs nor belong to a point"),
)

_STORE = (
    Parameter("graph", "IRI of the graph"),
    Parameter("default", "the default graph"),
    Parameter("lenient", "repair IRIs that a strict parser refuses"),
    _FORMAT,
)

PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "/query": _QUERY,
    "/sparql": (*_QUERY, *_UPDATE[:-1]),
    "/update": _UPDATE,
    "/store": _STORE,
    "/store/{name:path}": _STORE[2:],
    "/readings": (*_READ, *_WRITE, Parameter("dry_run", "of DELETE: delete nothing, only count")),
    "/readings/query": _READ,
    "/write": (
        Parameter("db", "database: tells series of the same name apart"),
        Parameter("rp", "retention policy: does too, unless it is autogen"),
        Parameter("precision", "what times count: ns (default), n, us, u, ms, s, m or h"),
        Parameter("u", "user: ignored"),
        Parameter("p", "password: a token, for clients that send no header"),
        Parameter("consistency", "ignored"),
    ),
    "/api/v2/write": (
        Parameter("bucket", "tells series of the same name apart"),
        Parameter("org", "ignored"),
        Parameter("orgID", "ignored"),
        Parameter("precision", "what times count: ns (default), us, ms or s"),
    ),
    "/latest": (*_WHICH, _FORMAT, _TIMEOUT),
    "/points": (
        Parameter("limit", "at most so many points"),
        Parameter("after", "the IRI after which to begin"),
        Parameter("search", "text to look for in IRI, label and class"),
        _FORMAT,
    ),
    "/observations/{uuid}/{time}": (_FORMAT,),
    "/models": (
        Parameter("graph", "IRI of the graph to replace; made from the name where it is missing; of GET: to write"),
        Parameter("name", "file name of the model"),
        Parameter("format", "name of the model's form, or its media type; its content tells where it is missing"),
        Parameter("lenient", "repair IRIs that a strict parser refuses"),
        Parameter("base", "what IRIs begin with for entities that have none in the model"),
        Parameter("brick", "release of Brick to migrate the model to: 1.4 or 1.5"),
        Parameter("dry_run", "load nothing, only report"),
        Parameter("as", "of GET: name of the form to write"),
        Parameter("set", "a setting of the form, as network=HQ; may be repeated"),
        Parameter("url", "where the document is, instead of a body: fetched if outbound_hosts names its host"),
    ),
    "/changes": (Parameter("limit", "at most so many (default: 100)"),),
    "/commands": (Parameter("timeout", "seconds to wait for the outcome (default: 30)"),),
    "/commands/take": (Parameter("wait", "seconds to wait for a command"),),
    "/check": (
        Parameter("quarantine", "set broken files of readings apart, and take back what is whole again"),
        Parameter("give_up", "number of a file in quarantine whose readings are given up for good"),
    ),
    "/ontologies": (Parameter("name", "brick"), Parameter("version", "1.4 or 1.5")),
    "/validate": (
        Parameter("graph", "IRI of the graph to validate; all models where it is missing"),
        Parameter("name", "ontology to validate against"),
        Parameter("version", "its version"),
        Parameter("format", "json (default), sarif, turtle, ntriples, jsonld, rdfxml; also by Accept"),
    ),
    "/infer": (
        Parameter("name", "ontology whose rules count: brick (default), 223p"),
        Parameter("version", "its version"),
        Parameter("classes", "true: also all classes above each node's own"),
    ),
}
PATH_PARAMETERS = {
    "/commands/{id}/outcome": (Parameter("id", "the command's id", "path"),),
    "/loads/{id}": (Parameter("id", "the load's id, which the Location of its answer ends with", "path"),),
    "/queries/{id}": (Parameter("id", "the X-Request-Id of the request that asks", "path"),),
    "/store/{name:path}": (Parameter("name", "the rest of the graph's IRI, which is the URL itself", "path"),),
    "/observations/{uuid}/{time}": (
        Parameter("uuid", "UUID of the series", "path"),
        Parameter("time", "the reading's time in UTC, such as 20260131T080000Z", "path"),
    ),
    "/points/{uuid}": (Parameter("uuid", "UUID of the point's series", "path"),),
}
