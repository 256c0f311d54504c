"""Models of every form through the command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.server.cli.conftest import MODEL, Twin, run

SITE = 'ver:"3.0"\nid,dis,site,area\n@s "Site","Site",M,10m²\n@p,"No class",,\n'


def convert(*arguments: object, code: int = 0) -> tuple[str, str]:
    result = run("convert", *arguments)
    assert result.exit_code == code, (result.stdout, result.stderr)
    return result.stdout, result.stderr


def test_a_dry_run_says_what_is_there_and_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "site.txt").write_text(SITE)
    result = run("load", tmp_path / "site.txt", "--dry-run", "--data", tmp_path / "data")
    assert result.exit_code == 0, result.stderr
    assert "haystack-zinc" in result.stdout
    assert "would be urn:twinhouse:model:site" in result.stdout
    assert "1  rec:Site" in result.stdout
    assert "row 2 (@p): no class of its own" in result.stderr
    assert not (tmp_path / "data").exists()
    broken = run("load", "--dry-run", _written(tmp_path / "b.zinc", 'ver:"3.0"\na\nx\n'))
    assert broken.exit_code == 1
    assert "line 3, column 1" in broken.stderr


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_folder_is_loaded_and_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    (folder / "deep").mkdir(parents=True)
    (folder / "site.zinc").write_text(SITE)
    (folder / "deep" / "site.ttl").write_text(MODEL)
    twin = Twin(("--data", str(tmp_path / "data")))
    reports = json.loads(twin("load", folder, "--json").stdout)
    assert {report["graphs"][0] for report in reports} == {
        "urn:twinhouse:model:site",
        "urn:twinhouse:model:deep-site",
    }
    twin("export", tmp_path / "out.zinc", "--as", "haystack-zinc", "--graph", "urn:twinhouse:model:site")
    assert "10m²" in (tmp_path / "out.zinc").read_text()
    out = twin("export", tmp_path / "all.trio", "--as", "haystack-trio")
    assert (tmp_path / "all.trio").read_text().count("\npoint\n") == 2
    assert "all.trio: Haystack Trio" in out.stdout
    twin("export", "--as", "rec", "-o", tmp_path / "all.rec.ttl")
    assert twin("load", tmp_path / "all.rec.ttl", "--dry-run", "--json").stdout.count('"form": "rec"') == 1
    for where in ((), (tmp_path / "x", "-o", tmp_path / "y")):
        assert "say once where to write" in twin("export", *where, "--as", "rec", code=2).stderr
    assert "--as" in twin("export", tmp_path / "x", "--graph", "urn:g", code=2).stderr
    assert "docx" in twin("export", tmp_path / "x", "--as", "docx", code=1).stderr


def test_an_export_hints_at_no_option_that_it_lacks(tmp_path: Path) -> None:
    unknown = "".join(f'<urn:site:t1> <urn:p{number}> "x" .\n' for number in range(7))
    twin = Twin(("--data", str(tmp_path / "data")))
    twin("load", _written(tmp_path / "site.ttl", MODEL + unknown))
    told = twin("export", tmp_path / "site.zinc", "--as", "haystack-zinc").stderr
    assert re.search(r"and \d+ more$", told, re.MULTILINE)
    assert "--json" not in told


def test_convert_there_and_back(tmp_path: Path) -> None:
    source = _written(tmp_path / "site.zinc", SITE)
    out, err = convert(source, tmp_path / "site.ttl")
    assert "(haystack-zinc) ->" in out
    assert "no class of its own" in err
    convert(tmp_path / "site.ttl", tmp_path / "again.json", "--to", "haystack-json")
    back, _ = convert(tmp_path / "again.json", tmp_path / "again.zinc", "--json")
    assert json.loads(back)["written"]["counts"] == {"records": 2}
    rows = (tmp_path / "again.zinc").read_text().splitlines()[2:]
    assert len(rows) == 2
    assert any("@s" in row and "10m²" in row for row in rows)


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ('ver:"3.0"\na\nx\n', ("out.ttl",), "line 3, column 1"),
        (SITE, ("out.docx",), "no ending of a known form"),
        (SITE, ("out.ttl", "--to", "docx"), "no form of models"),
        ("what?", ("out.ttl",), "known by its content"),
    ],
)
def test_convert_says_why_not_and_writes_nothing(
    tmp_path: Path, text: str, arguments: tuple[str, ...], said: str
) -> None:
    _, err = convert(_written(tmp_path / "in", text), *arguments, code=1)
    assert said in err
    assert not (tmp_path / arguments[0]).exists()


def test_forms_are_listed() -> None:
    assert "haystack-zinc" in run("forms").stdout
    assert {"turtle", "haystack-trio"} <= {form["name"] for form in json.loads(run("forms", "--json").stdout)}


def test_diff_of_files_and_of_what_is_loaded(tmp_path: Path) -> None:
    old = _written(tmp_path / "site.zinc", SITE)
    same = _written(tmp_path / "other.trio", 'id:@s "Site"\ndis:Site\nsite\narea:10m²\n---\nid:@p\ndis:"No class"\n')
    new = _written(tmp_path / "new.zinc", SITE.replace("10m²", "12m²"))
    assert run("diff", old, same).exit_code == 0
    assert run("diff", old, _written(tmp_path / "b.txt", SITE)).exit_code == 0
    changed = run("diff", old, new)
    assert changed.exit_code == 1
    assert changed.stdout.count("\n- ") + changed.stdout.startswith("- ") == 1
    assert "1 triples added, 1 removed" in changed.stdout
    twin = Twin(("--data", str(tmp_path / "data")))
    twin("load", old)
    twin("diff", old)
    found = json.loads(twin("diff", new, "--graph", "urn:twinhouse:model:site", "--json", code=1).stdout)
    assert (len(found["added"]), len(found["removed"])) == (1, 1)
    assert "no graph" in twin("diff", new, code=1).stderr
    assert "line 3" in run("diff", _written(tmp_path / "bad.zinc", 'ver:"3.0"\na\nx\n'), old).stderr
    assert run("diff", tmp_path / "missing.ttl", old).exit_code == 1


def test_convert_keeps_carriage_returns_in_xml(tmp_path: Path) -> None:
    source, middle, back = tmp_path / "a.ttl", tmp_path / "a.rdf", tmp_path / "b.nt"
    source.write_text(r'<urn:a> <urn:b:c> "x\r\ny\rz" .')
    convert(source, middle)
    convert(middle, back)
    assert back.read_text() == '<urn:a> <urn:b:c> "x\\r\\ny\\rz" .\n'


def test_convert_says_what_xml_cannot_hold(tmp_path: Path) -> None:
    source = tmp_path / "a.ttl"
    source.write_text(r'<urn:a> <urn:b:c> "\u0001" .')
    _, err = convert(source, tmp_path / "a.rdf", code=1)
    assert "U+0001, which XML cannot hold" in err
    assert not (tmp_path / "a.rdf").exists()
