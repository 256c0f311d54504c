"""Markdown: tables of figures with their ratio, and the sections of the documentation."""

from __future__ import annotations

import argparse
import os
import platform
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


@dataclass(slots=True)
class Part:
    """A part of the report: a table, and what one has to know to read it."""

    title: str
    head: tuple[str, ...]
    text: str
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Add a row."""
        self.rows.append(cells)

    def markdown(self) -> str:
        """Return it as Markdown; columns but the first are to the right."""
        lines = [_row(self.head), "|---|" + "--:|" * (len(self.head) - 1), *map(_row, self.rows)]
        return "\n".join((f"### {self.title}", "", wrapped(self.text), "", *lines)) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def wrapped(text: str) -> str:
    """Return a paragraph in lines as long as the documentation's."""
    return textwrap.fill(" ".join(text.split()), 118, break_long_words=False, break_on_hyphens=False)


def milliseconds(seconds: float) -> str:
    """Return a time as a reader wants it."""
    if seconds >= 10:
        return f"{seconds:,.1f} s"
    return f"{seconds * 1000:,.{0 if seconds >= 0.1 else 1 if seconds >= 0.001 else 2}f} ms"


def megabytes(size: float) -> str:
    """Return a size in MB (10^6 bytes)."""
    return f"{size / 1e6:,.0f} MB"


def ratio(ours: float, theirs: float) -> str:
    """Return how many times theirs ours is."""
    return f"{ours / theirs:.2f}" if theirs else "-"


def machine() -> str:
    """Return what the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = model[1] if model else platform.machine()
    return f"{os.cpu_count()} cores ({processor}), {memory:.0f} GiB of memory, Python {platform.python_version()}"


def write_section(section: str, docs: Path = DOCS) -> None:
    """Put a section into the documentation, in place of the one with the same first line, its title."""
    title, text = section.partition("\n")[0], docs.read_text()
    there = re.compile(rf"^{re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if there.search(text):
        text = there.sub(lambda _: section.rstrip() + "\n\n", text)
    else:
        text = f"{text.rstrip()}\n\n{section}"
    docs.write_text(text.rstrip() + "\n")


def command(name: str, text: str | None, section: Callable[[], Part], docs: Path) -> None:
    """Be the command line of a benchmark of one section: print it, and write it to the documentation if asked."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=text, formatter_class=formatter)
    parser.add_argument("--write-docs", action="store_true", help=f"put the table into docs/{docs.name}")
    given = parser.parse_args()
    found = section().markdown().removeprefix("#")
    print(found)
    if given.write_docs:
        write_section(found, docs)
