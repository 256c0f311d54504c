"""The service described: a start page for people, OpenAPI for programs."""

from __future__ import annotations

from html import escape
from importlib.metadata import version
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from server.protocols.http import twin_of
from server.protocols.parameters import PARAMETERS, PATH_PARAMETERS

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Twinhouse</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem; color: #223; }}
pre {{ background: #f4f4f2; padding: 1rem; overflow-x: auto; }}
td {{ padding: .2rem 1.5rem .2rem 0; }}
code {{ font-size: .9em; }} a {{ color: #06c; }}
</style></head><body>
<h1>Twinhouse {version}</h1>
<p>{quads:,} quads in {graphs:,} graphs, {points:,} points, {readings:,} readings.</p>
<h2>Ask it something</h2>
<form action="/query"><p><textarea name="query" rows="6" style="width:100%">{example}</textarea></p>
<p><button name="format" value="csv">Ask the graph</button></p></form>
<pre>curl -G '{base}readings' --data-urlencode 'query={example_flat}' \\
  -d start=-1d -d every=1h -d format=csv</pre>
<h2>What there is</h2>
<table>{routes}</table>
</body></html>
"""
_UNKNOWN = ("QUERY",)  # to OpenAPI 3.1
_EXAMPLE = """PREFIX brick: <https://brickschema.org/schema/Brick#>
SELECT ?point ?equipment
WHERE { ?equipment brick:hasPoint ?point . ?point a brick:Zone_Air_Temperature_Sensor }
LIMIT 10"""


async def start(request: Request) -> Response:
    """Show what is here and how to ask."""
    twin = twin_of(request)

    def page() -> str:
        status = twin.series.status()
        return _PAGE.format(
            version=_version(),
            quads=len(twin.graph),
            graphs=len(twin.graph.graphs()),
            points=len(twin.index.points),
            readings=status.hot_rows + status.sealed_rows,
            base=escape(str(request.base_url)),
            example=escape(_EXAMPLE),
            example_flat=escape(" ".join(_EXAMPLE.split())),
            routes="".join(_rows(request)),
        )

    return HTMLResponse(await to_thread.run_sync(page))


def _rows(request: Request) -> list[str]:
    return [
        f"<tr><td><code>{' '.join(methods)}</code></td><td>{_linked(path, methods)}</td>"
        f"<td>{escape(summary)}</td></tr>"
        for path, methods, summary in _described(request)
    ]


def _linked(path: str, methods: list[str]) -> str:
    return f'<a href="{path}">{path}</a>' if "GET" in methods and "{" not in path else f"<code>{path}</code>"


def _described(request: Request) -> list[tuple[str, list[str], str]]:
    """Return path, methods (but HEAD) and the first line of the endpoint's docstring, for each route."""
    return [
        (route.path, sorted((route.methods or set()) - {"HEAD"}), (route.endpoint.__doc__ or "").partition("\n")[0])
        for route in request.app.routes
        if isinstance(route, Route)
    ]


async def openapi(request: Request) -> Response:
    """Describe every route (OpenAPI 3.1)."""
    paths = {
        path: {method.lower(): _operation(path, summary) for method in methods if method not in _UNKNOWN}
        for path, methods, summary in _described(request)
    }
    schemes = {scheme: {"type": "http", "scheme": scheme} for scheme in ("bearer", "basic")}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Twinhouse", "version": _version()},
        "paths": paths,
        "components": {"securitySchemes": schemes},
        "security": [{scheme: []} for scheme in schemes] + [{}],
    }
    return JSONResponse(document)


def _operation(path: str, summary: str) -> dict[str, Any]:
    parameters = [*PARAMETERS.get(path, ()), *PATH_PARAMETERS.get(path, ())]
    problem = {"description": "What went wrong (RFC 9457)", "content": {"application/problem+json": {}}}
    return {
        "summary": summary,
        "parameters": [parameter.document() for parameter in parameters],
        "responses": {"2XX": {"description": "As asked"}, "default": problem},
    }


def _version() -> str:
    return version("twinhouse")
