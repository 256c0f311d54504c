"""`twinhouse bacnet review`: a person's word on what points are."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.bacnet_import import ScanFile, show
from server.cli.failure import Failure, say
from server.cli.options import Data, Json, Output, Url, read_text, target_of
from server.cli.output import print_json, print_table, write

if TYPE_CHECKING:
    from ontologies.tagging.decisions import Decision
    from ontologies.tagging.proposals import Proposal

_COLUMNS = ("point", "name", "class", "confidence", "reason")


def review(
    file: ScanFile,
    accept: Annotated[list[str] | None, typer.Option(metavar="POINT", help="What is proposed holds.")] = None,
    correct: Annotated[
        list[str] | None, typer.Option(metavar="POINT=CLASS", help="It is this, a class of Brick.")
    ] = None,
    reject: Annotated[list[str] | None, typer.Option(metavar="POINT", help="It is a plain point.")] = None,
    accept_above: Annotated[
        float | None, typer.Option(min=0, max=1, help="Accept all open proposals at least so sure.")
    ] = None,
    decisions: Annotated[
        Path | None, typer.Option("--read", metavar="FILE", help="Take the decisions of a table: CSV or JSON.")
    ] = None,
    output: Output = None,
    everything: Annotated[bool, typer.Option("--all", help="List what is decided, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="List at most so many on the terminal.")] = 30,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who decides. Default: the user's name.")] = None,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """List what is proposed for the points of a scan, those first that teach most, or decide.

    A POINT is named by its device and object, 1234/analog-input,1, by its IRI, or by its name where only one has it.
    Decisions are kept in the graph and hold for every import; points that are named alike follow. With -o points.csv
    the list goes into a table: fill its column verdict (accept, correct, reject) and give it back by --read.

    \b
    Examples:
      twinhouse bacnet review site.json --data ./office
      twinhouse bacnet review site.json --correct '1234/analog-input,1=Zone_Air_Temperature_Sensor' --data ./office
      twinhouse bacnet review site.json -o points.csv && twinhouse bacnet review site.json --read points.csv
    """
    from server.cli.bacnet_twin import decide, import_network, proposals_for, read_scan
    from server.cli.client import connect

    target, network = target_of(data, url), read_scan(file)
    verdicts = _verdicts(accept, correct, reject)
    with connect(target) as client:
        proposals = proposals_for(client, network)
        by = by or _user()
        found = _decided(proposals, verdicts, accept_above, by)
        if decisions is not None:
            found = {**found, **{each.point: each for each in _read(decisions, proposals, by)}}
        if found:
            decide(client, tuple(found.values()))
            report = import_network(client, network, proposals_for(client, network))
            if as_json:
                print_json({"decisions": len(found), **report})
            else:
                say(f"{len(found)} decisions are kept")
                show(report)
            return
    if verdicts or decisions is not None or accept_above is not None:
        say("there is nothing to decide")
        return
    _list(proposals, output, limit, everything=everything, as_json=as_json)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _verdicts(
    accept: list[str] | None, correct: list[str] | None, reject: list[str] | None
) -> list[tuple[str, str, str | None]]:
    """Return points with verdict and class, as they were given."""
    found: list[tuple[str, str, str | None]] = [(each, "accept", None) for each in accept or ()]
    found += [(each, "reject", None) for each in reject or ()]
    for each in correct or ():
        point, equals, name = each.rpartition("=")
        if not equals or not name:
            raise typer.BadParameter(f'"{each}" is not POINT=CLASS', param_hint="--correct")
        found.append((point, "correct", name))
    return found


def _decided(
    proposals: Sequence[Proposal],
    verdicts: Sequence[tuple[str, str, str | None]],
    accept_above: float | None,
    by: str,
) -> dict[str, Decision]:
    rows: dict[str, dict[str, Any]] = {}
    if accept_above is not None:
        sure = (each for each in proposals if each.status in ("proposed", "taught"))
        rows = {each.point: {"verdict": "accept"} for each in sure if each.confidence >= accept_above}
    for point, verdict, name in verdicts:
        proposal = _named(proposals, point)
        if proposal.point in rows and accept_above is None:
            raise typer.BadParameter(f'"{point}" is decided twice')
        rows[proposal.point] = {"verdict": verdict} | ({"class": name} if name else {})
    return {each.point: each for each in _parsed(proposals, rows, by)} if rows else {}


def _parsed(proposals: Sequence[Proposal], rows: dict[str, dict[str, Any]], by: str) -> tuple[Decision, ...]:
    """Return decisions as the table that a person could have filled in says them."""
    from ontologies.tagging.review import proposals_json

    table = [{**row, **rows[row["point"]]} for row in json.loads(proposals_json(proposals)) if row["point"] in rows]
    return _decisions(json.dumps(table), "json", proposals, by, "the options")


def _read(file: Path, proposals: Sequence[Proposal], by: str) -> tuple[Decision, ...]:
    form = "json" if file.suffix.lower() == ".json" else "csv"
    return _decisions(read_text(file), form, proposals, by, str(file))


def _decisions(text: str, form: str, proposals: Sequence[Proposal], by: str, where: str) -> tuple[Decision, ...]:
    from ontologies.errors import OntologyError
    from ontologies.tagging.review import read_decisions

    at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        return read_decisions(text, form, by=by, at=at, points=[each.point for each in proposals])
    except OntologyError as error:
        raise Failure(f"{where}: {error}", notes=("nothing was decided",)) from None


def _named(proposals: Sequence[Proposal], text: str) -> Proposal:
    """Return the proposal of a point by IRI, device and object, or name. Raises Failure."""
    found = [each for each in proposals if text in (each.point, f"{each.device}/{each.object}")]
    found = found or [each for each in proposals if text == each.name]
    if len(found) == 1:
        return found[0]
    hint = "name it by device and object: 1234/analog-input,1" if found else "`twinhouse bacnet review` lists them"
    raise Failure(f'{"several points are" if found else "no point is"} called "{text}"', hint=hint)


def _list(proposals: Sequence[Proposal], output: Path | None, limit: int, *, everything: bool, as_json: bool) -> None:
    from ontologies.tagging.proposals import for_review
    from ontologies.tagging.review import proposals_csv, proposals_json

    chosen = list(proposals) if everything else for_review(proposals)
    if output is not None:
        text = proposals_json(chosen) if output.suffix.lower() == ".json" else proposals_csv(chosen)
        write([text.encode()], output)
        say(f"{len(chosen)} points in {output}")
        return
    if as_json:
        print_json(json.loads(proposals_json(chosen)))
        return
    print_table([_row(each) for each in chosen[:limit]], _COLUMNS)
    if len(chosen) > limit:
        say(f"and {len(chosen) - limit} more: --limit, or -o points.csv")


def _row(each: Proposal) -> dict[str, str]:
    return {
        "point": f"{each.device}/{each.object}",
        "name": each.name,
        "class": each.class_iri.rpartition("#")[2],
        "confidence": f"{each.confidence:.0%}",
        "reason": each.reason if each.status in ("proposed", "taught") else each.status,
    }
