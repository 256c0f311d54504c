"""What to ask the demo building first: the one text for the command line, the tests and CI."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_BRICK = "PREFIX brick: <https://brickschema.org/schema/Brick#>"
_REC = "PREFIX rec: <https://w3id.org/rec#>"
_RDFS = "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>"


@dataclass(frozen=True, slots=True)
class Example:
    """A question: SPARQL for `path`, and that path's other parameters."""

    title: str
    path: str
    query: str
    parameters: tuple[tuple[str, str], ...] = ()

    def curl(self, base: str, *, token: bool = False) -> str:
        """Return it as one line for a shell, which adds the `token` of the environment."""
        more = "".join(f" -d {name}={value}" for name, value in self.parameters)
        sent = ' -H "Authorization: Bearer $TWINHOUSE_TOKEN"' if token else ""
        return f"curl -fsSG {base}{self.path} --data-urlencode 'query={self.query}'{more}{sent}"


EXAMPLES: Sequence[Example] = (
    Example(
        "every VAV box with its zone and its points",
        "/query",
        f"{_BRICK} {_REC} {_RDFS} SELECT ?vav ?zone ?point ?label WHERE {{ ?vav a brick:RVAV ; brick:feeds ?zone ;"
        " brick:hasPoint ?point . ?zone a rec:HVACZone . ?point rdfs:label ?label } ORDER BY ?vav ?label",
        (("format", "csv"),),
    ),
    Example(
        "the hourly mean of each zone's temperature over the last week, with its VAV box and room",
        "/readings",
        f"{_BRICK} SELECT ?point ?vav ?room WHERE {{ ?vav a brick:RVAV ; brick:hasPoint ?point ;"
        " brick:feeds/brick:hasPart ?room . ?point a brick:Zone_Air_Temperature_Sensor }",
        (("start", "-7d"), ("every", "1h"), ("aggregate", "mean"), ("format", "csv")),
    ),
    Example(
        "the highest electric power of each meter, a day, over the last month",
        "/readings",
        f"{_BRICK} SELECT ?point ?meter WHERE {{ VALUES ?kind {{ brick:Electrical_Meter"
        " brick:Building_Electrical_Meter } ?meter a ?kind ; brick:hasPoint ?point ."
        " ?point a brick:Electric_Power_Sensor }",
        (("start", "-30d"), ("every", "1d"), ("aggregate", "max"), ("format", "csv")),
    ),
)


_BACNET = """
Its controllers are on BACnet, on this machine; docs/bacnet.md goes on from here:

twinhouse bacnet scan demo.json --address 127.0.0.1/8 --udp-port 47809"""


def guide(base: str, data: str | None = None, *, bacnet: bool = False) -> str:
    """Return what the demo prints: what to open and what to ask.

    `data` is the data directory, where its server wants a token.
    """
    lines = [f"Open {base}/ in a browser, or ask:"] if data is None else _with_token(base, data)
    for number, example in enumerate(EXAMPLES, 1):
        lines += ["", f"{number}. {example.title}:", "", example.curl(base, token=data is not None)]
    return "\n".join([*lines, *([_BACNET] if bacnet else []), "", "Ctrl-C ends it."])


def _with_token(base: str, data: str) -> list[str]:
    return [
        f"Open {base}/ in a browser (its password is a token, the user name any), or ask. First make a token, unless",
        "TWINHOUSE_TOKEN is one:",
        "",
        f"export TWINHOUSE_TOKEN=$(twinhouse token create demo --data {shlex.quote(data)})",
    ]
