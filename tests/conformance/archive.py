"""The files of the W3C suites, by the URL that each is published at; read from the archive, never unpacked."""

from __future__ import annotations

import tarfile
from functools import cache

from tests.support.data import SHARED

NAME = "w3c-rdf-tests.tgz"
ROOT = "https://w3c.github.io/rdf-tests/sparql/"


def present() -> bool:
    """Tell whether the archive is there."""
    return (SHARED / NAME).exists()


@cache
def files() -> dict[str, bytes]:
    """Return the content of every file by its URL, in a fixed order."""
    with tarfile.open(SHARED / NAME) as archive:
        members = (member for member in archive if member.isfile() and member.name.startswith("sparql/"))
        found = {_url(member.name): _content(archive, member) for member in members}
    return dict(sorted(found.items()))


def _url(name: str) -> str:
    return ROOT + name.removeprefix("sparql/")


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


def text(url: str) -> str:
    """Return a file as text."""
    return files()[url].decode()
