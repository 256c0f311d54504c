"""Documents into the graph, all or nothing. Large and hazardous ones are read in a process of their own.

So reading one neither keeps the server from its other work nor takes its memory, however large it is and whatever
is in it, and takes no longer than its size explains. The process appends the quads to the staged file. Its one
request is a line of JSON on stdin, its answer one on stdout: `{"ok": …}`, or `{"problem": …}`, after lines that
say how far it is: `{"at": [bytes, quads]}`. It ends with the server.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import pyoxigraph as ox

from ontologies.formats import format_of_media_type, read_quads
from ontologies.hazards import is_hazardous
from ontologies.models.form import HEAD
from ontologies.models.rdf import RdfForm
from ontologies.point_map import PointMap
from server.errors import Problem, problem_of
from server.twin.changes import Recorded
from server.twin.hybrid.updates import refuse_graphs
from server.twin.models import LoadReport, Model, base_iri, read_model
from server.twin.progress import Progress
from server.twin.unpacking import coding_of, head_of
from storage.children import Children
from storage.errors import DeadlineExceeded, MemoryLimitExceeded
from storage.graph.bulk import LINE_FORMATS, Lines, make_store
from storage.graph.lifeline import begin
from storage.graph.staging import Staged
from storage.graph.store import Graph, GraphStore

LARGE = 8 << 20  # bytes; what is smaller is read here before a process would have started
# Of what is no RDF: Python reads it, and keeps everyone waiting meanwhile.
LARGE_OTHERWISE = 1 << 20
MEMORY = 2 << 30
SECONDS = 60.0  # that reading a document may take
_SLOWEST = 256 << 10  # bytes of it that are read in a further second
_STEP = 0.5  # seconds between news of how far a document is read
_ZIP = b"PK\x03\x04"  # of a workbook
_OUT_OF_MEMORY = (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL)
Source = bytes | IO[bytes] | Path


@dataclass(frozen=True, slots=True)
class Document:
    """A document; what belongs to its default graph is for `graph`."""

    source: Source
    format: ox.RdfFormat
    graph: Graph
    lenient: bool = False


def load_model(
    store: GraphStore | Recorded, model: Model, progress: Progress | None = None, *, dry_run: bool = False
) -> LoadReport:
    """Replace the model's graph by its document, as one change. Durable and visible when it returns.

    A dry run does all but that. Raises FormatError, ValueShapeError, UnknownFormat, MemoryLimitExceeded, Cancelled or
    a problem, with nothing changed.
    """
    graph, progress = model.graph_name(), progress or Progress()
    with store.staged() as staged:
        progress.reading(_size(model.document))
        if _is_for_another(model.document, *_bound(model)):
            report = _report(_apart(staged, model.document, {"model": _packed_model(model)}, progress))
        else:
            report = read_model(model, staged)
        graphs = {graph, *(name for name in staged.graphs if not isinstance(name, ox.BlankNode))}
        refuse_graphs(graphs)
        progress.writing(staged.count)
        if dry_run:
            return replace(report, loaded=False)
        store.replace(staged, sorted(graphs, key=str))
    return report


def stage(staged: Staged, document: Document, *, alone: bool = False) -> None:
    """Take the quads of a document. Raises FormatError, MemoryLimitExceeded or a problem.

    One that is `alone` is likely to be all of the graph: it may become a store that takes the graph's place.
    """
    if _is_for_another(document.source, LARGE, document.format):
        _apart(staged, document.source, {"document": _packed_document(document)}, Progress(), alone=alone)
    else:
        _read(document, staged)


def _read(document: Document, staged: Staged) -> None:
    staged.extend(_quads(document))


def _quads(document: Document) -> Iterator[ox.Quad]:
    base, graph = base_iri(document.graph), document.graph
    return read_quads(document.source, document.format, base_iri=base, graph=graph, lenient=document.lenient)


def _bound(model: Model) -> tuple[int, ox.RdfFormat | None]:
    """Return from how many bytes on a model is read apart, and its format where it is RDF."""
    if coding_of(model.document) is not None:
        return LARGE, None
    form = model.form(head_of(model.document, HEAD))
    return (LARGE, form.format) if isinstance(form, RdfForm) else (min(LARGE, LARGE_OTHERWISE), None)


def _is_for_another(source: Source, bound: int, fmt: ox.RdfFormat | None) -> bool:
    """Tell whether another process is to read a document, which that one must be able to open."""
    if isinstance(source, bytes | BytesIO):  # which another process could not open
        return False
    if coding_of(source) is not None or head_of(source, len(_ZIP)) == _ZIP:  # nobody knows how large it is
        return True
    return _size(source) > bound or (fmt is not None and is_hazardous(head_of(source, bound), fmt))


def _size(source: Source) -> int:
    """Return a document's bytes, as it comes."""
    if isinstance(source, bytes):
        return len(source)
    if isinstance(source, Path):
        return source.stat().st_size
    size = source.seek(0, SEEK_END)
    source.seek(0)
    return size


