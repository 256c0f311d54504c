"""What other implementations read and write: haystack-core (npm) and phable (PyPI).

What they get wrong is left out: haystack-core 3.0.13 writes no names of refs in Zinc, and cannot
read the backtick in a URI that it wrote; phable 0.1.29 fails on null in a list, and writes Zinc that nobody reads
(``\\ue9``, quotes in names of refs as they are).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from phable.io.ph_json import ph_from_json, ph_to_json
from phable.io.ph_zinc import ph_from_zinc

from ontologies.haystack.hayson import read_hayson
from ontologies.haystack.hayson_text import write_hayson
from ontologies.haystack.kinds import Grid, grid_of
from ontologies.haystack.trio import read_trio, write_trio
from ontologies.haystack.zinc import read_zinc
from ontologies.haystack.zinc_text import write_zinc
from tests.ontologies.haystack.grids import awkward, carytown
from tests.support.data import shared
from tests.support.node import installed, run_script

HERE = Path(__file__).parent / "node"


NAMES = re.compile(r"(Ref\(id='[^']*'), dis=(?:'[^']*'|None)")


def agreed() -> Grid:
    """The awkward grid without what one of them fails on."""
    grid = awkward()
    rows = [row for row in grid.rows if "`" not in str(row.get("v")) and "None, (" not in str(row.get("v"))]
    return replace(grid, rows=rows)


def trio_of(grid: Grid) -> str:
    return "".join(write_trio(grid.rows))


def tricky() -> Grid:
    return read_zinc(shared("haystack/grids/tricky.zinc").read_text())


GRIDS = (carytown, agreed, tricky)


@pytest.fixture(scope="module")
def opinions(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What haystack-core makes of each grid in each form."""
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(HERE / "opinion.mjs", folder)
    (folder / "node_modules").symlink_to(installed(HERE) / "node_modules")
    asked = [{"form": form, "text": write(grid())} for grid in GRIDS for form, write in WRITE.items()]
    (folder / "asked.json").write_text(json.dumps(asked))
    answers: list[dict[str, Any]] = run_script(folder / "opinion.mjs", str(folder / "asked.json"))
    return [{**question, **answer} for question, answer in zip(asked, answers, strict=True)]


WRITE: dict[str, Callable[[Grid], str]] = {"zinc": write_zinc, "hayson": write_hayson, "trio": trio_of}
READ: dict[str, Callable[[str], Grid]] = {
    "zinc": read_zinc,
    "hayson": read_hayson,
    "trio": lambda text: grid_of(read_trio(text)),
}


def rows(grid: Grid) -> list[str]:
    return [repr(dict(sorted(row.items()))) for row in grid.rows]


@pytest.mark.parametrize("form", READ)
@pytest.mark.parametrize("number", range(len(GRIDS) * len(WRITE)))
def test_haystack_core_reads_what_we_write_and_we_read_what_it_writes(
    opinions: list[dict[str, Any]], number: int, form: str
) -> None:
    opinion = opinions[number]
    theirs, ours = rows(READ[form](opinion[form])), rows(READ[opinion["form"]](opinion["text"]))
    if form != "hayson":
        theirs, ours = ([NAMES.sub(r"\1", row) for row in each] for each in (theirs, ours))
    assert theirs == ours


@pytest.mark.parametrize("make", GRIDS)
def test_phable_reads_what_we_write_and_we_read_what_it_writes(make: Callable[[], Grid]) -> None:
    grid = make()
    for theirs in (ph_from_zinc(write_zinc(grid)), ph_from_json(write_hayson(grid))):
        assert rows(read_hayson(ph_to_json(theirs))) == rows(grid)
