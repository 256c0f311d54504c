"""The options of `twinhouse serve`: each is a setting (see server.settings), in the order of the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DefaultGraph = Annotated[
    str | None, typer.Option(help="Default graph of a query: `union` of all graphs, or `strict`.")
]
QuerySeconds = Annotated[float | None, typer.Option(min=0.001, help="The longest that a query or update may take.")]
QueryRows = Annotated[int | None, typer.Option(min=1, help="The most rows that an answer may have.")]
Readers = Annotated[int | None, typer.Option(min=1, help="How many SPARQL queries run at a time.")]
ReaderMegabytes = Annotated[int | None, typer.Option(min=1, help="Memory that one of them, or an update, may use.")]
CacheMegabytes = Annotated[int | None, typer.Option(min=0, help="Memory for answers that are asked for again.")]
SeriesMegabytes = Annotated[int | None, typer.Option(min=1, help="Memory for reading and writing series.")]
BodyMegabytes = Annotated[int | None, typer.Option(min=1, help="The largest body of a request.")]
UnpackedMegabytes = Annotated[int | None, typer.Option(min=1, help="The largest that a compressed body may become.")]
IngestRows = Annotated[int | None, typer.Option(min=1, help="The most readings that a request may bring.")]
FutureDays = Annotated[int | None, typer.Option(min=0, help="How far ahead a reading may be.")]
Retention = Annotated[
    str | None, typer.Option(metavar="RULES", help="How long readings are kept: `brick:Sensor=90d *=5y`.")
]
Inference = Annotated[
    str | None,
    typer.Option(metavar="RULES", help="Keep what follows up to date by: brick, brick 1.5, 223p (classes)."),
]
Changes = Annotated[
    str | None, typer.Option(metavar="WHAT", help="Changes of the graph that can be undone: all, loads, none.")
]
ChangesKept = Annotated[int | None, typer.Option(min=1, help="How many changes are kept.")]
ChangesDays = Annotated[float | None, typer.Option(min=0, help="For how many days.")]
ChangesMegabytes = Annotated[int | None, typer.Option(min=0, help="In how much space.")]
InfluxTag = Annotated[
    str | None, typer.Option(metavar="TAG", help="Tag of line protocol that names a point; empty: none.")
]
InfluxUnknown = Annotated[
    str | None, typer.Option(metavar="WHAT", help="Line protocol that no point has: create (a point), refuse.")
]
InfluxSeries = Annotated[
    int | None, typer.Option(min=0, help="Of how many series line protocol may make points in all.")
]
Anonymous = Annotated[
    str | None,
    typer.Option(metavar="ROLE", help="Without a token: none, read, write, admin. Default: admin on loopback."),
]
AllowedHosts = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="Host names of this server, by commas, for clients without token."),
]
CorsOrigins = Annotated[
    str | None, typer.Option(metavar="ORIGINS", help="Whose web pages may call it, by commas, or *: CORS.")
]
TrustedProxies = Annotated[
    str | None,
    typer.Option(metavar="ADDRESSES", help="Proxies, by commas, whose X-Forwarded-For is believed; none by default."),
]
HeaderSeconds = Annotated[
    float | None, typer.Option(min=0.001, help="The longest that the head of a request may take.")
]
BodySeconds = Annotated[
    float | None, typer.Option(min=0.001, help="The longest wait for a body, beyond 1 s for each KiB.")
]
SendSeconds = Annotated[
    float | None, typer.Option(min=0.001, help="The longest that a client may take nothing of its answer.")
]
KeepAliveSeconds = Annotated[
    float | None, typer.Option(min=0, help="How long a connection without a request stays open.")
]
Connections = Annotated[int | None, typer.Option(min=1, help="The most connections at a time.")]
OutboundHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOST",
        help="A host that SERVICE and LOAD may ask; may be repeated [env: TWINHOUSE_OUTBOUND_HOSTS].",
    ),
]
PublicUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="What IRIs of observations begin with; else they are URNs.")
]
Hybrid = Annotated[
    str | None, typer.Option(help="`always` sees readings in every query, for diagnosis. Default: auto.")
]
HybridReadings = Annotated[
    int | None, typer.Option(min=1, help="The most readings that become triples for one query.")
]
TlsCert = Annotated[str | None, typer.Option(metavar="FILE", help="Certificate and chain (PEM): HTTPS.")]
TlsKey = Annotated[str | None, typer.Option(metavar="FILE", help="The certificate's key (PEM).")]
BacnetConfig = Annotated[
    Path | None, typer.Option(metavar="CONFIG", help="Run the BACnet gateway of this configuration, too.")
]