def _packed_model(model: Model) -> dict[str, Any]:
    uuids = None if model.map is None else {iri: str(uuid) for iri, uuid in model.map.uuids.items()}
    return {
        "name": model.name,
        "format": model.format,
        "graph": model.graph,
        "lenient": model.lenient,
        "map": uuids,
        "base": model.base,
        "most": model.most,
        "brick": model.brick,
    }


def _report(packed: dict[str, Any]) -> LoadReport:
    return LoadReport(**{**packed, "graphs": tuple(packed["graphs"]), "warnings": tuple(packed["warnings"])})


def _packed_document(document: Document) -> dict[str, Any]:
    return {
        "format": document.format.media_type,
        "graph": _packed_graph(document.graph),
        "lenient": document.lenient,
    }


def _packed_graph(graph: Graph | ox.BlankNode) -> str | None:
    return None if isinstance(graph, ox.DefaultGraph) else str(graph)


def _graph(text: str | None) -> Graph | ox.BlankNode:
    if text is None:
        return ox.DefaultGraph()
    return ox.BlankNode(text[2:]) if text.startswith("_:") else ox.NamedNode(text[1:-1])


def _apart(
    staged: Staged, source: Source, request: dict[str, Any], progress: Progress, *, alone: bool = False
) -> Any:  # noqa: ANN401 - JSON
    """Let the process read a document. Raises a problem, MemoryLimitExceeded, Cancelled or Closed."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
        assert not isinstance(file, bytes)  # noqa: S101 - they are never large
        fd = file.fileno()  # of a file on disk, also where it was in memory until now
        file.flush()
        place = {"store": str(staged.begin_store())} if alone else {"staged": str(staged.path())}
        seconds = SECONDS + _size(source) / _SLOWEST
        answer = _ask(staged.children, {**request, **place, "source": fd}, fd, progress, seconds)
    if "problem" in answer:
        raise Problem(**answer["problem"])
    staged.count += answer["ok"]["count"]
    staged.graphs.update(map(_graph, answer["ok"]["graphs"]))
    return answer["ok"]["report"]


def _ask(children: Children, request: dict[str, Any], fd: int, progress: Progress, seconds: float) -> dict[str, Any]:
    with children.started(
        ["-m", "server.twin.loading", str(MEMORY)],
        stdin=subprocess.PIPE,  # which closes with this process, and ends that one
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(fd,),
    ) as process:
        assert process.stdin is not None  # noqa: S101 - opened with pipes, for the type checker
        assert process.stdout is not None  # noqa: S101 - as above
        progress.ending_by(process.kill)
        late = time.monotonic() + seconds
        clock = threading.Timer(seconds, process.kill)
        clock.start()
        with contextlib.suppress(BrokenPipeError):
            # Past its buffer, which would be flushed once more when it is closed.
            os.write(process.stdin.fileno(), json.dumps(request).encode() + b"\n")
        answer = _awaited(process.stdout, progress)
        clock.cancel()
    progress.check()
    if answer is not None:
        return answer
    if time.monotonic() > late:
        raise DeadlineExceeded(f"reading the document took more than {seconds:.0f} s")
    if process.returncode in _OUT_OF_MEMORY:
        limit = f"needed more than {MEMORY >> 20:,} MiB of memory"
        raise MemoryLimitExceeded(f"reading the document {limit}, or its parts are too deep in each other")
    raise Problem(500, "load-failed", f"the process that read the document ended with status {process.returncode}")


def _awaited(lines: IO[bytes], progress: Progress) -> dict[str, Any] | None:
    """Return the answer that comes after news of how far it is; None where none comes."""
    for line in lines:
        if not line.endswith(b"\n"):
            return None
        document: dict[str, Any] = json.loads(line)
        if "at" not in document:
            return document
        progress.at(*document["at"])
    return None


def _answer(request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    if "store" in request:
        document = _unpacked_document(request["document"], Path(f"/proc/self/fd/{request['source']}"))
        count, graphs = make_store(Path(request["store"]), _lines(document), lambda: _quads(document))
        return {"count": count, "graphs": [_packed_graph(graph) for graph in graphs], "report": None}
    with Staged.onto(Path(request["staged"])) as staged, os.fdopen(request["source"], "rb") as source:
        report = None
        source.seek(0)
        _telling(source, staged, say)
        if "model" in request:
            report = asdict(read_model(_unpacked_model(request["model"], source), staged))
        else:
            _read(_unpacked_document(request["document"], source), staged)
    return {"count": staged.count, "graphs": [_packed_graph(graph) for graph in staged.graphs], "report": report}


def _telling(source: IO[bytes], staged: Staged, say: Callable[[dict[str, Any]], None]) -> None:
    """Say from time to time how far the document is read, until the process ends."""
    fd = source.fileno()

    def tell() -> None:
        with contextlib.suppress(OSError):  # it is closed: the answer comes
            while True:
                time.sleep(_STEP)
                say({"at": [os.lseek(fd, 0, os.SEEK_CUR), staged.count]})

    threading.Thread(target=tell, daemon=True).start()


def _lines(document: Document) -> Lines | None:
    """Return a document that the engine can read a line at a time."""
    if document.lenient or document.format not in LINE_FORMATS or not isinstance(document.source, Path):
        return None
    return Lines(document.source, document.format)


def _unpacked_model(packed: dict[str, Any], source: IO[bytes]) -> Model:
    uuids = packed.pop("map")
    model = Model(source, **packed)
    return model if uuids is None else replace(model, map=PointMap({i: UUID(u) for i, u in uuids.items()}))


def _unpacked_document(packed: dict[str, Any], source: Source) -> Document:
    graph = _graph(packed["graph"])
    assert not isinstance(graph, ox.BlankNode)  # noqa: S101 - it was none before
    return Document(source, format_of_media_type(packed["format"]), graph, packed["lenient"])


def _problem(error: Exception) -> dict[str, Any]:
    problem = problem_of(error) or Problem(500, "internal", f"{type(error).__name__}: {error}")
    return {
        "status": problem.status,
        "kind": problem.kind,
        "detail": problem.detail,
        "hint": problem.hint,
        "headers": problem.headers,
        **problem.more,
    }


def main() -> None:
    """Serve one request. The argument is the memory cap in bytes."""
    request = begin()
    door = threading.Lock()

    def say(answer: dict[str, Any]) -> None:
        with door:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()

    try:
        answer = {"ok": _answer(request, say)}
    except MemoryError:
        os.abort()  # as the engine does
    except Exception as error:  # whatever it is, the server gets it as a problem
        answer = {"problem": _problem(error)}
    say(answer)
    os._exit(0)


if __name__ == "__main__":
    main()
