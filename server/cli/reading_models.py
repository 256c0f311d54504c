"""Models read in the command's own process, as a server reads them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from server.cli.failure import Failure, failure_of

if TYPE_CHECKING:
    from pyoxigraph import Quad

    from server.twin.models import LoadReport, Model

_IN_MEMORY = 1 << 60  # quads: all of them, since they are wanted here


def report_of(model: Model) -> LoadReport:
    """Return what a server would report of a model that is a file. Raises Failure."""
    report, _ = _read(model)
    return report


def quads_of(file: Path, *, graph: str, brick: str | None = None, lenient: bool = False) -> list[Quad]:
    """Return what a server would load of a file, its points' references with it. Raises Failure."""
    from server.twin.models import Model

    _, quads = _read(Model(file, file.name, graph=graph, lenient=lenient, brick=brick))
    return quads


def _read(model: Model) -> tuple[LoadReport, list[Quad]]:
    import tempfile

    from server.twin.models import read_model
    from storage.graph.staging import Staged

    with tempfile.TemporaryDirectory() as folder, Staged(Path(folder), _IN_MEMORY) as staged, explained(model):
        report = read_model(model, staged)
        return report, staged.quads() or []


@contextlib.contextmanager
def explained(model: Model) -> Iterator[None]:
    """Turn what a model is refused for into a Failure."""
    from server.errors import problem_of

    try:
        yield
    except OSError as error:
        raise Failure(f"{model.document!s}: {error.strerror}") from None
    except Exception as error:
        if (problem := problem_of(error)) is None:
            raise
        failure = failure_of(problem.document())
        raise Failure(f"{model.document!s}: {failure.detail}", hint=hint_of(failure, model.lenient)) from None


def hint_of(failure: Failure, lenient: bool) -> str:
    """Return what helps against a failure to read a model."""
    if not lenient and any(word in failure.detail for word in ("IRI", "language tag")):
        return "--lenient repairs such terms, and says which"
    return failure.hint
