"""GET /observations/{uuid}/{time}: what the triples of one reading are, under the IRI that SPARQL gives it."""

from __future__ import annotations

import pyoxigraph as ox
from starlette.requests import Request
from starlette.responses import Response

from ontologies.formats import format_of_media_type
from server.errors import Problem
from server.negotiation import GRAPHS, negotiate
from server.protocols.http import Parameters, accepted, query_pairs, twin_of
from server.streaming import slots_of
from storage.graph import escaping


async def observation(request: Request) -> Response:
    """Describe one reading, in any RDF format."""
    parameters = Parameters(query_pairs(request), ("format",))
    media_type = negotiate(GRAPHS, accepted(request), parameters.one("format"))
    uuid, time = request.path_params["uuid"], request.path_params["time"]
    quads = await slots_of(request).start(twin_of(request).hybrid.observation, uuid, time)
    if quads is None:
        detail = f"there is no reading of the series {uuid} at {time}, of a point that the graph knows"
        raise Problem(404, "no-such-observation", detail, hint="times are as 20260131T080000Z")
    triples = (quad.triple for quad in ox.parse(quads, ox.RdfFormat.N_QUADS))
    body = escaping.serialize(triples, format_of_media_type(media_type))
    return Response(body, media_type=media_type, headers={"Cache-Control": "no-store"})
