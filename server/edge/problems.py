"""A problem as an answer, for what is refused outside of the routes."""

from __future__ import annotations

from starlette.responses import Response

from server.errors import MEDIA_TYPE, Problem


def problem_response(problem: Problem) -> Response:
    """Return the problem document with its status and headers."""
    return Response(problem.body(), problem.status, problem.headers, MEDIA_TYPE)
