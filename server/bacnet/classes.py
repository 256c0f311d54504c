"""The classes that the twin gives points, for rules of polling that name them: asked of the server, kept on disk."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import httpx2

from ontologies.bacnet import network_graph
from ontologies.namespaces import BRICK, REF
from server.bacnet.config import Config
from server.bacnet.sending import Away, client, detail_of, headers_of
from storage.files import write_atomically

Classes = Mapping[str, tuple[str, ...]]
"""Names of classes in Brick, by the UUID of the series."""

_QUERY = """
SELECT ?id ?class WHERE {{ GRAPH {graph} {{
    ?point a ?class ; {reference} [ {identifier} ?id ] FILTER(STRSTARTS(STR(?class), "{brick}")) }} }}
"""


def are_wanted(config: Config) -> bool:
    """Tell whether a rule names classes."""
    return any(rule.classes != ("*",) for rule in config.rules)


def known(config: Config) -> Classes:
    """Return what the server said the last time; nothing where it was never asked."""
    try:
        return {id_: tuple(found) for id_, found in json.loads(_path(config).read_bytes()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


async def learn(config: Config, network: str) -> Classes:
    """Ask the server for the classes of a network's points, and keep them. Raises Away."""
    query = _QUERY.format(
        graph=network_graph(network),
        reference=REF["hasExternalReference"],
        identifier=REF["hasTimeseriesId"],
        brick=BRICK.iri,
    )
    headers = {"Content-Type": "application/sparql-query", "Accept": "text/csv", **headers_of(config.token_file)}
    try:
        async with client() as http:
            answer = await http.post(f"{config.url}/query", content=query.encode(), headers=headers)
    except httpx2.HTTPError as error:
        raise Away(f"no answer from {config.url}: {error or type(error).__name__}") from None
    if answer.status_code >= 300:
        raise Away(f"{config.url} answers {answer.status_code}: {detail_of(answer)}")
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(answer.text)):
        found[row["id"]].append(row["class"].removeprefix(BRICK.iri))
    classes = {id_: tuple(sorted(names)) for id_, names in sorted(found.items())}
    _path(config).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(_path(config), json.dumps(classes).encode())
    return classes


def _path(config: Config) -> Path:
    return config.state / "classes.json"
