"""The cases of the DTDL parser's own test suite, and what we say of each."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontologies.dtdl import Undefined, read_models

UNDEFINED = {"AllowUndefinedExtensions": Undefined.ALWAYS, "DisallowUndefinedExtensions": Undefined.NEVER}
FOLDERS = ("doc-examples", "generated", "solecisms", "specification")
# Why a case is not asked, by what it needs; docs/dtdl.md lists the same.
NOT_ASKED = {
    "DTDL 4": "dtdl:context;4",
    "extension annotation": "dtdl:extension:annotation;",
    "extension historization": "dtdl:extension:historization;2",
    "extension mqtt": "dtdl:extension:mqtt;",
    "extension overriding": "dtdl:extension:overriding;",
    "extension requirement": "dtdl:extension:requirement;",
}
TOLERANT = "a parser told to tolerate mistakes"


@dataclass(frozen=True, slots=True)
class Case:
    """A case: its file, position in it, what the suite expects, and what we found. ``not_asked`` says why not."""

    folder: str
    name: str
    valid: bool
    expected: frozenset[str]
    found: tuple[str, ...] = ()
    not_asked: str | None = None

    @property
    def agrees(self) -> bool:
        return self.valid == (not self.found)

    @property
    def same_reason(self) -> bool:
        return not self.expected or bool(self.expected & set(self.found))


def run_cases(archive: Path) -> Iterator[Case]:
    """Run every case of DTDL 2 and 3 that the archive holds."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(member.name)
            if path.parent.name in FOLDERS and path.stem.endswith(("V2", "V3")):
                file = tar.extractfile(member)
                assert file is not None
                content = json.loads(file.read().decode("utf-8-sig"))
                for at, case in enumerate(content if isinstance(content, list) else [content]):
                    name = f"{path.stem}[{at}]" if isinstance(content, list) else path.stem
                    yield _run(path.parent.name, name, case)


def _run(folder: str, name: str, case: dict[str, Any]) -> Case:
    errors = case.get("expect", {}).get("parsingErrors") or []
    expected = frozenset(error["ValidationID"].rpartition(":")[2] for error in errors)
    not_asked = _why_not(folder, case)
    if not_asked:
        return Case(folder, name, case["valid"], expected, (), not_asked)
    documents = [*case["input"], *(found for step in case.get("resolution", []) for found in step["response"] or [])]
    undefined = next((UNDEFINED[option] for option in case["options"]), Undefined.BY_VERSION)
    models = read_models(documents, undefined, case.get("maxDtdlVersion", 3))
    return Case(folder, name, case["valid"], expected, tuple(finding.code for finding in models.findings))


def _why_not(folder: str, case: dict[str, Any]) -> str | None:
    if case.get("quirks"):
        return TOLERANT
    if folder == "specification":  # its uses of other versions are about refusing them
        return None
    text = json.dumps(case["input"])
    return next((reason for reason, needed in NOT_ASKED.items() if needed in text), None)
