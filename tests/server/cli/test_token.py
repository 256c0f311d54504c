"""`twinhouse token`, and servers that ask for one: over real sockets, with real clients."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLUpdateStore

from tests.server.cli.conftest import run
from tests.support.server import COMMAND, running_server, stop

OPEN = ("--host", "0.0.0.0")
SECRET = "a-secret-of-the-container"  # noqa: S105 - the test's own


def made(data: Path, role: str) -> str:
    result = run("token", "create", f"a {role} client", "--role", role, "--data", data)
    assert result.exit_code == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_a_token_is_shown_once_and_listed_without_its_secret(data: Path) -> None:
    token = made(data, "write")
    listed = run("token", "list", "--json", "--data", data)
    [kept] = json.loads(listed.stdout)
    assert (kept["name"], kept["role"], kept["id"]) == ("a write client", "write", token.split("_")[1])
    assert token.split("_", 2)[2] not in listed.stdout
    assert kept["id"] in run("token", "list", "--data", data).stdout
    assert run("token", "revoke", kept["id"], "--data", data).exit_code == 0
    assert json.loads(run("token", "list", "--json", "--data", data).stdout) == []
    gone = run("token", "revoke", kept["id"], "--data", data)
    assert (gone.exit_code, "there is no token" in gone.stderr) == (1, True)


def test_tokens_of_nothing(data: Path) -> None:
    assert run("token", "list", "--data", data).exit_code == 1
    assert run("token", "create", "x", "--role", "none", "--data", data).exit_code == 2
    assert not data.exists()


def test_tokens_change_while_a_server_has_the_directory(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server(data, "--anonymous", "none") as url:
        refused = run("query", "ASK {}", "--url", url)
        assert (refused.exit_code, "TWINHOUSE_TOKEN" in refused.stderr) == (1, True)
        token = made(data, "read")
        monkeypatch.setenv("TWINHOUSE_TOKEN", token)
        assert run("query", "ASK {}", "--url", url).stdout == "true\n"
        low = run("update", "CLEAR ALL", "--url", url)
        assert (low.exit_code, "needs the role write" in low.stderr) == (1, True)
        assert run("healthcheck", "--url", url).stdout == "ready\n"
        assert run("token", "revoke", token.split("_")[1], "--data", data).exit_code == 0
        assert "the token is not valid" in run("query", "ASK {}", "--url", url).stderr


def test_rdflib_logs_in_by_basic(data: Path) -> None:
    token = made(data, "write")
    with running_server(data, "--anonymous", "none") as url:
        store = SPARQLUpdateStore(f"{url}/query", f"{url}/update", auth=("anyone", token))
        graph = rdflib.Graph(store, identifier="urn:rdflib:graph")
        triple = (rdflib.URIRef("urn:a:s"), rdflib.URIRef("urn:a:p"), rdflib.Literal(1))
        graph.add(triple)
        assert triple in graph


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_beyond_loopback_it_refuses_to_start_without_a_token(data: Path, command: str) -> None:
    done = subprocess.run(
        [*COMMAND, command, "--data", str(data), "--port", "0", *OPEN], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    for way in ("twinhouse token create", "TWINHOUSE_TOKEN", "--insecure"):
        assert way in done.stderr
    assert not data.exists()


def test_beyond_loopback_strangers_may_not_write(data: Path) -> None:
    made(data, "admin")
    done = run("serve", "--data", data, "--port", "0", *OPEN, "--anonymous", "write")
    assert (done.exit_code, "--insecure" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("options", "environment", "status"),
    [((), {"TWINHOUSE_TOKEN": SECRET}, 401), (("--insecure",), {}, 200), ((), {"TWINHOUSE_INSECURE": "true"}, 200)],
)
def test_beyond_loopback(data: Path, options: tuple[str, ...], environment: dict[str, str], status: int) -> None:
    with running_server(data, *OPEN, *options, env=os.environ | environment) as url:
        assert httpx2.get(f"{url}/graphs").status_code == status
        if status == 401:
            assert httpx2.post(f"{url}/seal", headers={"Authorization": f"Bearer {SECRET}"}).status_code == 200


@contextmanager
def logged(data: Path, log: Path, *options: str, **environment: str) -> Iterator[str]:
    """Serve a directory, with its log in a file; gives the URL that the log says."""
    command = [*COMMAND, "serve", "--data", str(data), "--port", "0", *options]
    with log.open("w") as file:
        process = subprocess.Popen(command, stderr=file, env=os.environ | environment)
    try:
        while "serving " not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield re.findall(r"^serving .* at (.*)/$", log.read_text(), re.MULTILINE)[0]
    finally:
        assert stop(process) == 0


def test_no_token_is_logged(data: Path, tmp_path: Path) -> None:
    token, wrong, log = made(data, "read"), "twh_00000000_" + "w" * 32, tmp_path / "log"
    with logged(data, log, "--anonymous", "none", TWINHOUSE_TOKEN=SECRET) as url:
        for sent in (token, wrong, SECRET):
            for path in ("/graphs", "/nothing", "/points?nonsense=1"):
                httpx2.get(url + path, headers={"Authorization": f"Bearer {sent}"})
                httpx2.get(url + path, auth=("anyone", sent))
    text = log.read_text()
    assert "GET /graphs 401" in text
    assert not [secret for secret in (token.split("_", 2)[2], wrong, SECRET) if secret in text]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate of its own authority for localhost, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    command = ["openssl", "req", "-x509", *kind, *name, "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def test_https_by_a_certificate(
    data: Path, tmp_path: Path, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate
    with logged(data, tmp_path / "log", "--tls-cert", cert, "--tls-key", key) as url:
        assert url.startswith("https://")
        assert httpx2.get(f"{url}/livez", verify=ssl.create_default_context(cafile=cert)).status_code == 200
        assert run("healthcheck", "--url", url).stdout == "ready\n"
        monkeypatch.setenv("TWINHOUSE_PORT", url.rpartition(":")[2])
        monkeypatch.setenv("TWINHOUSE_TLS_CERT", cert)
        assert run("healthcheck").stdout == "ready\n"
        monkeypatch.setenv("SSL_CERT_FILE", cert)
        monkeypatch.delenv("TWINHOUSE_TLS_CERT")
        assert run("query", "ASK {}", "--url", url).stdout == "true\n"


def test_a_certificate_that_is_none(data: Path, certificate: tuple[str, str]) -> None:
    cert, key = certificate
    for options, said in (
        (("--tls-cert", cert), "belong together"),
        (("--tls-cert", key, "--tls-key", key), "no certificate"),
        (("--tls-cert", "nowhere.pem", "--tls-key", key), "No such file"),
    ):
        done = run("serve", "--data", data, "--port", "0", *options)
        assert (done.exit_code, said in done.stderr) == (1, True), done.stderr
    assert not data.exists()
