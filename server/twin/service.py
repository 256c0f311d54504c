"""The twin: the graph, the series, and what needs both. Every method blocks; protocols call them in threads."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyoxigraph as ox

from ontologies import catalog
from ontologies.points import SERIES_CONSTRUCT, find_points
from server.errors import Problem, bad_request
from server.observe.metrics import Gauge
from server.outbound.fetch import Answer
from server.outbound.hosts import AllowList
from server.outbound.service import Outbound
from server.outbound.urls import BadUrl, parse_url
from server.settings import Settings
from server.twin.answers import Answers
from server.twin.cache import PerGeneration
from server.twin.changes import Changes, Recorded
from server.twin.checking import CheckReport, check
from server.twin.deleting import DeleteReport, delete
from server.twin.gauges import gauges
from server.twin.hybrid.pushed import Pushed
from server.twin.hybrid.run import Hybrid
from server.twin.inferring import INFERRED, Inferring, Rules
from server.twin.ingest import IngestReport, Resolver, ingest
from server.twin.join import ReadingsRequest, bindings_of, bindings_of_points, buckets, wide_names
from server.twin.lines import LineWriter
from server.twin.loading import load_model
from server.twin.loads import Loads
from server.twin.models import LoadReport, Model
from server.twin.once import Once
from server.twin.ontologies import Ontologies
from server.twin.paging import MOST_ROWS, Page, page
from server.twin.points import KnownPoints
from server.twin.progress import Progress
from server.twin.resolve import PointIndex
from server.twin.retaining import Retained, Retaining, parse_rules, retain
from server.twin.rows import Solutions, solutions_of
from server.twin.solutions import TypedSolutions, from_tsv
from server.twin.updating import update
from storage.errors import RowLimitExceeded
from storage.export import back_up
from storage.files import DataDirectory, empty_directory
from storage.graph.guard import Form, form
from storage.graph.journal import Bounds
from storage.graph.queries import Dump, Limits, Query
from storage.graph.readers import ReaderPool
from storage.graph.results import Result
from storage.graph.store import GraphStore
from storage.series.receipts import Receipt
from storage.series.selection import Rows, Selection
from storage.series.store import Options, SeriesStore, Status

COPY = "copy-"
NTRIPLES = "application/n-triples"
MOST_HELD_ROWS = 1_000_000  # of solutions that become a table, and so are in memory as a whole
MOST_HELD_BYTES = 1 << 30
_ROW = "row number"  # no variable of SPARQL can have this name
_LEAST_MEGABYTES = 512  # for the process that writes the graph, and all that the engine keeps in memory there
_INSIDE = Limits(seconds=300.0)  # for our own questions to the graph, which grow with it


class Twin:
    """Opens a data directory; `close` ends it. Raises DirectoryError where the directory cannot be used."""

    def __init__(self, settings: Settings, what: str = "twinhouse") -> None:
        self.settings = settings
        self._closed = False
        self.directory = DataDirectory(settings.data, what)
        with contextlib.ExitStack() as on_error:
            on_error.callback(self.directory.close)
            self._open(on_error)
            on_error.pop_all()

    def _open(self, on_error: contextlib.ExitStack) -> None:
        settings = self.settings
        for left in self.directory.root.glob(f"{COPY}*"):  # by a copy that a crash ended
            shutil.rmtree(left, ignore_errors=True)
        self.graph = GraphStore(self.directory, memory=max(settings.reader_megabytes, _LEAST_MEGABYTES) << 20)
        on_error.callback(self.graph.close)  # or its process would keep the directory locked
        bounds = Bounds(settings.changes_kept, settings.changes_days, settings.changes_megabytes << 20)
        self.changes = Changes(self.directory.changes, self.graph, bounds)
        on_error.callback(self.changes.close)
        self.readers = ReaderPool(self.graph, size=settings.readers, memory=settings.reader_megabytes << 20)
        on_error.callback(self.readers.close)
        self.answers = Answers(settings.cache_megabytes << 20)
        self.series = SeriesStore(self.directory.series, Options(memory=settings.series_megabytes << 20))
        self.once = Once(self.series)
        self._rules = parse_rules(settings.retention)
        self._indexed: tuple[bytes, PointIndex] | None = None
        self._index = PerGeneration(lambda: self.graph.generation, self._read_index)
        self.graph.watch(self._index.soon)
        self.lines = LineWriter(self.graph, self.series, self._index, settings)
        self.points = KnownPoints(self)
        self.loads = Loads()
        hosts = AllowList.parse(settings.outbound_hosts)
        self.outbound = Outbound(hosts, settings.body_megabytes << 20, children=self.graph.children)
        self.hybrid = Hybrid(self)
        self._retaining = Retaining(self, self._rules)
        self.inferring = Inferring(self, Rules.parse(settings.inference))
        self.ontologies = Ontologies(self)

    def give_up_long_work(self) -> None:
        """End large loads, inference and validation, since the twin is to be closed soon; others are refused."""
        self.graph.children.stop()

    def close(self) -> None:
        """Seal, compact and close everything. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._retaining.close()
        self.inferring.close()
        self.loads.close()
        self.hybrid.queries.close()
        self.readers.close()
        self.outbound.close()
        self.series.finish()
        self.graph.close()
        self.changes.close()
        empty_directory(self.directory.snapshots)
        self.directory.close()

    # The graph

    def query(self, query: Query | Dump, limits: Limits) -> Result | Pushed:
        """Start a SPARQL query or a dump; see ReaderPool.run, and Hybrid.answer for those that see readings."""
        if isinstance(query, Query):
            return self.hybrid.run(self.leased(query, limits), limits)
        return self.readers.run(query, limits)

    def leased(self, query: Query, limits: Limits) -> Query:
        """Return the query with the lease that SERVICE needs, which ends with it. Raises QueryRefused."""
        lease = self.outbound.lend(query.text, query.base, limits.left)
        return query if lease is None else replace(query, lease=lease)

    def select(self, text: str, limits: Limits = _INSIDE) -> Solutions:
        """Return all solutions of a SELECT over the union of all graphs (or as the setting says)."""
        if form(text) not in (Form.SELECT, Form.UNKNOWN):
            raise Problem(400, "bad-request", "the query is no SELECT", hint="SELECT ?point and what to carry along")
        return self.solutions(Query(text, union=self.settings.default_graph == "union"), limits)

    def solutions(self, query: Query, limits: Limits) -> Solutions:
        """Return all solutions of a SELECT whose format is JSON. Raises a 400 problem for another query form."""
        return solutions_of(self.whole(query, limits))

    def whole(self, query: Query, limits: Limits) -> bytes:
        """Return the whole answer to a query, of as many rows and bytes as may be in memory."""
        held = replace(limits, rows=min(limits.rows, MOST_HELD_ROWS), bytes=min(limits.bytes, MOST_HELD_BYTES))
        return self.query(query, held).read()

    def typed(self, query: Query, limits: Limits) -> TypedSolutions:
        """Return the solutions of a SELECT whose format is TSV, as typed columns that are not all in memory."""
        query = self.leased(query, limits)
        if self.hybrid.sees(query.text):
            found = self.hybrid.typed(query, limits)
            if isinstance(found, TypedSolutions):
                return found
            query, limits = found
        with closing(self.readers.run(query, limits)) as result:
            return from_tsv(result, self.directory.root)

    def update(
        self, text: str, *, base_iri: str | None = None, seconds: float | None = None, union: bool = False
    ) -> None:
        """Run a SPARQL update. Durable and visible when it returns; see GraphStore.update.

        It has as many `seconds` as a query has at most, or less. What it LOADs is fetched before it holds up other
        updates.
        """
        seconds = self.settings.query_seconds if seconds is None else seconds
        commit, leaves_points = update(self, text, base_iri, seconds, union=union)
        if leaves_points:
            self.pass_over(commit)

    def pass_over(self, commit: int) -> None:
        """Note that a commit has left all points as they are."""
        self._index.pass_over(commit)

    def fetch(self, iri: str) -> Answer:
        """Fetch a document from a host that may be asked. Raises QueryRefused, OutboundFailed or a 400 problem."""
        try:
            return self.outbound.document(parse_url(iri), self.settings.query_seconds)
        except BadUrl as error:
            raise bad_request(f"{iri} cannot be asked: {error}") from None

    def recorded(self, what: str) -> GraphStore | Recorded:
        """Return the graph for writes that are recorded as `what`, unless the settings want none recorded."""
        return self.graph if self.settings.changes == "none" else Recorded(self.graph, self.changes, what)

    def load(self, model: Model, progress: Progress | None = None, *, dry_run: bool = False) -> LoadReport:
        """Load a model; see load_model."""
        return load_model(self.recorded(f"load {model.name}"), model, progress, dry_run=dry_run)

    def models(self) -> list[str | None]:
        """Return the graphs of models: all but the packaged ontologies and what is inferred; None is the unnamed."""
        others = {INFERRED.value, *(ontology.iri for ontology in catalog.available())}
        return [None, *(name for name in self.graph.graphs() if name not in others)]

    def triples(self, graph: str | None) -> bytes:
        """Return a graph as N-Triples."""
        return self.readers.run(Dump(graph, NTRIPLES), _INSIDE).read()

    # Points

    @property
    def index(self) -> PointIndex:
        """All points, as of now."""
        return self._index.get()

    def index_within(self, limits: Limits) -> PointIndex:
        """Return all points, as of now. Raises DeadlineExceeded where they are not known in time."""
        return self._index.get(limits.end)

    def _read_index(self) -> PointIndex:
        triples = self.readers.run(Query(SERIES_CONSTRUCT, NTRIPLES), _INSIDE).read()
        if self._indexed is None or self._indexed[0] != triples:
            points = find_points(ox.parse(triples, ox.RdfFormat.N_TRIPLES))
            self._indexed = (triples, PointIndex.of(points))
        return self._indexed[1]

    # Readings

    def ingest(
        self,
        batches: Iterator[pa.RecordBatch],
        *,
        source: str | None = None,
        file: str | None = None,
        known_only: bool = False,
        receipt: Callable[[IngestReport], Receipt | None] = lambda _: None,
    ) -> IngestReport:
        """Store readings (columns of server.tables.READINGS), all or none; see server.twin.ingest."""
        latest = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=self.settings.future_days)
        return ingest(self.series, batches, Resolver(self.index, source, file, known_only, latest), receipt)

    def readings(self, request: ReadingsRequest, limits: Limits) -> Page:
        """Return the readings of the points that the request names, beside the columns it carries along.

        They are a page where the request has a limit that a page can have; else everything, and no cursor.
        """
        limits = limits.begun()
        with contextlib.ExitStack() as ending:
            underway = ending.enter_context(self.hybrid.queries.noted(request.text))
            bindings = self._bindings(request, limits)
            selection = request.selection
            names = wide_names(bindings, self.points.labels(limits)) if selection.shape != "long" else None
            if selection.fills_buckets:
                self._bound_buckets(selection, bindings, limits)
            underway.check()
            if selection.limit is not None and selection.limit <= MOST_ROWS:
                found = page(self.series, selection, bindings, request.after, limits, underway.stop)
            else:
                rows = self.series.select(selection, bindings, seconds=limits.left, stop=underway.stop)
                rows.batches = underway.counted(rows.batches)
                rows.then(ending.pop_all().close)
                found = Page(rows, None)
        return found if names is None else replace(found, rows=_renamed(found.rows, names))

    def _bound_buckets(self, selection: Selection, bindings: pa.Table, limits: Limits) -> None:
        """Refuse more buckets than an answer may have rows: the engine cannot be stopped while it makes them."""
        stats = self.series.stats([str(uuid) for uuid in bindings.column("id").to_pylist()])
        rows = buckets(selection, stats) * stats.num_rows
        if rows > limits.rows:
            raise RowLimitExceeded(f"this makes {rows:,} rows of {stats.num_rows:,} series")

    def _bindings(self, request: ReadingsRequest, limits: Limits) -> pa.Table:
        if request.query is None:
            return bindings_of_points(request.points, self.index_within(limits))
        found = self.select(request.query, limits)
        return bindings_of(found.variables, found.rows, self.index_within(limits))

    def latest(self, request: ReadingsRequest, limits: Limits) -> pa.Table:
        """Return the newest reading of each point that the request names, in its order; never scans readings."""
        bindings = self._bindings(request, limits.begun())
        newest = self.series.latest([str(uuid) for uuid in bindings.column("id").to_pylist()])
        numbered = bindings.append_column(_ROW, pa.array(range(bindings.num_rows), pa.int64()))
        joined = numbered.join(newest, "id", join_type="inner").sort_by(_ROW)
        return joined.drop_columns([_ROW, "id"])

    def delete(self, request: ReadingsRequest, limits: Limits, *, dry_run: bool = False) -> DeleteReport:
        """Delete the readings that the request names by points and times; see server.twin.deleting."""
        limits = limits.begun()
        bindings = self._bindings(request, limits)
        return delete(self.series, bindings, request.selection.window, seconds=limits.left, dry_run=dry_run)

    # Upkeep

    def probe(self) -> None:
        """Ask both halves something. Raises what is wrong."""
        self.query(Query("ASK {}"), Limits(seconds=5.0)).read()
        self.series.status()

    def gauges(self) -> list[Gauge]:
        """Return what is stored and what is under way."""
        return gauges(self)

    def check(self, *, mend: bool = False, give_up: int | None = None) -> CheckReport:
        """Verify both halves and their agreement; see server.twin.checking."""
        return check(self, mend=mend, give_up=give_up)

    def seal(self) -> Status:
        """Write what is hot to Parquet, so that `series/readings/` has everything. Returns what lies where."""
        self.series.seal()
        self.series.compact()
        self.series.tend()
        return self.series.status()

    def retain(self) -> list[Retained]:
        """Apply the rules of retention; see server.twin.retaining."""
        return retain(self, self._rules)

    def back_up(self, target: Path) -> None:
        """Write a copy of the data directory to `target`, which must not exist; see storage.export."""
        back_up(self.graph, self.changes, self.series, target)


def _renamed(rows: Rows, names: Sequence[str]) -> Rows:
    """Rename the columns after `time`."""
    columns = ["time", *names]
    schema = pa.schema([f.with_name(n) for f, n in zip(rows.schema, columns, strict=True)])
    return replace(rows, schema=schema, batches=(batch.rename_columns(columns) for batch in rows))
