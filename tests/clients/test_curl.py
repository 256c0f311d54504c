"""curl, as the documentation uses it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clients.service import PRODUCT, TOKEN
from tests.server.building import SITE, ZONES
from tests.support.commands import require_commands
from tests.support.service import Service

HTTP_ERROR, PARTIAL = 22, 18  # curl's exit codes


@pytest.fixture(autouse=True)
def _curl() -> None:
    require_commands("curl")


def curl(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "60", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def test_a_query_in_the_url_and_in_a_form(service: Service) -> None:
    for more in (["--get"], []):
        done = curl(*more, f"{service.url}/query", "-H", "Accept: text/csv", "--data-urlencode", f"query={ZONES}")
        assert done.returncode == 0
        assert sorted(done.stdout.decode().split()) == [
            "point,vav",
            f"{SITE}zone1,{SITE}vav1",
            f"{SITE}zone2,{SITE}vav2",
        ]


def test_a_file_becomes_a_graph_and_comes_back(service: Service, tmp_path: Path) -> None:
    (file := tmp_path / "graph.nt").write_text("<urn:curl:s> <urn:curl:p> <urn:curl:o> .\n")
    url = f"{service.url}/store?graph=urn:curl"
    put = curl("--upload-file", str(file), "-H", "Content-Type: application/n-triples", "-w", "%{http_code}", url)
    assert (put.returncode, put.stdout) == (0, b"201")
    assert curl(url, "-H", "Accept: application/n-triples").stdout == file.read_bytes()
    assert curl("-X", "DELETE", url).returncode == 0
    gone = curl(url)
    assert gone.returncode == HTTP_ERROR
    assert b"no graph <urn:curl>" in gone.stdout


def test_a_document_from_a_pipe_has_no_length(service: Service) -> None:
    graph = f"{service.url}/store?graph=urn:pipe"
    chunked = ("-H", "Content-Type: text/turtle", "-H", "Transfer-Encoding: chunked", "--data-binary", "@-")
    assert curl("-X", "PUT", *chunked, graph, data=b"<urn:a> <urn:b> 1 .").returncode == 0
    assert b"<urn:b>" in curl(graph).stdout


def test_a_bad_query_is_an_error(service: Service) -> None:
    done = curl(f"{service.url}/query", "--data-urlencode", "query=SELECT")
    assert done.returncode == HTTP_ERROR
    assert b"urn:twinhouse:problem:query-syntax" in done.stdout


def test_an_answer_that_breaks_off_is_an_error(service: Service) -> None:
    done = curl(f"{service.url}/query?format=csv", "--data-urlencode", f"query=SELECT ?a ?b ?c {PRODUCT}")
    assert done.returncode == PARTIAL
    assert done.stdout.startswith(b"a,b,c\r\n")


def test_a_token_as_bearer_or_as_password(secret: Service) -> None:
    url = f"{secret.url}/query?query=ASK%7B%7D"
    assert curl(url).returncode == HTTP_ERROR
    for given in (("-H", f"Authorization: Bearer {TOKEN}"), ("--user", f"anyone:{TOKEN}")):
        assert b"true" in curl(*given, url).stdout
