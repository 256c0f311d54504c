from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad

from storage.errors import DirectoryError
from storage.export import back_up
from storage.files import DataDirectory
from storage.graph.journal import Journal
from storage.graph.store import GraphStore
from storage.series.store import SeriesStore
from tests.support.series import QUIET, everything, reading, table

NODE = NamedNode("urn:test:n")


def test_a_backup_opens_as_a_data_directory_with_later_generations(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    graph, series = GraphStore(directory), SeriesStore(directory.series, QUIET)
    journal = Journal(tmp_path / "changes")
    graph.add([Quad(NODE, NODE, NODE)])
    series.append(table([reading(1, 0, 1.0)]))
    back_up(graph, journal, series, tmp_path / "copy")
    graph.clear()
    series.append(table([reading(1, 0, 2.0)]))
    with pytest.raises(DirectoryError, match="not empty"):
        back_up(graph, journal, series, tmp_path / "copy")
    copied = DataDirectory(tmp_path / "copy")
    copied_graph, copied_series = GraphStore(copied), SeriesStore(copied.series, QUIET)
    assert len(copied_graph) == 1
    assert copied_graph.generation > graph.generation
    assert everything(copied_series) == [reading(1, 0, 1.0)]
    for opened in (copied_graph, copied_series, copied, graph, series, journal, directory):
        opened.close()
