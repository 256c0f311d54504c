"""`twinhouse ingest`: files of readings into the series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli import ingest_options as option
from server.cli.failure import Failure, say
from server.cli.options import Data, Json, Url, target_of

if TYPE_CHECKING:
    from server.cli.client import Client
    from server.cli.ingesting import Job, Tally
    from server.cli.progress import Meter
    from server.cli.resuming import Journal, Stored
    from server.tables.options import ReadOptions
    from server.tables.read import ReadingsSource


def ingest(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="CSV, Parquet, Arrow, NDJSON, JSON; folders of them.")
    ],
    id_column: option.IdColumn = None,
    time_column: option.TimeColumn = None,
    value_column: option.ValueColumn = None,
    text_column: option.TextColumn = None,
    status_column: option.StatusColumn = None,
    wide: option.Wide = None,
    timezone: option.Timezone = None,
    time_unit: option.TimeUnit = None,
    delimiter: option.Delimiter = None,
    na: option.Na = None,
    point_map: option.PointMap = None,
    source: option.Source = None,
    unknown: option.Unknown = None,
    chunk_rows: option.ChunkRows = 1_000_000,
    resume: option.Resume = False,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Store the readings of files. A reading that comes again, by series and time, replaces the one before.

    Files are read as they are sent. Where a row cannot be read, everything up to the last full request is stored,
    and the message says how much that is: mend the file and ingest it again. After an interruption, the same command
    with --resume passes over what is stored; files that have changed since are sent whole.

    \b
    Examples:
      twinhouse ingest readings.parquet --data ./office
      twinhouse ingest hhw.csv --time-column datetime_UTC --na -999
      twinhouse ingest export/ --map points.csv --url http://127.0.0.1:8080
    """
    target = target_of(data, url)
    if unknown not in (None, "accept", "ignore"):
        raise typer.BadParameter(f"--unknown is accept or ignore, not {unknown}")
    options = _options(
        id_column=id_column,
        time_column=time_column,
        value_column=value_column,
        text_column=text_column,
        status_column=status_column,
        wide=wide,
        timezone=timezone,
        time_unit=time_unit,
        delimiter="\t" if delimiter in ("\\t", "tab") else delimiter,
        na=tuple(na or ()),
    )
    from server.cli.client import connect
    from server.cli.ingesting import Job, expanded, show
    from server.cli.resuming import Journal
    from server.cli.translation import read_translation

    names = read_translation(point_map) if point_map is not None else {}
    job = Job(expanded(files), options, names, source, unknown, chunk_rows)
    about = (target.url or str(target.data.resolve()), options, point_map, source, unknown, chunk_rows)
    journal = Journal(about, resume=resume)
    if journal.interrupted and not resume:
        say("an earlier run of this kind was interrupted; --resume would have gone on there")
    with connect(target, creates=True) as client:
        tallies = list(_run(client, job, journal))
    journal.end()
    show(tallies, as_json)


def _options(**given: Any) -> ReadOptions:  # noqa: ANN401 - the options by name
    from server.tables.errors import BadReadings
    from server.tables.options import ReadOptions

    try:
        return ReadOptions(**given)
    except BadReadings as error:
        raise Failure(error.reason, hint=error.hint) from None


def _run(client: Client, job: Job, journal: Journal) -> Iterator[Tally]:
    from server.cli.ingesting import Tally, said
    from server.cli.progress import metered

    done: list[Tally] = []
    for path in job.files:
        tally = Tally(path)
        done.append(tally)
        stored = journal.stored(path)
        if stored.whole:
            tally.before = stored.readings
            yield tally
            continue
        try:
            with metered(path.name, path.stat().st_size) as meter:
                _ingest(client, job, tally, meter, partial(journal.note, path), stored)
        except Failure as failure:
            notes = (*failure.notes, *said(done))
            raise Failure(f"{path}: {failure.detail}", hint=failure.hint, notes=notes) from None
        yield tally


def _ingest(
    client: Client, job: Job, tally: Tally, meter: Meter, note: Callable[[Stored], None], stored: Stored
) -> None:
    """Read a file and send it, a chunk at a time, but for the requests that are `stored`; each more is noted.

    Raises Failure; `tally` then has what was stored.
    """
    requests = stored.requests
    from server.cli.ingesting import opened, parameters, reading_errors
    from server.cli.sending import chunks, send
    from server.cli.translation import translated

    with reading_errors(), opened(tally.path, job.options) as source:
        params = parameters(job, tally.path, source.roles.wide)
        for number, table in enumerate(chunks(source.batches(), job.chunk_rows)):
            if number < requests:
                tally.before += table.num_rows
                continue
            chunk = translated(table, job.names) if job.names else table
            report = send(client, chunk, **params)
            tally.add(chunk, report)
            stored.requests, stored.readings = number + 1, tally.before + tally.readings
            note(stored)
            meter.at(source.bytes_read, tally.readings)
        stored.whole = True
        note(stored)
        _finish(tally, source, meter)


def _finish(tally: Tally, source: ReadingsSource, meter: Meter) -> None:
    tally.missing = source.rows_missing
    tally.columns = list(source.ignored)
    tally.ambiguous_times = source.ambiguous_times
    meter.end(tally.readings)
